-- A part of the settled generations, oldest first.
-- KEYS: settled generations of the workspace, mark of an audit under way
-- ARGV: prefix of the workspace's keys, first and last place, ms for which settled generations are kept
-- Returns {{generation, time in us, its record or ''}, ...}; nil when the mark was gone: places may have moved.
if redis.call('PEXPIRE', KEYS[2], ARGV[4]) == 0 then
  return false
end
local part = redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3], 'WITHSCORES')
local found = {}
for i = 1, #part, 2 do
  found[#found + 1] = {part[i], part[i + 1], redis.call('GET', ARGV[1] .. 'gen:' .. part[i]) or ''}
end
return found
