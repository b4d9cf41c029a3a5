-- The copy is in memory (temp_store); a DELETE of all rows frees, and so overwrites, every page.
CREATE TEMP TABLE kept AS SELECT space, key, value FROM main.side ORDER BY space, key;
DELETE FROM main.side;
INSERT INTO main.side (space, key, value) SELECT space, key, value FROM temp.kept ORDER BY rowid;
DROP TABLE temp.kept;
