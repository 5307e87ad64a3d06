"""
ValidatingAdmissionPolicy and MutatingAdmissionPolicy.

It owns what policies, their bindings and parameters say, compiled once for each change, and
the two plug-ins that hold writes against them.  It must not know how objects are stored.
"""
