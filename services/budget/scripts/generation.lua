-- A generation's record is one string, so that one command reads it and one replaces it:
--
--   h <key hash> <asked> <amount> <cost> <tokens> <model>   held: the most it can cost, what the hold has taken, the
--                                                           cost at the last checkpoint, the tokens that its rate limit
--                                                           was charged with, the model that its output teaches ('-':
--                                                           none)
--   s <key hash> <cost> <usage source>                      settled

local function held(hash, asked, amount, cost, tokens, model)
  return 'h ' .. hash .. ' ' .. asked .. ' ' .. amount .. ' ' .. cost .. ' ' .. tokens .. ' ' .. model
end

local function settled(hash, cost, source)
  return 's ' .. hash .. ' ' .. cost .. ' ' .. source
end

-- Key hash, asked, amount, cost, tokens, model; nil when it is settled.
local function parse_held(text)
  return string.match(text, '^h (%S+) (%d+) (%d+) (%d+) (%d+) (%S+)$')
end

-- Key hash, cost, usage source; nil when it is held.
local function parse_settled(text)
  return string.match(text, '^s (%S+) (%d+) (%d+)$')
end

-- Settles a held generation.
local function settle(key, workspace, generation_key, settled_set, generation, hash, amount, cost, source, time)
  local seconds = tonumber(time[1])
  local of_workspace = read_counters(workspace)
  local counted = counting_seconds(of_workspace and of_workspace[3], seconds)
  charge(workspace, of_workspace, amount, cost, counted)
  charge(key, read_counters(key), amount, cost, counted)
  redis.call('SET', generation_key, settled(hash, cost, source))
  -- By the time at which it counts, in us.
  local score = counted == seconds and time[1] .. string.format('%06d', time[2]) or string.format('%d000000', counted)
  redis.call('ZADD', settled_set, score, generation)
end
