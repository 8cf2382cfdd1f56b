-- Fields of a record as the services set them: pairs from ARGV[first] on; an empty value removes its field.
local function set_fields(record, first)
  for i = first, #ARGV, 2 do
    if ARGV[i + 1] == '' then
      redis.call('HDEL', record, ARGV[i])
    else
      redis.call('HSET', record, ARGV[i], ARGV[i + 1])
    end
  end
end

local function unix_ms(time)
  return string.format('%.0f', tonumber(time[1]) * 1000 + floor(tonumber(time[2]) / 1000))
end
