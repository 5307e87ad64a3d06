"""
The storage backends that come with the server.
"""

from ark.storage.registry import StorageBackendFactory

memory = StorageBackendFactory(
    "memory",
    "in this process's memory, forgotten at exit",
    "ark.storage.memory.open_backend",
)

sqlite = StorageBackendFactory(
    "sqlite",
    "one SQLite file on a local disk",
    "ark.storage.sqlite.open_backend",
    ("db_path", "workers"),
)
