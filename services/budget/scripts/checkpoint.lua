-- include: periods, record, generation
-- Renews the lease of a hold and raises the cost at which it would be settled.
-- KEYS: key record, workspace record, generation, holds of the workspace
-- ARGV: generation id, key hash, cost so far, amount of the hold, lease in ms
-- Returns 1, or 0 when the generation is settled.
local record, workspace, generation_key, holds = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local generation, cost = ARGV[1], ARGV[3]

local function hold_more(amount)
  if redis.call('HEXISTS', record, 'held') == 1 then
    redis.call('HINCRBY', record, 'held', amount)
  end
  redis.call('HINCRBY', workspace, 'held', amount)
end

local existing = redis.call('GET', generation_key)
if existing then
  local hash, asked, amount, before, tokens, model, about = parse_held(existing)
  if not hash then
    return 0
  end
  if tonumber(cost) > tonumber(before) then
    -- An output longer than expected: what is spent already is held at the least.
    local beyond = tonumber(cost) - tonumber(amount)
    if beyond > 0 then
      hold_more(string.format('%.0f', beyond))
      amount = cost
    end
    redis.call('SET', generation_key, held(hash, asked, amount, cost, tokens, model, about))
  end
else
  -- Redis has lost it (a failover, a torn file): the request is still running, so it is held again.
  local amount = tonumber(cost) > tonumber(ARGV[4]) and cost or ARGV[4]
  hold_more(amount)
  redis.call('SET', generation_key, held(ARGV[2], ARGV[4], amount, cost, 0, '-', ''))
end
local time = redis.call('TIME')
local now_ms = tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000)
redis.call('ZADD', holds, string.format('%.0f', now_ms + tonumber(ARGV[5])), generation)
return 1
