-- The oldest blocks wholly before the floor, and the bytes in them.
SELECT first, blocks.count, length(leaves) + coalesce(length(sealed), 0)
FROM blocks LEFT JOIN openings USING (first) WHERE first + blocks.count <= ? ORDER BY first LIMIT 256
