"""
Kustomize, the command, and what is built into kubectl.
"""
