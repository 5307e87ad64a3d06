"""
client-go: the library that every controller written in Go stands on.
"""
