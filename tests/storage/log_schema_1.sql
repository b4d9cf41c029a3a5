-- The log. Run once, when the file is made; application_id and user_version say that it was.
--
-- blocks   one row per committed group: entries first .. first + count - 1, each with a 16-bit big-endian length
--          before it (the entry bundle of c2sp.org/tlog-tiles)
-- openings one row per group that has any: the sealed personal values of the same entries, each with a 32-bit
--          big-endian length; erasure rewrites `sealed`
-- tiles    full tiles of 256 hashes
-- head     one row: how long the log is, under which root and signature, and which writer may go on
-- side     secrets of entries that must not be in the log itself (factor seeds, key hashes, keys per person)

CREATE TABLE head (
    id         INTEGER PRIMARY KEY CHECK (id = 1),
    size       INTEGER NOT NULL CHECK (size >= 0),
    epoch      INTEGER NOT NULL CHECK (epoch >= 0),
    root       BLOB    NOT NULL,
    checkpoint TEXT    NOT NULL
) STRICT;

INSERT INTO head VALUES (1, 0, 0, x'', '');

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

-- Guards. They stop accidents and careless tools, not somebody who owns the file: against that one the signed
-- tree helps. A trigger on DELETE does not see what INSERT OR REPLACE removes unless the connection sets
-- recursive_triggers, so the BEFORE INSERT guards refuse every place that is not the next.

CREATE TRIGGER blocks_in_order BEFORE INSERT ON blocks
WHEN NEW.first IS NOT (SELECT size FROM head)
  OR NEW.first IS NOT (SELECT coalesce((SELECT first + count FROM blocks ORDER BY first DESC LIMIT 1), 0))
BEGIN SELECT RAISE(ABORT, 'guard: a block begins where the log ends'); END;

CREATE TRIGGER blocks_stay BEFORE DELETE ON blocks
BEGIN SELECT RAISE(ABORT, 'guard: entries are never deleted'); END;

CREATE TRIGGER blocks_unchanged BEFORE UPDATE ON blocks
BEGIN SELECT RAISE(ABORT, 'guard: entries are never changed'); END;

CREATE TRIGGER openings_in_order BEFORE INSERT ON openings
WHEN NOT EXISTS (SELECT 1 FROM blocks WHERE first = NEW.first AND count = NEW.count)
  OR EXISTS (SELECT 1 FROM openings WHERE first >= NEW.first)
BEGIN SELECT RAISE(ABORT, 'guard: openings belong to the newest block, once'); END;

CREATE TRIGGER openings_stay BEFORE DELETE ON openings
BEGIN SELECT RAISE(ABORT, 'guard: openings are rewritten, not deleted'); END;

CREATE TRIGGER openings_unmoved BEFORE UPDATE OF first, count ON openings
BEGIN SELECT RAISE(ABORT, 'guard: openings do not move'); END;

CREATE TRIGGER tiles_in_order BEFORE INSERT ON tiles
WHEN NEW.idx IS NOT (SELECT coalesce(max(idx) + 1, 0) FROM tiles WHERE level = NEW.level)
BEGIN SELECT RAISE(ABORT, 'guard: tiles of a level come in order'); END;

CREATE TRIGGER tiles_stay BEFORE DELETE ON tiles
BEGIN SELECT RAISE(ABORT, 'guard: tiles are never deleted'); END;

CREATE TRIGGER tiles_unchanged BEFORE UPDATE ON tiles
BEGIN SELECT RAISE(ABORT, 'guard: tiles are never changed'); END;

CREATE TRIGGER head_once BEFORE INSERT ON head
BEGIN SELECT RAISE(ABORT, 'guard: there is one head'); END;

CREATE TRIGGER head_stays BEFORE DELETE ON head
BEGIN SELECT RAISE(ABORT, 'guard: the head is never deleted'); END;

CREATE TRIGGER head_forward BEFORE UPDATE ON head
WHEN NEW.id IS NOT OLD.id OR NEW.size < OLD.size OR NEW.epoch < OLD.epoch
  OR NEW.size IS NOT (SELECT coalesce((SELECT first + count FROM blocks ORDER BY first DESC LIMIT 1), 0))
BEGIN SELECT RAISE(ABORT, 'guard: the head moves forward, to the end of the blocks'); END;

-- A group is one INSERT into this view. One statement is one transaction and one turn of SQLite: the writer's
-- thread gives the interpreter up once per group, and comes back once.
--
-- tiles: JSON [[level, index], ...] for the 8,192-byte pieces of `hashes`.
-- kept, dropped: JSON [[space, hex key, hex value], ...] and [[space, hex key], ...].

CREATE VIEW groups AS
SELECT 0 AS first, 0 AS count, NULL AS leaves, NULL AS sealed, NULL AS tiles, NULL AS hashes,
       NULL AS kept, NULL AS dropped, 0 AS epoch, NULL AS root, NULL AS checkpoint
WHERE 0;

CREATE TRIGGER groups_commit INSTEAD OF INSERT ON groups
BEGIN
    SELECT RAISE(ABORT, 'fenced')
    WHERE NOT EXISTS (SELECT 1 FROM head WHERE size = NEW.first AND epoch = NEW.epoch);

    INSERT INTO blocks (first, count, leaves)
    SELECT NEW.first, NEW.count, NEW.leaves WHERE NEW.count > 0;

    INSERT INTO openings (first, count, sealed)
    SELECT NEW.first, NEW.count, NEW.sealed WHERE NEW.sealed IS NOT NULL;

    INSERT INTO tiles (level, idx, hashes)
    SELECT value ->> 0, value ->> 1, substr(NEW.hashes, 1 + 8192 * key, 8192)
    FROM json_each(NEW.tiles) WHERE NEW.tiles IS NOT NULL ORDER BY key;

    DELETE FROM side
    WHERE NEW.dropped IS NOT NULL
      AND (space, key) IN (SELECT value ->> 0, unhex(value ->> 1) FROM json_each(NEW.dropped));

    INSERT INTO side (space, key, value)
    SELECT value ->> 0, unhex(value ->> 1), unhex(value ->> 2)
    FROM json_each(NEW.kept) WHERE NEW.kept IS NOT NULL
    ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;

    UPDATE head SET size = NEW.first + NEW.count, root = NEW.root, checkpoint = NEW.checkpoint;
END;
