-- KEYS: key record, keys of the workspace
-- ARGV: key hash
-- What the key spent stays in the workspace's total; its holds are settled there.
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1])
