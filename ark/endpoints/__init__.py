"""
endpoints
"""
