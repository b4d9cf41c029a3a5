-- The log in one schema of a PostgreSQL database. Run once, by the owner, in one transaction; {schema} is quoted.
--
-- blocks   one row per committed group: entries first .. first + count - 1, each with a 16-bit big-endian length
--          before it (the entry bundle of c2sp.org/tlog-tiles)
-- openings one row per group that has any: the sealed personal values, each with a 32-bit length
-- tiles    full tiles of 256 hashes
-- head     one row: how long the log is, where it begins (floor), under which root and signature, and which writer
--          may go on (epoch)
-- side     secrets of entries that must not be in the log itself
--
-- Whoever serves needs no right to write a table: all writing goes through the functions below, which run as their
-- owner. Their checks are the guards; the triggers are there for those who write past the functions.

CREATE SCHEMA IF NOT EXISTS {schema};

CREATE TABLE {schema}.head (
    id         integer PRIMARY KEY CHECK (id = 1),
    version    integer NOT NULL,
    size       bigint  NOT NULL CHECK (size >= 0),
    floor      bigint  NOT NULL CHECK (floor >= 0),
    epoch      bigint  NOT NULL CHECK (epoch >= 0),
    root       bytea   NOT NULL,
    checkpoint text    NOT NULL
);
INSERT INTO {schema}.head VALUES (1, {version}, 0, 0, 0, '', '');

CREATE TABLE {schema}.blocks (
    first  bigint  PRIMARY KEY,
    count  integer NOT NULL CHECK (count > 0),
    leaves bytea   NOT NULL
);
CREATE TABLE {schema}.openings (
    first  bigint  PRIMARY KEY,
    count  integer NOT NULL CHECK (count > 0),
    sealed bytea   NOT NULL
);
CREATE TABLE {schema}.tiles (
    level  integer NOT NULL,
    idx    bigint  NOT NULL,
    hashes bytea   NOT NULL CHECK (length(hashes) = 8192),
    PRIMARY KEY (level, idx)
);
CREATE TABLE {schema}.side (
    space text  NOT NULL,
    key   bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (space, key)
);

-- Entries are tokens and hashes, sealed values are random: trying to compress them costs time and saves nothing.
ALTER TABLE {schema}.blocks   ALTER COLUMN leaves SET STORAGE EXTERNAL;
ALTER TABLE {schema}.openings ALTER COLUMN sealed SET STORAGE EXTERNAL;
ALTER TABLE {schema}.tiles    ALTER COLUMN hashes SET STORAGE EXTERNAL;

CREATE FUNCTION {schema}.guard_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'guard: % on % is refused, the log only grows', TG_OP, TG_TABLE_NAME USING ERRCODE = 'SW002';
END $$;

-- pg_temp is named, and last, in every function that reads a table: unnamed it would be searched first, and a view of the
-- caller's in it would run with the rights of the function that the trigger is fired by.
CREATE FUNCTION {schema}.guard_delete() RETURNS trigger LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF OLD.first + OLD.count > (SELECT floor FROM head) THEN
        RAISE EXCEPTION 'guard: entries from the floor on are never deleted' USING ERRCODE = 'SW002';
    END IF;
    RETURN OLD;
END $$;

CREATE FUNCTION {schema}.guard_block() RETURNS trigger LANGUAGE plpgsql SET search_path = {schema}, pg_temp AS $$
BEGIN
    IF NEW.first IS DISTINCT FROM (SELECT size FROM head) THEN
        RAISE EXCEPTION 'guard: a block begins where the log ends' USING ERRCODE = 'SW002';
    END IF;
    RETURN NEW;
END $$;

CREATE FUNCTION {schema}.guard_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.size < OLD.size OR NEW.epoch < OLD.epoch OR NEW.floor < OLD.floor OR NEW.floor > NEW.size THEN
        RAISE EXCEPTION 'guard: the head moves forward' USING ERRCODE = 'SW002';
    END IF;
    RETURN NEW;
END $$;

CREATE TRIGGER in_order  BEFORE INSERT ON {schema}.blocks   FOR EACH ROW EXECUTE FUNCTION {schema}.guard_block();
CREATE TRIGGER unchanged BEFORE UPDATE ON {schema}.blocks   FOR EACH ROW EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER kept      BEFORE DELETE ON {schema}.blocks   FOR EACH ROW EXECUTE FUNCTION {schema}.guard_delete();
CREATE TRIGGER unmoved   BEFORE UPDATE OF first, count ON {schema}.openings
                                                            FOR EACH ROW EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER kept      BEFORE DELETE ON {schema}.openings FOR EACH ROW EXECUTE FUNCTION {schema}.guard_delete();
CREATE TRIGGER unchanged BEFORE UPDATE OR DELETE ON {schema}.tiles
                                                            FOR EACH ROW EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER forward   BEFORE UPDATE ON {schema}.head     FOR EACH ROW EXECUTE FUNCTION {schema}.guard_head();
CREATE TRIGGER stays     BEFORE INSERT OR DELETE ON {schema}.head
                                                            FOR EACH ROW EXECUTE FUNCTION {schema}.guard_refuse();
-- Row triggers do not see TRUNCATE.
CREATE TRIGGER whole BEFORE TRUNCATE ON {schema}.blocks   FOR EACH STATEMENT EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER whole BEFORE TRUNCATE ON {schema}.openings FOR EACH STATEMENT EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER whole BEFORE TRUNCATE ON {schema}.tiles    FOR EACH STATEMENT EXECUTE FUNCTION {schema}.guard_refuse();
CREATE TRIGGER whole BEFORE TRUNCATE ON {schema}.head     FOR EACH STATEMENT EXECUTE FUNCTION {schema}.guard_refuse();
-- A replication role would pass by ordinary triggers.
ALTER TABLE {schema}.blocks   ENABLE ALWAYS TRIGGER in_order;
ALTER TABLE {schema}.blocks   ENABLE ALWAYS TRIGGER unchanged;
ALTER TABLE {schema}.blocks   ENABLE ALWAYS TRIGGER kept;
ALTER TABLE {schema}.blocks   ENABLE ALWAYS TRIGGER whole;
ALTER TABLE {schema}.openings ENABLE ALWAYS TRIGGER unmoved;
ALTER TABLE {schema}.openings ENABLE ALWAYS TRIGGER kept;
ALTER TABLE {schema}.openings ENABLE ALWAYS TRIGGER whole;
ALTER TABLE {schema}.tiles    ENABLE ALWAYS TRIGGER unchanged;
ALTER TABLE {schema}.tiles    ENABLE ALWAYS TRIGGER whole;
ALTER TABLE {schema}.head     ENABLE ALWAYS TRIGGER forward;
ALTER TABLE {schema}.head     ENABLE ALWAYS TRIGGER stays;
ALTER TABLE {schema}.head     ENABLE ALWAYS TRIGGER whole;

-- Become the writer: former ones are fenced.
CREATE FUNCTION {schema}.take_over() RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    UPDATE head SET epoch = epoch + 1 RETURNING epoch
$$;

-- One group: one call, one round trip, one transaction. The head's row lock lets one writer at a time.
CREATE FUNCTION {schema}.commit_group(
    "first" bigint, "count" integer, leaves bytea, sealed bytea, levels integer[], idxs bigint[], hashes bytea[],
    kept_spaces text[], kept_keys bytea[], kept_values bytea[], dropped_spaces text[], dropped_keys bytea[],
    writer bigint, new_root bytea, note text
) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
BEGIN
    PERFORM 1 FROM head h WHERE h.size = commit_group."first" AND h.epoch = writer FOR UPDATE;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'fenced' USING ERRCODE = 'SW001';
    END IF;
    IF commit_group."count" > 0 THEN
        INSERT INTO blocks VALUES (commit_group."first", commit_group."count", commit_group.leaves);
        IF commit_group.sealed IS NOT NULL THEN
            INSERT INTO openings VALUES (commit_group."first", commit_group."count", commit_group.sealed);
        END IF;
    END IF;
    IF cardinality(levels) > 0 THEN
        INSERT INTO tiles SELECT * FROM unnest(levels, idxs, commit_group.hashes);
    END IF;
    IF cardinality(dropped_spaces) > 0 THEN
        DELETE FROM side s USING unnest(dropped_spaces, dropped_keys) AS d (space, key)
        WHERE s.space = d.space AND s.key = d.key;
    END IF;
    IF cardinality(kept_spaces) > 0 THEN
        INSERT INTO side SELECT * FROM unnest(kept_spaces, kept_keys, kept_values)
        ON CONFLICT (space, key) DO UPDATE SET value = excluded.value;
    END IF;
    UPDATE head SET size = commit_group."first" + commit_group."count", root = new_root, checkpoint = note;
END $$;

-- Put other bytes in the place of some, in the openings of one group: what an erasure does.
CREATE FUNCTION {schema}.erase_openings("first" bigint, places integer[], pieces bytea[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    data bytea;
BEGIN
    SELECT o.sealed INTO STRICT data FROM openings o WHERE o.first = erase_openings."first" FOR UPDATE;
    FOR n IN 1 .. cardinality(places) LOOP
        data := overlay(data PLACING pieces[n] FROM places[n] + 1);
    END LOOP;
    UPDATE openings o SET sealed = data WHERE o.first = erase_openings."first";
END $$;

-- Move the floor up; where it is then.
CREATE FUNCTION {schema}.raise_floor(new_floor bigint) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
    UPDATE head SET floor = greatest(floor, new_floor) RETURNING floor
$$;

-- Remove blocks and openings that lie wholly before the floor, at most so many; how many blocks went.
CREATE FUNCTION {schema}.prune(at_most integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
DECLARE
    gone bigint[];
BEGIN
    SELECT array_agg(b.first) INTO gone FROM (
        SELECT first FROM blocks WHERE first + count <= (SELECT floor FROM head) ORDER BY first LIMIT at_most) b;
    DELETE FROM openings o WHERE o.first = ANY (gone);
    DELETE FROM blocks o WHERE o.first = ANY (gone);
    RETURN coalesce(cardinality(gone), 0);
END $$;

-- Write a table anew, without what was deleted or overwritten in it. Not by VACUUM: for whoever is not the owner it does
-- nothing and says so in a warning only. Nor by CLUSTER: both keep what an old transaction elsewhere may still see. This
-- takes the rows that are there now, and no other; whoever holds the table is waited for, and not long.
CREATE FUNCTION {schema}.rewrite("table" text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp SET lock_timeout = '1s' AS $$
BEGIN
    CASE rewrite."table"
        WHEN 'blocks'   THEN ALTER TABLE blocks   ALTER COLUMN leaves TYPE bytea USING leaves || ''::bytea;
        WHEN 'openings' THEN ALTER TABLE openings ALTER COLUMN sealed TYPE bytea USING sealed || ''::bytea;
        WHEN 'side'     THEN ALTER TABLE side     ALTER COLUMN value  TYPE bytea USING value  || ''::bytea;
    END CASE;
END $$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC;
