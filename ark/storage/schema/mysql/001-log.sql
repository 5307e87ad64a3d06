-- Version 1: the log, the pointers into it, and the counter.  Statements that change the schema
-- commit by themselves here: each must do no harm when it is run a second time.

-- Every version of every object.  Keys are bytes: they order bytewise, and a space at the end
-- counts.  Bodies of usual size stay in the row.
CREATE TABLE IF NOT EXISTS ark_log (
    revision BIGINT NOT NULL PRIMARY KEY,
    resource VARBINARY(512) NOT NULL,
    namespace VARBINARY(512) NOT NULL,
    name VARBINARY(2000) NOT NULL,
    event VARBINARY(8) NOT NULL,
    previous BIGINT NOT NULL,
    uid VARBINARY(2048) NOT NULL,
    created_at DOUBLE NOT NULL,
    labels LONGTEXT NOT NULL,
    body LONGTEXT NOT NULL
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

-- Live objects.  The revision before is there for a write to compare with what it expects.
CREATE TABLE IF NOT EXISTS ark_object (
    resource VARBINARY(512) NOT NULL,
    namespace VARBINARY(512) NOT NULL,
    name VARBINARY(2000) NOT NULL,
    revision BIGINT NOT NULL,
    previous BIGINT NOT NULL,
    PRIMARY KEY (resource, namespace, name)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- Deletions above the floor: the newest version of a deleted object has no row in ark_object
-- to be found by.
CREATE TABLE IF NOT EXISTS ark_deleted (
    resource VARBINARY(512) NOT NULL,
    namespace VARBINARY(512) NOT NULL,
    name VARBINARY(2000) NOT NULL,
    revision BIGINT NOT NULL,
    PRIMARY KEY (resource, namespace, name, revision)
) ENGINE=InnoDB ROW_FORMAT=DYNAMIC;

-- One row, the counter.  Its lock is what commits stand in line for, and so its order is theirs.
-- As long as there is a mark, the database is being moved, and commits are refused.
CREATE TABLE IF NOT EXISTS ark_meta (
    id INTEGER NOT NULL PRIMARY KEY,
    revision BIGINT NOT NULL,
    mark LONGTEXT NOT NULL
) ENGINE=InnoDB DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_bin;

INSERT IGNORE INTO ark_meta (id, revision, mark) VALUES (1, 1, '');

-- One row, apart from the counter so that compaction never stands in a commit's way.  Up to
-- swept_revision, it has dropped what it may.
CREATE TABLE IF NOT EXISTS ark_compaction (
    id INTEGER NOT NULL PRIMARY KEY,
    compacted_revision BIGINT NOT NULL,
    swept_revision BIGINT NOT NULL
) ENGINE=InnoDB;

INSERT IGNORE INTO ark_compaction (id, compacted_revision, swept_revision) VALUES (1, 0, 0);

-- Each process that writes, with its newest batch: so that it can find out what became of it
-- when the answer was lost, and that nothing comes of it any more once it has asked.
CREATE TABLE IF NOT EXISTS ark_writer (
    id VARBINARY(64) NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    first_revision BIGINT NOT NULL,
    last_revision BIGINT NOT NULL,
    written_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP
) ENGINE=InnoDB;
