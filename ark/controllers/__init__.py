"""
What a standalone server does on its own: the work of Kubernetes' controllers.

Owns the emptying of namespaces.  Reads and writes objects through the stores, as a
client would, and follows them with watches of its own; must not know HTTP, nor which
database there is.
"""
