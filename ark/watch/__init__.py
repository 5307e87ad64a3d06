"""
From the log to those who read and watch it.

Owns the L{cacher.Cacher}, the one way to storage for everything above: it follows the
log, keeps its recent end and the objects in use in memory, and wakes the watches.  It
knows keys, revisions and bytes; not HTTP, and of Kubernetes only the types of watch
events.
"""
