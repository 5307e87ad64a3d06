"""
Whether a user may do what a request asks for.

Owns the attributes that are judged, the decision and its wording, and the ways to come
to one.  Must not know how the user was found out, nor look at an object.
"""
