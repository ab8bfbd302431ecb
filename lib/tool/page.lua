-- Read on in the log of a channel.  Logs hold more than they are to keep: who
-- begins with the oldest begins where the newest that are to be kept do.
--
-- KEYS  the log
-- ARGV  1 the place behind which to read, 2 at most how many entries,
--       3 how many entries are to be kept
-- Returns the entries, oldest first, as of XRANGE.

local call = redis.call
local key, keep = KEYS[1], tonumber(ARGV[3])

local entries = call('XRANGE', key, '(' .. ARGV[1], '+', 'COUNT', ARGV[2])
local over = #entries > 0 and call('XLEN', key) - keep or 0
if over <= 0 or keep == 0 or
  call('XRANGE', key, '-', '+', 'COUNT', 1)[1][1] ~= entries[1][1] then
  return entries
end
-- From whichever end is nearer.
local way = over < keep and call('XRANGE', key, '-', '+', 'COUNT', over + 1) or
  call('XREVRANGE', key, '+', '-', 'COUNT', keep)
return call('XRANGE', key, way[#way][1], '+', 'COUNT', ARGV[2])
