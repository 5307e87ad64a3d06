"""
Flux: how its kustomize-controller applies, waits for, compares and deletes objects.
"""
