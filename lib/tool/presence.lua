-- Keep an instance among the living, say which connections it has got or lost,
-- reap what those left behind who are dead, and publish which clients have come
-- and gone by that: all at one moment, so that each is said exactly once.
--
-- KEYS  PREFIXinstances, PREFIXconns:INSTANCE; then, if it is to be published,
--       PREFIXlast, PREFIXbirth, PREFIXlog:presence; and, as those are known
--       only here, any PREFIXclients:CLIENT and PREFIXconns:INSTANCE
-- ARGV  1 the instance, 2 ms for which it counts as alive, 3 "join", "leave" or
--       "beat", 4 events kept in that log, 5 for how many ms (0: for ever); from
--       6 on for each connection: its ID, the client, and, if it joins, what is
--       to be known of it
-- Returns {how many connections it has, why it could not be published or ""}.

local function publish(KEYS, ARGV)
-- Here stands publish.lua.
end

local REAP = 500 -- connections of a dead instance at a time

local call = redis.call
local prefix = string.sub(KEYS[1], 1, -10)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- First it is but looked at: what is to be written, and what to be said.
local deeds = {}
local events = { ARGV[4], ARGV[5], '1', '0', '0', '', '0', '', '' }
local said = #events
local counts, here = {}, {} -- of each client; of each entry: is it there?

local function deed(...)
  deeds[#deeds + 1] = { ... }
end

local function say(what, client)
  -- As others write JSON, to whom a slash is a letter like any other.
  local data = string.gsub(cjson.encode({ client = client }), '\\/', '/')
  for _, text in ipairs({ '1', '0', '', '2', 'event', what, 'data', data }) do
    events[#events + 1] = text
  end
end

-- What command reads of key; nil: that is none of ours.  Any other error (keys
-- of a cluster may be on their way) ends all, while nothing is written.
local function read(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then
    return answer
  elseif not string.find(answer.err, 'WRONGTYPE', 1, true) then
    error(answer)
  end
end

-- How many connections the client has; nil: its key is none of ours.
local function count(key, client)
  if counts[client] == nil then
    counts[client] = read('HLEN', key) or false
  end
  return counts[client] or nil
end

local function is_there(key, id)
  local entry = id .. ' ' .. key
  if here[entry] == nil then
    here[entry] = call('HEXISTS', key, id) == 1
  end
  return here[entry]
end

local function add(id, client, info)
  local key = prefix .. 'clients:' .. client
  local n = count(key, client)
  deed('SADD', KEYS[2], id .. ' ' .. client)
  if not n then
    return
  end
  if not is_there(key, id) then
    if n == 0 then
      say('joined', client)
    end
    counts[client], here[id .. ' ' .. key] = n + 1, true
  end
  deed('HSET', key, id, info)
end

-- Whoever removes the last entry is the one who says so.
local function remove(id, client)
  local key = prefix .. 'clients:' .. client
  local n = count(key, client)
  if not n or not is_there(key, id) then
    return
  end
  if n == 1 then
    say('left', client)
  end
  counts[client], here[id .. ' ' .. key] = n - 1, false
  deed('HDEL', key, id)
end

local function reap(instance)
  local key = prefix .. 'conns:' .. instance
  local members = read('SRANDMEMBER', key, REAP) or {}
  for _, member in ipairs(members) do
    local id, client = string.match(member, '^(%S+) (.*)$')
    if id then
      remove(id, client)
    end
  end
  if #members > 0 then
    deed('SREM', key, unpack(members))
  end
  if #members < REAP then
    deed('ZREM', KEYS[1], instance)
  end
end

deed('ZADD', KEYS[1], string.format('%.0f', now + ARGV[2]), ARGV[1])
if ARGV[3] == 'join' then
  for i = 6, #ARGV, 3 do
    add(ARGV[i], ARGV[i + 1], ARGV[i + 2])
  end
elseif ARGV[3] == 'leave' then
  for i = 6, #ARGV, 2 do
    remove(ARGV[i], ARGV[i + 1])
    deed('SREM', KEYS[2], ARGV[i] .. ' ' .. ARGV[i + 1])
  end
end
local dead = call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now))
for _, instance in ipairs(dead) do
  if instance ~= ARGV[1] then
    reap(instance)
  end
end

-- What is refused in the middle would be said again and again.
for _, what in ipairs(deeds) do
  if not redis.acl_check_cmd(unpack(what)) then
    return redis.error_reply('NOPERM this user may not ' .. what[1] .. ' ' ..
      what[2])
  end
end

-- Where it cannot be said it has happened nevertheless.
local why = ''
if KEYS[3] and #events > said then
  why = publish({ KEYS[3], KEYS[4], KEYS[5] }, events).err or ''
end
for _, what in ipairs(deeds) do
  call(unpack(what))
end
return { call('SCARD', KEYS[2]), (string.gsub(why, '^%-', '')) }
