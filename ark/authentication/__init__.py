"""
authentication
"""
