"""
The Kubernetes cluster that a server stands in: how it is reached, and what is followed there.

It owns the connection to kube-apiserver, its credentials, and informers on its objects.  It
must not know what those objects are used for.  Tests of what asks a cluster use
L{ark.cluster.memory.MemoryCluster}.
"""
