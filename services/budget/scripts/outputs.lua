-- How long the outputs of a key's requests to a model are. One field for each model: `<total> <count> <count> ...`,
-- the counts of lengths up to 2, 4, 8, 11, 16, ... tokens: two to an octave. Old requests fade: at kFade all counts are
-- halved.
local BUCKETS, FADE, FEWEST = 40, 1024, 32
local PERCENTILE = 0.99

local function upper_end(bucket)
  return math.ceil(2 ^ ((bucket + 1) / 2))
end

local function read_outputs(text)
  local counts = {}
  for number in string.gmatch(text or '', '%d+') do
    counts[#counts + 1] = tonumber(number)
  end
  local total = table.remove(counts, 1) or 0
  return total, counts
end

local function learn_output(outputs, model, tokens)
  local total, counts = read_outputs(redis.call('HGET', outputs, model))
  local bucket = 1
  while bucket < BUCKETS and upper_end(bucket) < tokens do
    bucket = bucket + 1
  end
  for i = #counts + 1, bucket do
    counts[i] = 0
  end
  counts[bucket] = counts[bucket] + 1
  total = total + 1
  if total >= FADE then
    total = 0
    for i, count in ipairs(counts) do
      counts[i] = math.floor(count / 2)
      total = total + counts[i]
    end
  end
  redis.call('HSET', outputs, model, total .. ' ' .. table.concat(counts, ' '))
end

-- A length that all but one percent of the outputs stayed within; nil while too few are known.
local function expected_output(outputs, model)
  local total, counts = read_outputs(redis.call('HGET', outputs, model))
  if total < FEWEST then
    return nil
  end
  local seen = 0
  for bucket, count in ipairs(counts) do
    seen = seen + count
    if seen >= total * PERCENTILE then
      return upper_end(bucket)
    end
  end
end
