-- What a witness remembers. Run once, when the file is made; application_id and user_version say that it was.
--
-- followed  the logs' public keys (vkey texts); a log may have several
-- seen      for each log the newest checkpoint signed: the promise that no other tree will be

CREATE TABLE followed (
    vkey   TEXT NOT NULL PRIMARY KEY,
    origin TEXT NOT NULL
) STRICT;

CREATE INDEX followed_origin ON followed (origin);

CREATE TABLE seen (
    origin TEXT    NOT NULL PRIMARY KEY,
    digest TEXT    NOT NULL UNIQUE,
    size   INTEGER NOT NULL CHECK (size >= 0),
    root   BLOB    NOT NULL CHECK (length(root) = 32),
    note   TEXT    NOT NULL
) STRICT;

-- Guards against accidents and careless tools, as in log.sql: what was signed is never forgotten and never
-- goes back. The BEFORE INSERT guard also stops INSERT OR REPLACE.

CREATE TRIGGER seen_once BEFORE INSERT ON seen
WHEN EXISTS (SELECT 1 FROM seen WHERE origin = NEW.origin OR digest = NEW.digest)
BEGIN SELECT RAISE(ABORT, 'guard: a log is entered once, then moves forward'); END;

CREATE TRIGGER seen_stays BEFORE DELETE ON seen
BEGIN SELECT RAISE(ABORT, 'guard: what was signed is never forgotten'); END;

CREATE TRIGGER seen_forward BEFORE UPDATE ON seen
WHEN NEW.origin IS NOT OLD.origin OR NEW.digest IS NOT OLD.digest
  OR NEW.size < OLD.size OR (NEW.size = OLD.size AND NEW.root IS NOT OLD.root)
BEGIN SELECT RAISE(ABORT, 'guard: a log only grows, and has one root for a size'); END;

CREATE TRIGGER followed_once BEFORE INSERT ON followed
WHEN EXISTS (SELECT 1 FROM followed WHERE vkey = NEW.vkey)
BEGIN SELECT RAISE(ABORT, 'guard: a key is entered once'); END;

CREATE TRIGGER followed_unchanged BEFORE UPDATE ON followed
BEGIN SELECT RAISE(ABORT, 'guard: a key does not change'); END;
