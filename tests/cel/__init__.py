"""
Tests of L{ark.cel}.
"""
