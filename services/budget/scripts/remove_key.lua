-- KEYS: key record, keys of the workspace, outputs of the key
-- ARGV: key hash
-- What the key spent stays in the workspace's sums; its holds are settled there.
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1], KEYS[3])
