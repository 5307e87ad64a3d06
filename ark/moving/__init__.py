"""
Moving the objects of a cluster's custom resources into a database of ours, and back.

It owns the steps of the way and what is written down of them.  It must not know how objects are
served.
"""
