SELECT size, root, checkpoint, epoch FROM head WHERE checkpoint <> ''
