"""
Rules of C{lightkube}.
"""
