"""
Rules of C{@kubernetes/client-node}.
"""
