-- List the connections of clients to all servers, a page at a time.
-- The contract is in sse-redis(7).
--
-- KEYS  PREFIXinstances; and, as those are known only here, any
--       PREFIXconns:INSTANCE and PREFIXclients:CLIENT
-- ARGV  1 the instance to go on with (empty: the first), 2 the cursor in its
--       set, 3 about how many connections
-- Returns {instance, cursor, {instance, ID, client, what is known of it}...}: an
-- empty instance says that there are no more.

local call = redis.call
local from, cursor, count = ARGV[1], ARGV[2], tonumber(ARGV[3])
local prefix = string.sub(KEYS[1], 1, -10)
local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

-- Instances are few; their connections are not.
local alive = call('ZRANGEBYSCORE', KEYS[1], '(' .. string.format('%.0f', now),
  '+inf')
table.sort(alive)

local page = { '', '0' }

-- What command reads of key; nil: that is none of ours.
local function read(command, key, ...)
  local answer = redis.pcall(command, key, ...)
  if type(answer) ~= 'table' or not answer.err then
    return answer
  elseif not string.find(answer.err, 'WRONGTYPE', 1, true) then
    error(answer)
  end
end

local function add(instance, member)
  local id, client = string.match(member, '^(%S+) (.*)$')
  local info = id and read('HGET', prefix .. 'clients:' .. client, id)
  if type(info) == 'string' then
    page[#page + 1] = { instance, id, client, info }
  end
end

for _, instance in ipairs(alive) do
  local at = instance == from and cursor or '0'
  while instance >= from do
    if #page - 2 >= count then
      page[1], page[2] = instance, at
      return page
    end
    local scan = read('SSCAN', prefix .. 'conns:' .. instance, at, 'COUNT',
      count + 2 - #page)
    if not scan then
      break
    end
    for _, member in ipairs(scan[2]) do
      add(instance, member)
    end
    at = scan[1]
    if at == '0' then
      break
    end
  end
end
return page
