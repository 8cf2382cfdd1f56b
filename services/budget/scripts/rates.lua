-- Requests and tokens per minute: buckets that hold a minute's worth and fill evenly. Stored in one field of the key's
-- record, as `<Unix ms> <requests> <tokens>`: the levels at that time.

local function fill(level, capacity, elapsed_ms)
  return math.min(capacity, level + capacity * elapsed_ms / 60000)
end

-- The levels now; full when nothing is stored. A limit of 0 has no bucket.
local function read_rates(stored, requests, tokens, now_ms)
  if not stored then
    return requests, tokens
  end
  local at, have_requests, have_tokens = string.match(stored, '^(%S+) (%S+) (%S+)$')
  local elapsed = math.max(0, now_ms - tonumber(at))
  return fill(tonumber(have_requests), requests, elapsed), fill(tonumber(have_tokens), tokens, elapsed)
end

local function write_rates(record, have_requests, have_tokens, now_ms)
  redis.call('HSET', record, 'rate', string.format('%.0f %.3f %.3f', now_ms, have_requests, have_tokens))
end

-- Time until `level` has grown by `missing`, in ms.
local function time_to_fill(missing, capacity)
  return string.format('%.0f', math.ceil(math.max(0, missing) * 60000 / capacity))
end
