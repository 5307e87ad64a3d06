"""
Helm 4, the command.
"""
