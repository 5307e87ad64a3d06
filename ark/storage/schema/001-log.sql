-- Version 1: the log, the pointers into it, and the counter.

-- Every version of every object.  There is no index by key: writing one costs more than all
-- else together.  A key's history is walked from its newest version through "previous".
CREATE TABLE ark_log (
    revision INTEGER PRIMARY KEY,
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    event TEXT NOT NULL,
    previous INTEGER NOT NULL,
    uid TEXT NOT NULL,
    created_at REAL NOT NULL,
    labels TEXT NOT NULL,
    body TEXT NOT NULL
);

-- The newest version of a deleted object has no row in ark_object to be found by.
CREATE INDEX ark_log_deleted ON ark_log (resource, namespace, name, revision) WHERE event = 'DELETED';

-- Live objects.
CREATE TABLE ark_object (
    resource TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    revision INTEGER NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;

-- One row.  Up to swept_revision, compaction has dropped what it may.
CREATE TABLE ark_meta (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    revision INTEGER NOT NULL,
    compacted_revision INTEGER NOT NULL,
    swept_revision INTEGER NOT NULL
);

INSERT INTO ark_meta (id, revision, compacted_revision, swept_revision) VALUES (1, 1, 0, 0);
