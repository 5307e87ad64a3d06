"""
admission
"""
