"""
registry
"""
