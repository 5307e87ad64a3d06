"""
What a standalone server does on its own: the work of Kubernetes' controllers.

Owns the emptying of namespaces, the collection of garbage, and the kinds that come and go
at run time.  Reads and writes objects through the stores, as a
client would, and follows them with watches of its own; must not know HTTP, nor which
database there is.
"""
