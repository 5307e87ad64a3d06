"""
The kinds: their definitions, and what is told about them.

Owns the manifests (C{*/*.yaml}), the L{ark.apis.kind.Kind} made of each served version,
and the discovery and OpenAPI documents.  It must not know of objects, storage or HTTP.
"""
