"""
apply
"""
