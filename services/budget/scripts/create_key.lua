-- include: periods, key_view
-- KEYS: key record, keys of the workspace
-- ARGV: key hash, name, label, reset, limit or '', expiry in Unix ms or ''
-- Returns the key's view, or 'past' for an expiry that has passed already.
local record = KEYS[1]
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local now_ms = string.format('%.0f', seconds * 1000 + floor(tonumber(time[2]) / 1000))
-- A call that is sent again finds its own record.
if redis.call('EXISTS', record) == 0 then
  if ARGV[6] ~= '' and tonumber(ARGV[6]) <= tonumber(now_ms) then
    return 'past'
  end
  local day = day_of(seconds)
  -- What every reserve reads stands first: small hashes are searched from the front.
  redis.call('HSET', record, 'held', 0, 'reset', ARGV[4], 'disabled', 0, 'day', day, 'week', week_of(day),
    'month', month_of(day), 'usage', 0, 'day_usage', 0, 'week_usage', 0, 'month_usage', 0, 'created', now_ms,
    'updated', now_ms, 'label', ARGV[3], 'name', ARGV[2])
  if ARGV[5] ~= '' then
    redis.call('HSET', record, 'limit', ARGV[5])
  end
  if ARGV[6] ~= '' then
    redis.call('HSET', record, 'expires', ARGV[6])
  end
  -- Microseconds: keys made in one millisecond keep their order.
  redis.call('ZADD', KEYS[2], time[1] .. string.format('%06d', time[2]), ARGV[1])
end
return key_view(record, seconds)
