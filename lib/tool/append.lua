-- Append a batch to a plain Redis stream, once: what other software reads there
-- is no replay log, so nothing is minted and nothing published.  All is looked
-- at before the first write, for a script does not roll back.
--
-- KEYS  the stream, the producer's hash if ARGV[1] is not empty, the relay's
--       mark if a key is left
-- ARGV  1 the batch's number, 2 ms that it is kept, 3 the mark moves from,
--       4 to, 5 entries kept (0: all); from 6 on for each event: how many
--       arguments follow, and the names and values of its fields
-- Returns {"ok"|"repeat"|"moved", mark}.

local call = redis.call
local stream, number = KEYS[1], ARGV[1]
local producer = number ~= '' and KEYS[2] or nil
local relay = KEYS[producer and 3 or 2]

local mark = ''
if relay then
  mark = call('GET', relay) or ''
  if mark ~= ARGV[3] then
    return { 'moved', mark }
  end
end
if producer then
  local done = call('HGET', producer, 'number')
  if done and tonumber(number) <= tonumber(done) then
    return { 'repeat', mark }
  elseif done and tonumber(number) ~= tonumber(done) + 1 then
    return redis.error_reply('SSEORDER batch ' .. number ..
      ' does not follow batch ' .. done)
  end
end

local kind = call('TYPE', stream).ok
if kind ~= 'stream' and kind ~= 'none' then
  return redis.error_reply('SSEBAD ' .. stream .. ' is not a Redis stream')
end
local function denied(command, key, ...)
  if not redis.acl_check_cmd(command, key, ...) then
    return redis.error_reply('NOPERM this user may not ' .. command .. ' ' ..
      key)
  end
end
local refusal = denied('XADD', stream, '*', 'data', '') or
  denied('XTRIM', stream, 'MAXLEN', '0') or
  producer and denied('HSET', producer, 'number', '') or
  producer and denied('PEXPIRE', producer, '0') or
  relay and denied('SET', relay, '')
if refusal then
  return refusal
end

-- Nothing is wrong.  From here on there is no way back.
local at, argc = 6, #ARGV
while at <= argc do
  local n = tonumber(ARGV[at])
  call('XADD', stream, '*', unpack(ARGV, at + 1, at + n))
  at = at + 1 + n
end
if argc > 5 and ARGV[5] ~= '0' then
  call('XTRIM', stream, 'MAXLEN', '~', ARGV[5])
end
if producer then
  call('HSET', producer, 'number', number)
  call('PEXPIRE', producer, ARGV[2])
end
if relay then
  mark = ARGV[4]
  call('SET', relay, mark)
end
return { 'ok', mark }
