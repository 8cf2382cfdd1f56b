-- Notes endpoints that are to be tried last. Of two marks on one the later end counts.
-- KEYS: the marks of all routers
-- ARGV: most marks that are kept, then pairs: endpoint, how long it lasts from now, ms
-- The set is gone when its last mark is.
local marks = KEYS[1]
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('ZREMRANGEBYSCORE', marks, '-inf', now)
for i = 2, #ARGV, 2 do
  local ends = now + tonumber(ARGV[i + 1])
  local known = redis.call('ZSCORE', marks, ARGV[i])
  if not known or tonumber(known) < ends then
    redis.call('ZADD', marks, string.format('%.0f', ends), ARGV[i])
  end
end
-- The ones that end first go.
redis.call('ZREMRANGEBYRANK', marks, 0, -1 - tonumber(ARGV[1]))
local last = redis.call('ZREVRANGE', marks, 0, 0, 'WITHSCORES')
if last[2] then
  redis.call('PEXPIREAT', marks, string.format('%.0f', tonumber(last[2])))
end
return 0
