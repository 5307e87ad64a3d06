"""
Patches: what becomes of a document when a change to it is applied.

Pure functions from values to values that never change what they are given, so that a
patch can be applied again to a newer document.  The package owns the rules of each kind of
patch; it knows nothing of requests, storage or which objects exist.
"""
