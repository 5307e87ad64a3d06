"""
controllers
"""
