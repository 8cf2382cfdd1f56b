-- include: periods, record, generation, rates, outputs
-- Admits a request and takes its hold.
-- KEYS: key record, workspace record, generation, holds of the workspace, outputs of the key
-- ARGV: generation id, key hash, the most it can cost, lease in ms, tokens for the rate limit, model, what its
--       record needs when its owner dies (orphan.lua) or ''; then for each bound: expected input cost, price of the
--       output in micro-USD per million tokens, longest output
-- Returns {'ok', amount, permissions, then for requests and for tokens: limit (0: none), remaining, ms until full; then
-- the preferences of the key and of its workspace, the key's name}, or {reason, details...}. A repeated call finds its
-- own hold, whatever has become of the limits, unless the key was removed.
local record, workspace, generation_key, holds, outputs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local generation, hash, asked, model = ARGV[1], ARGV[2], ARGV[3], ARGV[6]
-- 0 tells the settlement that there is no rate limit to correct.
local tokens = math.max(1, tonumber(ARGV[5]))
local time = redis.call('TIME')
local seconds = tonumber(time[1])
local now_ms = seconds * 1000 + floor(tonumber(time[2]) / 1000)
local lease_end = string.format('%.0f', now_ms + tonumber(ARGV[4]))

local key = redis.call('HMGET', record, 'held', 'limits', 'disabled', 'management', 'expires', 'mode', 'rpm', 'tpm',
  'permissions', 'rate', 'usage', 'day', 'day_usage', 'week', 'week_usage', 'month', 'month_usage', 'provider', 'name')
if not key[1] then
  return {'unknown'}
end
local rpm, tpm = tonumber(key[7] or 0), tonumber(key[8] or 0)

local function admitted(amount, have_requests, have_tokens)
  local answer = {'ok', amount, key[9] or '', 0, 0, 0, 0, 0, 0, key[18] or '',
    redis.call('HGET', workspace, 'provider') or '', key[19] or ''}
  if rpm > 0 then
    answer[4], answer[5], answer[6] = rpm, floor(have_requests), time_to_fill(rpm - have_requests, rpm)
  end
  if tpm > 0 then
    answer[7], answer[8], answer[9] = tpm, floor(math.max(0, have_tokens)), time_to_fill(tpm - have_tokens, tpm)
  end
  return answer
end

local existing = redis.call('GET', generation_key)
if existing then
  local its_hash, its_asked, its_amount = parse_held(existing)
  if not its_hash then
    return {'settled'}
  end
  if its_hash ~= hash or its_asked ~= asked then
    return {'conflict'}
  end
  redis.call('ZADD', holds, lease_end, generation)
  return admitted(its_amount, read_rates(key[10], rpm, tpm, now_ms))
end
if key[3] == '1' then
  return {'disabled', key[19]}
end
if key[5] and tonumber(key[5]) <= now_ms then
  return {'expired', key[19], key[5]}
end
if key[4] == '1' then
  return {'management', key[19]}
end

local have_requests, have_tokens = 0, 0
if rpm > 0 or tpm > 0 then
  have_requests, have_tokens = read_rates(key[10], rpm, tpm, now_ms)
  -- More than a whole minute's worth is admitted when the bucket is full, and paid off by waiting.
  local need = math.min(tokens, tpm)
  local missing_requests, missing_tokens = 1 - have_requests, need - have_tokens
  if rpm > 0 and missing_requests > 0 then
    return {'requests', key[19], rpm, 0, time_to_fill(missing_requests, rpm),
      time_to_fill(rpm - have_requests, rpm)}
  end
  if tpm > 0 and missing_tokens > 0 then
    return {'tokens', key[19], tpm, floor(math.max(0, have_tokens)),
      time_to_fill(missing_tokens, tpm), time_to_fill(tpm - have_tokens, tpm)}
  end
end

local space = redis.call('HMGET', workspace, 'held', 'limits', 'mode', 'usage', 'day', 'day_usage', 'week',
  'week_usage', 'month', 'month_usage')
local mode = key[6] or '0'
if mode == '0' then
  mode = space[3] or '0'
end

-- Numbers up to 2^53 are exact; so are their differences.
local amount = tonumber(asked)
local expects = mode == '2'
if expects then
  local output = expected_output(outputs, model)
  if output then
    local expected = 0
    for i = 8, #ARGV, 3 do
      local length = math.min(output, tonumber(ARGV[i + 2]))
      expected = math.max(expected, tonumber(ARGV[i]) + math.ceil(length * tonumber(ARGV[i + 1]) / 1000))
    end
    amount = math.min(amount, expected)
  end
end

-- Every limit above the request. `tight` is the one with the least left; `passing` says that holds alone stand in the
-- way of those that do not admit it.
local counted = counting_seconds(space[5], seconds)
local day = day_of(counted)
local tight, least
local passing = true
-- `values` has usage, day, day_usage, ... from `first` on.
local function check(scope, its_record, its_held, limits, values, first)
  local none, daily, weekly, monthly = string.match(limits, '^(%S+) (%S+) (%S+) (%S+)$')
  local function against(reset, limit, spent)
    if limit == '-' then
      return
    end
    local left = tonumber(limit) - tonumber(spent) - tonumber(its_held)
    if left < amount and tonumber(limit) - tonumber(spent) < amount then
      passing = false
    end
    if not least or left < least then
      tight, least = {'budget', scope, its_record, reset, limit, spent, its_held}, left
    end
  end
  against(NONE, none, values[first])
  against(DAILY, daily, tonumber(values[first + 1]) == day and values[first + 2] or '0')
  against(WEEKLY, weekly, tonumber(values[first + 3]) == week_of(day) and values[first + 4] or '0')
  against(MONTHLY, monthly, tonumber(values[first + 5]) == month_of(day) and values[first + 6] or '0')
end
if key[2] then
  check('key', record, key[1], key[2], key, 11)
end
if space[2] then
  check('workspace', workspace, space[1], space[2], space, 4)
end
local amount_text = string.format('%.0f', amount)
if least and least < amount then
  tight[3] = redis.call('HGET', tight[3], 'name')
  tight[8] = period_end(tight[4], counted) or ''
  tight[9] = amount_text
  tight[10] = string.format('%.0f', least)
  tight[11] = passing and 1 or 0
  tight[12] = expects and 1 or 0
  return tight
end

if rpm > 0 or tpm > 0 then
  have_requests, have_tokens = have_requests - 1, have_tokens - tokens
  write_rates(record, have_requests, have_tokens, now_ms)
end
redis.call('SET', generation_key,
  held(hash, asked, amount_text, 0, tpm > 0 and tokens or 0, expects and model or '-', ARGV[7]))
redis.call('ZADD', holds, lease_end, generation)
redis.call('HINCRBY', record, 'held', amount_text)
redis.call('HINCRBY', workspace, 'held', amount_text)
return admitted(amount_text, have_requests, have_tokens)
