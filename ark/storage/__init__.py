"""
storage
"""
