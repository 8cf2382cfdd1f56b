-- KEYS: key record, keys of the workspace, outputs of the key, names of removed keys
-- ARGV: key hash
-- What the key spent stays in the workspace's sums; its holds are settled there.
local name = redis.call('HGET', KEYS[1], 'name')
if name then
  redis.call('HSET', KEYS[4], ARGV[1], name)
end
redis.call('ZREM', KEYS[2], ARGV[1])
return redis.call('DEL', KEYS[1], KEYS[3])
