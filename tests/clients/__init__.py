"""
The clients that people use, unchanged and pinned, against our server over a real socket.

Each client has a folder: what it is and the rules that it must find kept stand in C{client.yaml}, the program that
tries them is written with that client's own library, in its own language.  Knows nothing of how the server works.
"""
