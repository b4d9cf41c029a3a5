-- From schema 1 to schema 2: the head gets a floor. `guards` follows.

DROP TRIGGER blocks_in_order;
DROP TRIGGER blocks_stay;
DROP TRIGGER blocks_unchanged;
DROP TRIGGER openings_in_order;
DROP TRIGGER openings_stay;
DROP TRIGGER openings_unmoved;
DROP TRIGGER tiles_in_order;
DROP TRIGGER tiles_stay;
DROP TRIGGER tiles_unchanged;
DROP TRIGGER head_once;
DROP TRIGGER head_stays;
DROP TRIGGER head_forward;
DROP TRIGGER groups_commit;
DROP VIEW groups;

ALTER TABLE head ADD COLUMN floor INTEGER NOT NULL DEFAULT 0 CHECK (floor >= 0 AND floor % 256 = 0);
