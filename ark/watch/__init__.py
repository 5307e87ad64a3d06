"""
watch
"""
