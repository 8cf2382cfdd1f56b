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

-- The tokens that a request was charged with beyond those that it `used`. `tokens` is '0' where none were.
local function give_back_tokens(record, tokens, used, time)
  if tokens == '0' then
    return
  end
  local limits = redis.call('HMGET', record, 'rpm', 'tpm', 'rate')
  if limits[3] then
    local rpm, tpm = tonumber(limits[1] or 0), tonumber(limits[2] or 0)
    local now_ms = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
    local have_requests, have_tokens = read_rates(limits[3], rpm, tpm, now_ms)
    write_rates(record, have_requests, math.min(tpm, have_tokens + tonumber(tokens) - tonumber(used)), now_ms)
  end
end
