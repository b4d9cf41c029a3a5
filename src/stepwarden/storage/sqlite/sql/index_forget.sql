-- Part by part, by the index of tokens.
UPDATE entries SET actor = NULL
WHERE idx IN (SELECT idx FROM parts CROSS JOIN entries INDEXED BY entries_by_actor USING (part) WHERE actor = ?)
