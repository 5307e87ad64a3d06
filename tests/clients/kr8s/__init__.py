"""
Rules of C{kr8s}.
"""
