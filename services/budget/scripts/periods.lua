-- The periods of limits, UTC: days from midnight, weeks from Monday, months from the first. Each is numbered, so that
-- a stored number tells whether its sum is still the running period's.
-- Calendar arithmetic: https://howardhinnant.github.io/date_algorithms.html (civil_from_days, days_from_civil)
local floor = math.floor

-- Resets of a limit, as in tollgate.v1.Reset.
local NONE, DAILY, WEEKLY, MONTHLY = '0', '1', '2', '3'

-- Days since 1970-01-01, itself a Thursday; week 0 is the one that it lies in.
local function day_of(seconds)
  return floor(seconds / 86400)
end

local function week_of(day)
  return floor((day + 3) / 7)
end

-- Months since the year 0.
local function month_of(day)
  local shifted = day + 719468
  local era = floor(shifted / 146097)
  local day_of_era = shifted - era * 146097
  local year_of_era = floor((day_of_era - floor(day_of_era / 1460) + floor(day_of_era / 36524)
    - floor(day_of_era / 146096)) / 365)
  local day_of_year = day_of_era - (365 * year_of_era + floor(year_of_era / 4) - floor(year_of_era / 100))
  -- Counted from March, so that a leap day is the last of its year.
  local month = floor((5 * day_of_year + 2) / 153)
  return (year_of_era + era * 400) * 12 + month + 2
end

local function first_day_of_month(number)
  local from_march = number - 2
  local year = floor(from_march / 12)
  local month = from_march % 12
  local era = floor(year / 400)
  local year_of_era = year - era * 400
  local day_of_era = year_of_era * 365 + floor(year_of_era / 4) - floor(year_of_era / 100) + floor((153 * month + 2) / 5)
  return era * 146097 + day_of_era - 719468
end

-- Unix seconds at which the period that `seconds` lies in ends; nil for a limit that never resets.
local function period_end(reset, seconds)
  local day = day_of(seconds)
  if reset == DAILY then
    return (day + 1) * 86400
  elseif reset == WEEKLY then
    return ((week_of(day) + 1) * 7 - 3) * 86400
  elseif reset == MONTHLY then
    return first_day_of_month(month_of(day) + 1) * 86400
  end
end
