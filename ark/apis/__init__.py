"""
apis
"""
