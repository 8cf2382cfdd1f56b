-- A generation's record is one string, so that one command reads it and one replaces it:
--
--   h <key hash> <asked> <amount> <cost> <tokens> <model>   held: the most it can cost, what the hold has taken, the
--                                                           cost at the last checkpoint, the tokens that its rate limit
--                                                           was charged with, the model that its output teaches ('-':
--                                                           none)
--   s <key hash> <cost> <usage source> <entry>              settled; its entry in the stream of records
--   n <entry>                                               not admitted (note.lua)
--
-- The first two may be followed, on another line, by what the record of a request needs whose owner dies (orphan.lua):
-- a hold by all that is known of it, a settlement made because the lease had expired by the same.

local function held(hash, asked, amount, cost, tokens, model, about)
  local text = 'h ' .. hash .. ' ' .. asked .. ' ' .. amount .. ' ' .. cost .. ' ' .. tokens .. ' ' .. model
  if about == '' then
    return text
  end
  return text .. '\n' .. about
end

local function settled(hash, cost, source, entry, about)
  local text = 's ' .. hash .. ' ' .. cost .. ' ' .. source .. ' ' .. entry
  if about == '' then
    return text
  end
  return text .. '\n' .. about
end

-- Key hash, asked, amount, cost, tokens, model, about; nil when it is settled.
local function parse_held(text)
  return string.match(text, '^h (%S+) (%d+) (%d+) (%d+) (%d+) (%S+)\n?(.*)$')
end

-- Key hash, cost, usage source, entry, about; nil when it is held. One that was settled before there was activity has
-- no entry.
local function parse_settled(text)
  return string.match(text, '^s (%S+) (%d+) (%d+) ?([%d-]*)\n?(.*)$')
end

-- Settles a held generation and writes what it was. Needs record.lua and activity.lua.
local function settle(key, workspace, generation_key, settled_set, generation, hash, amount, cost, source, time, prefix,
  activity, keep, about)
  local seconds = tonumber(time[1])
  local of_workspace = read_counters(workspace)
  local counted = counting_seconds(of_workspace and of_workspace[3], seconds)
  charge(workspace, of_workspace, amount, cost, counted)
  charge(key, read_counters(key), amount, cost, counted)
  local now = counted == seconds
  local entry = write_activity(prefix, activity, hash, counted,
    now and time[1] .. string.format('%03d', floor(time[2] / 1000)) or string.format('%d000', counted), keep)
  redis.call('SET', generation_key, settled(hash, cost, source, entry, about))
  -- By the time at which it counts, in us.
  local score = now and time[1] .. string.format('%06d', time[2]) or string.format('%d000000', counted)
  redis.call('ZADD', settled_set, score, generation)
end
