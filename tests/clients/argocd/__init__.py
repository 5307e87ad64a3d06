"""
Argo CD: the engine of its controller.
"""
