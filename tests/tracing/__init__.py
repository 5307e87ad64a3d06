"""
Tests of L{ark.tracing}.
"""
