-- Guards. They stop accidents and careless tools, not somebody who owns the file: against that one the signed
-- tree helps. A trigger on DELETE does not see what INSERT OR REPLACE removes unless the connection sets
-- recursive_triggers, so the BEFORE INSERT guards refuse every place that is not the next.
--
-- Blocks and openings may go only when they lie wholly before the floor, and the floor only forward, to the beginning
-- of a tile before the last full one: so the newest entries and every tile are always there.

CREATE TRIGGER blocks_in_order BEFORE INSERT ON blocks
WHEN NEW.first IS NOT (SELECT size FROM head)
  OR NEW.first IS NOT (SELECT coalesce((SELECT first + count FROM blocks ORDER BY first DESC LIMIT 1), 0))
BEGIN SELECT RAISE(ABORT, 'guard: a block begins where the log ends'); END;

CREATE TRIGGER blocks_stay BEFORE DELETE ON blocks
WHEN OLD.first + OLD.count > (SELECT floor FROM head)
BEGIN SELECT RAISE(ABORT, 'guard: entries from the floor on are never deleted'); END;

CREATE TRIGGER blocks_unchanged BEFORE UPDATE ON blocks
BEGIN SELECT RAISE(ABORT, 'guard: entries are never changed'); END;

CREATE TRIGGER openings_in_order BEFORE INSERT ON openings
WHEN NOT EXISTS (SELECT 1 FROM blocks WHERE first = NEW.first AND count = NEW.count)
  OR EXISTS (SELECT 1 FROM openings WHERE first >= NEW.first)
BEGIN SELECT RAISE(ABORT, 'guard: openings belong to the newest block, once'); END;

CREATE TRIGGER openings_stay BEFORE DELETE ON openings
WHEN OLD.first + OLD.count > (SELECT floor FROM head)
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

CREATE TRIGGER floor_forward BEFORE UPDATE OF floor ON head
WHEN NEW.floor < OLD.floor OR NEW.floor > max((NEW.size / 256 - 1) * 256, 0)
BEGIN SELECT RAISE(ABORT, 'guard: the floor moves forward, at most to the last full tile'); END;

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
