-- The query index: one row per entry, tokens only. A projection of the log: it may be deleted at any time.
-- An empty text is stored as NULL, so that the partial indexes hold only rows that somebody can look for.

CREATE TABLE progress (
    id   INTEGER PRIMARY KEY CHECK (id = 1),
    log  TEXT    NOT NULL,
    size INTEGER NOT NULL
) STRICT;

CREATE TABLE entries (
    idx      INTEGER PRIMARY KEY,
    kind     TEXT    NOT NULL,
    time     INTEGER NOT NULL,
    actor    TEXT,
    address  TEXT,
    action   TEXT,
    outcome  TEXT,
    decision TEXT,
    session  TEXT,
    id       TEXT    NOT NULL,
    previous INTEGER,
    part     INTEGER NOT NULL
) STRICT;

-- Tokens are random, and an index over all of them would touch a page per entry. These touch the few pages of
-- the newest part (8,192 entries, idx >> 13) only; a search for a token looks into each part, in the order of entries.
CREATE TABLE parts (part INTEGER PRIMARY KEY) STRICT;
CREATE INDEX entries_by_actor    ON entries (part, actor)   WHERE actor IS NOT NULL;
CREATE INDEX entries_by_address  ON entries (part, address) WHERE address IS NOT NULL;
CREATE INDEX entries_by_session  ON entries (part, session) WHERE session IS NOT NULL;

-- These grow at the end of a key, so they are cheap as they are.
CREATE INDEX entries_by_previous ON entries (previous) WHERE previous IS NOT NULL;
CREATE INDEX entries_by_time     ON entries (time);

-- What is rare is worth an index; most entries are allowed attempts.
CREATE INDEX entries_refused     ON entries (decision) WHERE decision <> 'allow';
CREATE INDEX entries_other       ON entries (kind)     WHERE kind <> 'attempt.decided';
