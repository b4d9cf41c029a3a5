INSERT INTO entries (idx, kind, time, actor, address, action, outcome, decision, session, id, previous, part)
SELECT value ->> 0, value ->> 1, value ->> 2, nullif(value ->> 3, ''), nullif(value ->> 4, ''),
       nullif(value ->> 5, ''), nullif(value ->> 6, ''), nullif(value ->> 7, ''), nullif(value ->> 8, ''),
       value ->> 9, nullif(value ->> 10, -1), (value ->> 0) >> 13
FROM json_each(?)
