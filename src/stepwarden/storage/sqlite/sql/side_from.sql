SELECT key, value FROM side WHERE space = ?1 AND (?2 IS NULL OR key > ?2) ORDER BY key LIMIT ?3
