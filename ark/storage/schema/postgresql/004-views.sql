-- Version 4: which views the servers have made, and a digest of what they are made of.  An operator's
-- own are not here, and are left alone.
CREATE TABLE ark_view (
    name text COLLATE "C" PRIMARY KEY,
    digest text COLLATE "C" NOT NULL
);
