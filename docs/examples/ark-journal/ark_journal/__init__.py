"""
A storage backend over a file that is only appended to.
"""
