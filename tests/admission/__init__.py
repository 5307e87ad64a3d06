"""
Tests of L{ark.admission}.
"""
