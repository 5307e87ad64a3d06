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
    "ark.storage.sqlite.inspect",
    beside="ark.storage.sqlite.open_beside",
)

mysql = StorageBackendFactory(
    "mysql",
    "a MySQL or MariaDB database that any number of servers share",
    "ark.storage.mysql.open_backend",
    (
        "db_url",
        "mysql_host",
        "mysql_port",
        "mysql_database",
        "mysql_user",
        "mysql_password",
        "mysql_ssl_mode",
        "mysql_ssl_ca",
        "mysql_ssl_cert",
        "mysql_ssl_key",
        "mysql_pool_size",
    ),
    "ark.storage.mysql.inspect",
)

postgresql = StorageBackendFactory(
    "postgresql",
    "a PostgreSQL database that any number of servers share",
    "ark.storage.postgresql.open_backend",
    (
        "db_url",
        "postgres_host",
        "postgres_port",
        "postgres_database",
        "postgres_user",
        "postgres_password",
        "postgres_sslmode",
        "postgres_sslrootcert",
        "postgres_sslcert",
        "postgres_sslkey",
        "postgres_pool_size",
    ),
    "ark.storage.postgresql.inspect",
)
