"""
Rules of C{kopf}, the framework for operators in Python.
"""
