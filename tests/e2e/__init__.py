"""
Command lines of the real kubectl against our server and against kube-apiserver, and their output compared.

Owns the scenarios and the manifests, which are data.  Knows nothing of HTTP.
"""
