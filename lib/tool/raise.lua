-- Raise PREFIXlast to the place that was seen here, in case a failover went
-- back behind it, and note between which places history has forked then.
--
-- KEYS  PREFIXlast, PREFIXfork
-- ARGV  1 the highest place seen, 2 the place up to which history is the same
--       (empty: as far as is known it has not forked)
-- Returns {last as it was, or "", fork}; fork is "LOW HIGH" or "": events
-- behind LOW and up to HIGH may be lost.

local call, match = redis.call, string.match

local function number(n)
  return string.format('%20s', n) -- 64 bits do not fit a number of Lua
end

local function order(place)
  local ms, seq = match(place, '^(%d+)%-(%d+)$')
  return number(ms or '0') .. number(seq or '0')
end

local seen, low = ARGV[1], ARGV[2]
local before = call('GET', KEYS[1]) or ''
local fork = call('GET', KEYS[2]) or ''

if order(before) < order(seen) then
  call('SET', KEYS[1], seen)
  if low == '' then
    low = before == '' and '0-0' or before
  end
end
if low ~= '' and order(low) < order(seen) then
  local high = seen
  local kept_low, kept_high = match(fork, '^(%S+) (%S+)$')
  -- The same fork as others have seen it: all of what anyone misses.
  if kept_high and order(kept_high) > order(low) then
    low = order(kept_low) < order(low) and kept_low or low
    high = order(kept_high) > order(high) and kept_high or high
  end
  fork = low .. ' ' .. high
  call('SET', KEYS[2], fork)
end
return { before, fork }
