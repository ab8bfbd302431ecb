-- Keep an instance among the living, say which connections it has got or lost,
-- and reap what those left behind who are dead.
--
-- KEYS  PREFIXinstances, PREFIXconns:INSTANCE; and, as those are known only
--       here, any PREFIXclients:CLIENT and PREFIXconns:INSTANCE
-- ARGV  1 the instance, 2 ms for which it counts as alive, 3 "join", "leave" or
--       "beat"; from 4 on for each connection: its ID, the client, and, if it
--       joins, what is to be known of it
-- Returns {how many connections it has, "+CLIENT"|"-CLIENT"...}: who has got
-- its first connection, and who has lost its last.

local call = redis.call
local prefix = string.sub(KEYS[1], 1, -10)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local changes = { 0 }

local function add(id, client, info)
  local key = prefix .. 'clients:' .. client
  if call('EXISTS', key) == 0 then
    changes[#changes + 1] = '+' .. client
  end
  call('HSET', key, id, info)
  call('SADD', KEYS[2], id .. ' ' .. client)
end

-- Whoever removes the entry is the one who says so.
local function remove(id, client)
  local key = prefix .. 'clients:' .. client
  if call('HDEL', key, id) == 1 and call('EXISTS', key) == 0 then
    changes[#changes + 1] = '-' .. client
  end
end

call('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
if ARGV[3] == 'join' then
  for i = 4, #ARGV, 3 do
    add(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
elseif ARGV[3] == 'leave' then
  for i = 4, #ARGV, 2 do
    remove(ARGV[i], ARGV[i + 1])
    call('SREM', KEYS[2], ARGV[i] .. ' ' .. ARGV[i + 1])
  end
end

local dead = call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
for _, instance in ipairs(dead) do
  local key = prefix .. 'conns:' .. instance
  for _, member in ipairs(call('SPOP', key, 500)) do
    remove(string.match(member, '^(%S+) (.*)$'))
  end
  if call('EXISTS', key) == 0 then
    call('ZREM', KEYS[1], instance)
  end
end
changes[1] = call('SCARD', KEYS[2])
return changes
