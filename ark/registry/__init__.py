"""
The generic flow of a resource: decode, default, validate, and write.

It knows kinds and objects and what Kubernetes demands of their changes.  It must not
know HTTP, nor which database there is; it writes through L{ark.watch.cacher.Cacher}.
"""
