-- include: periods, record, generation
-- Forgets generations that were settled long ago; what they cost goes to the `archived` sums, so that the records that
-- are left and these always add up to the usage.
-- KEYS: workspace record, settled generations of the workspace, mark of an audit under way
-- ARGV: prefix of the workspace's keys, most generations of one call, age in ms
-- Returns how many were forgotten.
local workspace, settled_set = KEYS[1], KEYS[2]
local prefix = ARGV[1]
-- An audit walks the records: they stay meanwhile.
if redis.call('EXISTS', KEYS[3]) == 1 then
  return 0
end
local time = redis.call('TIME')
local until_us = (tonumber(time[1]) - tonumber(ARGV[3]) / 1000) * 1000000
local due = redis.call('ZRANGEBYSCORE', settled_set, '-inf', string.format('%.0f', until_us), 'WITHSCORES', 'LIMIT', 0,
  ARGV[2])
for i = 1, #due, 2 do
  local generation, at = due[i], floor(tonumber(due[i + 1]) / 1000000)
  local generation_key = prefix .. 'gen:' .. generation
  local hash, cost = parse_settled(redis.call('GET', generation_key) or '')
  if hash and cost ~= '0' then
    correct(workspace, 'archived', cost, at)
    correct(prefix .. 'key:' .. hash, 'archived', cost, at)
  end
  redis.call('DEL', generation_key)
  redis.call('ZREM', settled_set, generation)
end
return #due / 2
