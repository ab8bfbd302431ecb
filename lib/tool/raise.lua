-- Raise PREFIXlast (KEYS[1]) to the place ARGV[1], which was seen here, in case
-- a failover went back behind it.  Returns what it was, or "".

local function number(n)
  return string.format('%20s', n) -- 64 bits do not fit a number of Lua
end

local function order(place)
  local ms, seq = string.match(place, '^(%d+)%-(%d+)$')
  return number(ms or '0') .. number(seq or '0')
end

local before = redis.call('GET', KEYS[1]) or ''
if order(before) < order(ARGV[1]) then
  redis.call('SET', KEYS[1], ARGV[1])
end
return before
