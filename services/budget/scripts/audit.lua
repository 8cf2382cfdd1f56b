-- The counters of a workspace and of its keys and the holds they should add up to, at one instant.
-- KEYS: workspace record, keys, holds and settled generations of the workspace, mark of an audit under way
-- ARGV: prefix of the workspace's keys, ms for which settled generations are kept from being forgotten
-- Returns {number of settled generations, {record, ...}, {hold, ...}}; a record is {key hash ('' for the workspace),
-- the counters below}, a hold {generation, its record or ''}.
local COUNTERS = {'held', 'usage', 'day', 'day_usage', 'week', 'week_usage', 'month', 'month_usage', 'archived',
  'day_archived', 'week_archived', 'month_archived'}
local prefix = ARGV[1]
redis.call('SET', KEYS[5], 1, 'PX', ARGV[2])

local function counters(hash, record)
  local values = redis.call('HMGET', record, unpack(COUNTERS))
  for i = 1, #COUNTERS do
    values[i] = values[i] or '0'
  end
  table.insert(values, 1, hash)
  return values
end

local records = {counters('', KEYS[1])}
for _, hash in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  records[#records + 1] = counters(hash, prefix .. 'key:' .. hash)
end
local holds = {}
for i, generation in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
  holds[i] = {generation, redis.call('GET', prefix .. 'gen:' .. generation) or ''}
end
return {redis.call('ZCARD', KEYS[4]), records, holds}
