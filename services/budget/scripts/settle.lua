-- include: periods, record, activity, orphan, generation, rates, outputs
-- Replaces a hold by the real cost, once for each generation.
-- KEYS: key record, workspace record, generation, holds and settled generations of the workspace, outputs of the key
-- ARGV: generation id, key hash, cost, usage source, tokens that count for the rate limit, output tokens, usage source
--       of an expired lease, read_keep(), read_activity()
-- Returns {1, cost}; {0, cost of the first settlement}; {-1} when the generation belongs to another key.
local record, workspace, generation_key, holds, settled_set, outputs = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6]
local generation, hash, cost, source = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local prefix = string.sub(workspace, 1, -10)
local keep, activity = read_keep(8), read_activity(11)
local time = redis.call('TIME')

-- The generation may be unknown (Redis has lost it, or the request was never admitted here): the spend still counts.
local amount = '0'
local existing = redis.call('GET', generation_key)
if existing then
  local its_hash, its_cost, its_source, its_entry, about = parse_settled(existing)
  if its_hash and its_hash ~= hash then
    return {-1}
  end
  if its_hash then
    if its_source ~= ARGV[7] or source == ARGV[7] then
      return {0, its_cost}
    end
    -- Its owner was thought dead and brings the real cost after all.
    local at = floor(tonumber(redis.call('ZSCORE', settled_set, generation)) / 1000000)
    local delta = string.format('%.0f', tonumber(cost) - tonumber(its_cost))
    correct(workspace, 'usage', delta, at)
    correct(record, 'usage', delta, at)
    if its_entry ~= '' then
      -- The record goes, too, and counts where the other one did.
      redis.call('XDEL', prefix .. 'records', its_entry)
      local now_ms = time[1] .. string.format('%03d', floor(time[2] / 1000))
      add_activity(prefix, orphan_activity(about, generation, hash, '', its_cost, its_source), hash, at, now_ms, -1, keep)
      its_entry = write_activity(prefix, activity, hash, at, now_ms, keep)
    end
    redis.call('SET', generation_key, settled(hash, cost, source, its_entry, ''))
    return {1, cost}
  end
  local held_hash, _, held_amount, _, tokens, model = parse_held(existing)
  if held_hash ~= hash then
    return {-1}
  end
  amount = held_amount
  redis.call('ZREM', holds, generation)
  give_back_tokens(record, tokens, ARGV[5], time)
  if model ~= '-' and ARGV[6] ~= '0' and redis.call('HEXISTS', record, 'held') == 1 then
    learn_output(outputs, model, tonumber(ARGV[6]))
  end
end
settle(record, workspace, generation_key, settled_set, generation, hash, amount, cost, source, time, prefix, activity,
  keep, '')
return {1, cost}
