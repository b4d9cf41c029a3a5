INSERT INTO groups (first, count, leaves, sealed, tiles, hashes, kept, dropped, epoch, root, checkpoint)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
