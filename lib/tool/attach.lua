-- Read the logs of channels, publish a marker, and tell how far history goes:
-- one look at one moment.  The contract is in sse-redis(7).
--
-- KEYS  PREFIXlast, PREFIXbirth, the logs
-- ARGV  1 the Pub/Sub channel of the marker, 2 the place behind which to read
--       (empty: the newest), 3 at most how many entries a log, 4 for how many
--       ms logs are kept (0: for ever), or one number for each, parted by commas
-- Returns {last, birth, {channel, top, entries}...}, entries as of XRANGE.  A
-- log that is no Redis stream counts as one that is not there, and has a fourth
-- element that says so.

local call, sub, match = redis.call, string.sub, string.match
local after, count, all = ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local ages = {}
for one in string.gmatch(ARGV[4], '[^,]+') do
  ages[#ages + 1] = tonumber(one)
end
local prefix = sub(KEYS[1], 1, -5)
local kept = call('MGET', KEYS[1], KEYS[2])
local last, birth = kept[1] or '', kept[2] or ''

-- One moment for all of it: the clock does not stand still for a script.
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Up to where a log that is not there may have held events: what is older than
-- its age, unless all of history is younger.
local function forgotten(age)
  local ms, born = match(last, '^(%d+)%-'), match(birth, '^(%d+)%-')
  if age == 0 or not ms or not born then
    return '0-0'
  end
  local oldest = now - age
  if born + 0 > oldest then
    return '0-0'
  end
  return ms + 0 < oldest and last or string.format('%.0f-0', oldest)
end

local function read(key)
  if count == 0 then
    return {}
  end
  if after ~= '' then
    return call('XRANGE', key, '(' .. after, '+', 'COUNT', count)
  end
  local entries = call('XREVRANGE', key, '+', '-', 'COUNT', count)
  local n = #entries
  for i = 1, math.floor(n / 2) do
    entries[i], entries[n + 1 - i] = entries[n + 1 - i], entries[i]
  end
  return entries
end

local answer = { last, birth }
for i = 3, #KEYS do
  local key, age = KEYS[i], all or ages[i - 2] or 0
  local name, info = sub(key, #prefix + 5), {}
  if call('EXISTS', key) == 1 then
    info = redis.pcall('XINFO', 'STREAM', key)
  end
  if info.err and match(info.err, 'WRONGTYPE') then
    answer[i] = { name, forgotten(age), {}, 'no Redis stream' }
  elseif info.err then
    return info
  else
    local top = #info == 0 and forgotten(age)
    for j = 1, #info, 2 do
      if info[j] == 'last-generated-id' then
        top = info[j + 1]
      end
    end
    answer[i] = { name, top, read(key) }
  end
end
call('PUBLISH', ARGV[1], last)
return answer
