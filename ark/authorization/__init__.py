"""
authorization
"""
