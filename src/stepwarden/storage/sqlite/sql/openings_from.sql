-- The blocks that hold entries ?1 to ?2, with their openings, NULL where the group had none.
SELECT first, blocks.count, openings.sealed FROM blocks LEFT JOIN openings USING (first)
WHERE first >= coalesce((SELECT first FROM blocks WHERE first <= ?1 ORDER BY first DESC LIMIT 1), 0) AND first < ?2
ORDER BY first
