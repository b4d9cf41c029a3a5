SELECT hashes FROM tiles WHERE level = ? AND idx = ?
