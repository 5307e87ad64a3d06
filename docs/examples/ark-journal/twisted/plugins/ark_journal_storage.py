"""
Tells the server that there is one more kind of storage.
"""

from ark.storage.registry import StorageBackendFactory

journal = StorageBackendFactory(
    "journal",
    "one file that is only appended to, and this process's memory",
    "ark_journal.backend.open_backend",
    ("db_path", "workers"),
)
