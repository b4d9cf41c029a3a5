UPDATE head SET epoch = epoch + 1 RETURNING epoch
