"""
Rules of fabric8's C{kubernetes-client}.
"""
