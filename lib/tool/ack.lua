-- Move a client's mark to the place ARGV[1], only forwards, and keep it for
-- ARGV[2] ms (0: for ever); with an empty place it is only read.
--
-- KEYS  PREFIXack:CLIENT, PREFIXlast
-- Returns the mark as it stands then, or "".

local function number(n)
  return string.format('%20s', n) -- 64 bits do not fit a number of Lua
end

local function order(place)
  local ms, seq = string.match(place, '^(%d+)%-(%d+)$')
  return number(ms or '0') .. number(seq or '0')
end

local mark = redis.call('GET', KEYS[1]) or ''
if ARGV[1] == '' then
  return mark
end
if order(ARGV[1]) > order(redis.call('GET', KEYS[2]) or '') then
  return redis.error_reply('SSEBAD ' .. ARGV[1] .. ' has not been minted yet')
end
if order(ARGV[1]) > order(mark) then
  mark = ARGV[1]
end
if ARGV[2] == '0' then
  redis.call('SET', KEYS[1], mark)
else
  redis.call('SET', KEYS[1], mark, 'PX', ARGV[2])
end
return mark
