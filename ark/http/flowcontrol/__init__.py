"""
Priority and fairness: who goes first when there is more to do than can be done.

It owns the classification of requests into flows (L{ark.http.flowcontrol.rules}), the queues
of each priority level (L{ark.http.flowcontrol.fairqueue}), and the seats that levels share
(L{ark.http.flowcontrol.control}).  What a flow schema or a priority level says is that of
C{flowcontrol.apiserver.k8s.io/v1}, from the cluster's objects where there is a cluster
(L{ark.http.flowcontrol.followed}), else as in a new cluster (L{ark.http.flowcontrol.bootstrap}).

It knows who asks and what for; it must not know connections, nor what answering takes beyond an
estimate.
"""
