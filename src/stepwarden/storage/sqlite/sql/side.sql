SELECT value FROM side WHERE space = ? AND key = ?
