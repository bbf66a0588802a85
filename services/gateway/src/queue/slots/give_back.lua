-- Gives a slot back: a window after its request ended where it was used, at once where it was not.
-- KEYS  slots of the base, slots of the token
-- ARGV  id of the slot, 1 used or 0, then microseconds: window, lease, since the end
-- One that the server has forgotten meanwhile is known again.
local window, lease, ago = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, key in ipairs(KEYS) do
  if ARGV[2] == '1' then
    redis.call('ZADD', key, now - ago + window, ARGV[1])
    redis.call('PEXPIRE', key, math.ceil((lease + window) / 1000))
  else
    redis.call('ZREM', key, ARGV[1])
  end
end
