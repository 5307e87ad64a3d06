-- Version 2: which views the servers have made, and a digest of what they are made of.  An operator's
-- own are not here, and are left alone.
CREATE TABLE IF NOT EXISTS ark_view (
    name VARBINARY(256) NOT NULL PRIMARY KEY,
    digest VARBINARY(64) NOT NULL
) ENGINE=InnoDB;
