"""
The same scenarios of admission on kube-apiserver, about a definition's objects, and on our server behind another
one's aggregator, about the same objects: what clients are answered and what webhooks are asked is compared.
"""
