"""
A real Kubernetes control plane for tests: built from its pinned Go modules, started on loopback.

Owns the Go modules, the binaries made from them, and the fixtures that start etcd, kube-apiserver,
kube-controller-manager and our own server.  Knows nothing of what is asked of them.
"""
