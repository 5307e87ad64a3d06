"""
Rules of C{kubernetes}, the official client for Python.
"""
