"""
Our server behind the aggregator of a real kube-apiserver, on SQLite and on PostgreSQL with two replicas.

What stands around it is the cluster of L{tests.cluster}, with RBAC, the front proxy and the real
controllers.
"""
