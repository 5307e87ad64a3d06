"""
Helm 3, the command.
"""
