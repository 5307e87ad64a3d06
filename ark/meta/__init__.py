"""
The vocabulary of the Kubernetes API: names, selectors, errors, tokens, time.

Pure functions and value types; nothing here does I/O or knows of HTTP, Twisted
or a database.
"""
