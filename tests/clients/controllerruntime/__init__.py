"""
controller-runtime: what Ark's own controller, and most others, are built with.
"""
