-- Publish a batch of events: check all of it, then mint, log and send.
-- The contract is in sse-redis(7).  A script does not roll back, so nothing is
-- written before everything that can be wrong has been looked at.
--
-- KEYS  PREFIXlast, PREFIXbirth, N logs, M keys of --once, the producer's hash
--       if ARGV[6] is not empty, the relay's mark if a key is left
-- ARGV  1 events kept a log, 2 for how many ms (0: for ever), each of them one
--       number or one for each log, parted by commas, 3 N, 4 M,
--       5 ms that keys of --once are kept, 6 the batch's number, 7 ms that it
--       is kept, 8 the mark moves from, 9 to; from 10 on for each event: which
--       log, which key of --once (0: none), its own ID, how many fields, and
--       the name and value of each
-- Returns {"ok N"|"repeat N"|"moved", mark, answer...}: each message reached N
-- readers or more (no N: nothing was sent, or it is forgotten); an answer is
-- "PLACE" or "PLACE ID", with "=" before it when its key had been, or "!WHY" when
-- something else lies where its log or key should be; those of a repeat are as
-- the first time.  When the batch moves the mark there are none but "!WHY".

local KEYS, ARGV = KEYS, ARGV
local call, find, sub, gsub = redis.call, string.find, string.sub, string.gsub
local match, format, concat = string.match, string.format, table.concat

local MESSAGE_BYTES = 65536 -- a run of events with more is parted
local MESSAGE_MAX = 1048576 -- bytes of an event, with all that goes with it
local HEAD_BYTES = 128 -- its id, place and prev, at most, without an own ID
local FIELDS_MAX = 32 -- of an event: they pass through the stack of Lua
local AHEAD_MAX = 60000 -- ms that an ID of its own may be ahead
local UINT64_MAX = '18446744073709551615'

local digits = { [0] = '0', '1', '2', '3', '4', '5', '6', '7', '8', '9' }
local reserved = { id = true, prev = true, place = true, channel = true }

-- Numbers of Lua are doubles: what may need 64 bits stays a decimal string.
local function compare(a, b)
  if #a ~= #b then
    return #a < #b and -1 or 1
  end
  return a == b and 0 or (a < b and -1 or 1)
end

local function valid(n)
  return (#n < 20 or (#n == 20 and n <= UINT64_MAX)) and
    (n == '0' or sub(n, 1, 1) ~= '0')
end

-- The two numbers of a place, or nil.
local function split(text)
  local ms, seq = match(text, '^(%d+)%-(%d+)$')
  if ms and valid(ms) and valid(seq) and text ~= '0-0' then
    return ms, seq
  end
end

local function above(ms, seq, than_ms, than_seq)
  local order = compare(ms, than_ms)
  return order > 0 or (order == 0 and compare(seq, than_seq) > 0)
end

local function successor(n)
  if #n < 15 then
    return format('%.0f', n + 1)
  end
  local head, nines = match(n, '^(.-)(9*)$')
  local zeros = gsub(nines, '9', '0')
  if head == '' then
    return '1' .. zeros
  end
  return sub(head, 1, -2) .. (sub(head, -1) + 1) .. zeros
end

local function bad(what)
  return redis.error_reply('SSEBAD ' .. what)
end

local prefix = sub(KEYS[1], 1, -5)
local nlogs, nonce = tonumber(ARGV[3]), tonumber(ARGV[4])

-- What holds for each log: one number for all, or one for each.
local function each_log(text)
  local all, of = tonumber(text), {}
  if all then
    for k = 1, nlogs do
      of[k] = all
    end
    return of
  end
  for one in string.gmatch(text, '[^,]+') do
    of[#of + 1] = tonumber(one)
  end
  return #of == nlogs and of or nil
end

local counts, ages = each_log(ARGV[1]), each_log(ARGV[2])
if not counts or not ages then
  return bad('what logs keep is not one number, nor one for each')
end
local number = ARGV[6]
local producer = number ~= '' and KEYS[3 + nlogs + nonce] or nil
local relay = KEYS[3 + nlogs + nonce + (producer and 1 or 0)]
local logs, onces = 2, 2 + nlogs -- what to add to get at KEYS

-- What has been done before.
-- Who moves a mark knows by it what became of the batch, and asks for no more.
local mark, answering = '', not relay or ARGV[8] == ARGV[9]
if relay then
  mark = call('GET', relay) or ''
  if mark ~= ARGV[8] then
    return { 'moved', mark }
  end
end
if producer then
  local done = call('HMGET', producer, 'number', 'answer', 'reached')
  if not match(number, '^%d+$') or not valid(number) or number == '0' then
    return bad('batch number ' .. number .. ' is none')
  elseif done[1] and compare(number, done[1]) < 0 then
    return { 'repeat', mark } -- settled long ago; its answer is forgotten
  elseif done[1] == number then
    local answer = { 'repeat' .. (done[3] or ''), mark }
    for one in string.gmatch(done[2], '[^\n]+') do
      answer[#answer + 1] = one
    end
    return answer
  elseif done[1] and successor(done[1]) ~= number then
    return redis.error_reply('SSEORDER batch ' .. number ..
      ' does not follow batch ' .. done[1])
  end
end

-- May this user write here?  A refusal after the first write would come late.
local function denied(command, key, ...)
  if not redis.acl_check_cmd(command, key, ...) then
    return redis.error_reply('NOPERM this user may not ' .. command .. ' ' ..
      key)
  end
end

local refusal
for i, key in ipairs(KEYS) do
  if i > logs and i <= onces then
    refusal = refusal or denied('XADD', key, '*', 'prev', '')
  elseif key == producer then
    refusal = refusal or denied('HSET', key, 'number', '')
  else
    refusal = refusal or denied('SET', key, '')
  end
end
refusal = refusal or denied('PEXPIRE', KEYS[#KEYS], '0') or
  nlogs > 0 and denied('XTRIM', KEYS[logs + 1], 'MAXLEN', '0')
if refusal then
  return refusal
end

local last_ms, last_seq, birth_ms = '0', '0', nil
local kept = call('MGET', KEYS[1], KEYS[2])
if kept[1] then
  last_ms, last_seq = split(kept[1])
  if not last_ms then
    return bad(KEYS[1] .. ' is not a place')
  end
end
if kept[2] then
  birth_ms = split(kept[2])
end

local time = call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local now_text = format('%.0f', now)
local oldest = {}
for k = 1, nlogs do
  oldest[k] = ages[k] > 0 and format('%.0f', math.max(now - ages[k], 0))
end

-- The place of the event before, of each channel.  A log that is not there has
-- none younger than the age, nor any at all when all of history is younger.
local prev, topic, first_ms, first_seq = {}, {}, last_ms, last_seq
-- Why nothing is published by way of a key: others wrote there.
local foreign = {}

local function is_no(kind, key)
  foreign[key] = '!' .. gsub(key, '%c', '?') .. ' is not a ' .. kind
end

for k = 1, nlogs do
  local key = KEYS[logs + k]
  local kind = call('TYPE', key).ok
  if sub(key, 1, #prefix + 4) ~= prefix .. 'log:' then
    return bad(key .. ' is not a log of ' .. prefix)
  end
  topic[k] = prefix .. sub(key, #prefix + 5)
  refusal = denied('PUBLISH', topic[k], '')
  if refusal then
    return refusal
  end
  if kind == 'stream' then
    local info = call('XINFO', 'STREAM', key)
    for i = 1, #info, 2 do
      if info[i] == 'last-generated-id' then
        prev[k] = info[i + 1]
      end
    end
    -- A log knows better than a sse:last that went lost.
    local ms, seq = split(prev[k])
    if ms and above(ms, seq, last_ms, last_seq) then
      last_ms, last_seq = ms, seq
    end
  elseif kind ~= 'none' then
    is_no('Redis stream', key)
    prev[k] = '0-0'
  elseif oldest[k] and birth_ms and compare(birth_ms, oldest[k]) <= 0 then
    if above(first_ms, first_seq, oldest[k], '0') then
      prev[k] = oldest[k] .. '-0'
    else
      prev[k] = first_ms .. '-' .. first_seq
    end
  else
    prev[k] = '0-0'
  end
end

local answered = {}
for q = 1, nonce do
  local key = KEYS[onces + q]
  local known = redis.pcall('GET', key)
  if type(known) ~= 'table' then
    answered[key] = known or nil
  elseif find(known.err, 'WRONGTYPE', 1, true) then
    is_no('string', key)
  else
    return known
  end
end

-- Few different texts stand for numbers, and reading one is slow, as is every
-- call: most often the table knows.
local numbers = {}

local function number_of(text)
  local number = tonumber(text or '')
  if number then
    numbers[text] = number
  end
  return number
end

-- The events: is each well-formed?
local lines, labels, sizes, clean = {}, {}, {}, nil
local at, argc, n = 10, #ARGV, 0
while at <= argc do
  local own = ARGV[at + 2]
  local k = numbers[ARGV[at]] or number_of(ARGV[at])
  local q = numbers[ARGV[at + 1] or ''] or number_of(ARGV[at + 1])
  local fields = numbers[ARGV[at + 3] or ''] or number_of(ARGV[at + 3])
  n = n + 1
  if not k or not prev[k] or not q or q < 0 or q > nonce or not fields or
      fields < 0 or fields > FIELDS_MAX or at + 3 + 2 * fields > argc then
    return bad('event ' .. n .. ': malformed arguments')
  elseif own ~= '' and (find(own, '\n', 1, true) or
      find(own, '\r', 1, true) or find(own, '\0', 1, true)) then
    return bad('event ' .. n .. ': line break or NUL in id')
  end
  at = at + 4
  local relayed, size = false, HEAD_BYTES + #own
  for j = at, at + 2 * fields - 1, 2 do
    local name, value, wrong = ARGV[j], ARGV[j + 1], nil
    -- A name is looked at but once.
    if not labels[name] then
      if name == '' or reserved[name] or find(name, '[:%z\r\n]') then
        wrong = 'a field cannot be named "' .. name .. '"'
      end
      labels[name] = '\n' .. name .. ': '
    end
    local broken = value ~= clean and (find(value, '\n', 1, true) or
      find(value, '\r', 1, true))
    if name == 'data' then
      if broken then
        -- As any decoder of an event stream joins lines.
        value = gsub(value, '\r\n?', '\n')
        ARGV[j + 1] = value
        value = gsub(value, '\n', '\ndata: ')
        lines[j] = value
      end
    elseif broken then
      wrong = 'line break in ' .. name
    elseif name == 'via' then
      relayed, clean = true, value -- most often the next event's, too
    elseif name == 'event' and sub(value, 1, 4) == 'sse:' and
        not (relayed and value == 'sse:gap') then
      wrong = 'event types that begin with sse: are reserved'
    end
    if wrong then
      return bad('event ' .. n .. ': ' .. wrong)
    end
    size = size + #name + #value + 3
  end
  if size > MESSAGE_MAX then
    return bad('event ' .. n .. ': a message of Redis is 1 MiB at most')
  end
  sizes[n] = size
  at = at + 2 * fields
end

-- Nothing is wrong.  From here on there is no way back.
local answers, sent, birth, changed = { 'ok', mark }, {}, nil, {}
local ahead = format('%.0f', now + AHEAD_MAX)
local clock_leads = compare(now_text, last_ms) > 0

-- The next place.  Of ten in a row all but the last digit is the same, and is
-- put together once: stem is that part, unit the digit, while last_* are stale.
local stem, unit

local function settle()
  if stem then
    last_ms, last_seq = match(stem .. unit, '^(%d+)%-(%d+)$')
    stem = nil
  end
end

local function mint()
  if stem and unit < 9 then
    unit = unit + 1
    return stem .. digits[unit]
  end
  settle()
  if clock_leads then
    last_ms, last_seq, clock_leads = now_text, '0', false
  elseif last_seq ~= UINT64_MAX then
    last_seq = successor(last_seq)
  else
    last_ms, last_seq = successor(last_ms), '0'
  end
  local place = last_ms .. '-' .. last_seq
  if #last_seq < #UINT64_MAX then
    stem, unit = sub(place, 1, -2), tonumber(sub(place, -1))
  end
  return place
end

-- The place of an event with an ID of its own, and the name of the field that
-- keeps the ID when it is not the place.
local function mint_own(own, from, to)
  local ms, seq = split(own)
  if not ms then
    return mint(), 'id'
  end
  settle()
  if above(ms, seq, last_ms, last_seq) and compare(ms, ahead) <= 0 then
    last_ms, last_seq = ms, seq
    clock_leads = compare(now_text, last_ms) > 0
    return own
  end
  local place, name = mint(), 'origin'
  for j = from, to, 2 do
    name = ARGV[j] ~= 'origin' and name or nil
  end
  return place, name
end

-- A run of events of one channel becomes one message.  Strings are costly to
-- make, so its pieces are joined but once.
local run, pieces, length, running = {}, 0, 0, nil

local function flush()
  if pieces > 0 then
    run[pieces + 1] = '\n\n'
    sent[#sent + 1] = { topic[running], concat(run, '', 1, pieces + 1) }
    run, pieces, length = {}, 0, 0
  end
end

at = 10
for i = 1, n do
  local k, q = numbers[ARGV[at]], numbers[ARGV[at + 1]]
  local own = ARGV[at + 2]
  local from, to = at + 4, at + 3 + 2 * numbers[ARGV[at + 3]]
  local once = q > 0 and KEYS[onces + q] or nil
  at = to + 1
  local why = foreign[KEYS[logs + k]] or once and foreign[once]
  if why then
    answers[#answers + 1] = why
  elseif once and answered[once] then
    if answering then
      answers[i + 2] = '=' .. answered[once]
    end
  else
    local key, before, place, name = KEYS[logs + k], prev[k], nil, nil
    if own == '' then
      place = mint()
    else
      place, name = mint_own(own, from, to)
    end
    birth = birth or place
    if counts[k] > 0 and name then
      call('XADD', key, place, 'prev', before, name, own, unpack(ARGV, from, to))
    elseif to == from + 1 and counts[k] > 0 then
      call('XADD', key, place, 'prev', before, ARGV[from], ARGV[to])
    elseif counts[k] > 0 then
      call('XADD', key, place, 'prev', before, unpack(ARGV, from, to))
    end
    if k ~= running or length + sizes[i] > MESSAGE_BYTES then
      flush()
      running = k
    end
    length = length + sizes[i]
    local head = pieces == 0 and 'id: ' or '\n\nid: '
    if name == 'id' then
      run[pieces + 1], run[pieces + 2] = head, own
      run[pieces + 3], run[pieces + 4] = '\nplace: ', place
      run[pieces + 5], run[pieces + 6] = '\nprev: ', before
      pieces = pieces + 6
    else
      run[pieces + 1], run[pieces + 2] = head, place
      run[pieces + 3], run[pieces + 4] = '\nprev: ', before
      pieces = pieces + 4
      if name then
        pieces = pieces + 1
        run[pieces] = '\norigin: ' .. own
      end
    end
    for j = from, to, 2 do
      local value = lines[j] or ARGV[j + 1]
      run[pieces + 1], run[pieces + 2] = labels[ARGV[j]], value
      pieces = pieces + 2
    end
    prev[k], changed[k] = place, true
    if answering or once then
      local answer = name == 'id' and place .. ' ' .. own or place
      if once then
        answered[once] = answer
        call('SET', once, answer, 'PX', ARGV[5])
      end
      if answering then
        answers[i + 2] = answer
      end
    end
  end
end
flush()
settle()

for k = 1, nlogs do
  if changed[k] then
    local key = KEYS[logs + k]
    if counts[k] > 0 then
      call('XTRIM', key, 'MAXLEN', '~', counts[k])
    else
      -- An empty Redis stream still knows the place of the event before.
      call('XADD', key, 'MAXLEN', '=', 0, prev[k], 'prev', '')
    end
    if oldest[k] then
      call('XTRIM', key, 'MINID', '~', oldest[k])
      call('PEXPIRE', key, ages[k])
    else
      call('PERSIST', key)
    end
  end
end
if birth then
  call('SET', KEYS[1], last_ms .. '-' .. last_seq)
  if not kept[2] then
    call('SET', KEYS[2], birth)
  end
end
if relay then
  answers[2] = ARGV[9]
  call('SET', relay, ARGV[9])
end
local least
for _, message in ipairs(sent) do
  local readers = call('PUBLISH', message[1], message[2])
  least = math.min(least or readers, readers)
end
local reached = least and ' ' .. least or ''
answers[1] = 'ok' .. reached
if producer then
  call('HSET', producer, 'number', number, 'answer', concat(answers, '\n', 3),
    'reached', reached)
  call('PEXPIRE', producer, ARGV[7])
end
return answers
