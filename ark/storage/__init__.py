"""
Where versions of objects live: an append-only log under one strictly rising revision.

Owns the storage backends (L{ark.interfaces.IStorageBackend}), how they are found by
scheme, their schemas and migrations, group commit, and the conformance tests that any
backend must pass (L{ark.storage.testing}).

Knows keys, revisions and bytes.  Must not know HTTP, verbs, selectors, or what is inside
an object; only the reporting views, which people read and the server never does, look
into bodies.
"""
