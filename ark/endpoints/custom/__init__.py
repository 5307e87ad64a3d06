"""
endpoints/custom
"""
