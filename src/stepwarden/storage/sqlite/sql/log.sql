-- The log's tables, schema 2. Run once, when the file is made; application_id and user_version say that it was.
-- `guards` follows; `migrate_1` makes the same of a file of schema 1.
--
-- blocks   one row per committed group: entries first .. first + count - 1, each with a 16-bit big-endian length
--          before it (the entry bundle of c2sp.org/tlog-tiles)
-- openings one row per group that has any: the sealed personal values of the same entries, each with a 32-bit
--          big-endian length; erasure overwrites its bytes in place (see `bundles`)
-- tiles    full tiles of 256 hashes
-- head     one row: how long the log is, under which root and signature, and which writer may go on; entries before
--          `floor` were pruned, or are about to be
-- side     secrets of entries that must not be in the log itself (factor seeds, key hashes, keys per person)

CREATE TABLE head (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    size       INTEGER NOT NULL CHECK (size >= 0),
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),
    root       BLOB    NOT NULL,
    checkpoint TEXT    NOT NULL,
    floor      INTEGER NOT NULL DEFAULT 0 CHECK (floor >= 0 AND floor % 256 = 0)
) STRICT;

INSERT INTO head (id, size, epoch, root, checkpoint) VALUES (1, 0, 0, x'', '');

CREATE TABLE blocks (
    first  INTEGER PRIMARY KEY,
    count  INTEGER NOT NULL CHECK (count > 0),
    leaves BLOB    NOT NULL
) STRICT;

CREATE TABLE openings (
    first  INTEGER PRIMARY KEY REFERENCES blocks (first),
    count  INTEGER NOT NULL CHECK (count > 0),
    sealed BLOB    NOT NULL
) STRICT;

CREATE TABLE tiles (
    level  INTEGER NOT NULL,
    idx    INTEGER NOT NULL,
    hashes BLOB    NOT NULL CHECK (length(hashes) = 8192),
    UNIQUE (level, idx)
) STRICT;

CREATE TABLE side (
    space TEXT NOT NULL,
    key   BLOB NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (space, key)
) STRICT, WITHOUT ROWID;
