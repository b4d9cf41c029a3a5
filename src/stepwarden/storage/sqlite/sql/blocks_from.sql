-- The block that holds entry ?1 and those after it, up to entry ?2.
SELECT first, count, leaves FROM blocks
WHERE first >= coalesce((SELECT first FROM blocks WHERE first <= ?1 ORDER BY first DESC LIMIT 1), 0) AND first < ?2
ORDER BY first
