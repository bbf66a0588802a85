-- Does what taking a slot does, and takes none: whether all of that is permitted.
-- KEYS  as for taking one
-- Answers nothing. It writes a time, unless one was written within ten seconds.
local slots, waiting, served, lockout, run, of_token = unpack(KEYS)
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
for _, key in ipairs({slots, of_token, waiting}) do
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  redis.call('ZCARD', key)
  redis.call('ZRANGE', key, 0, 0)
end
redis.call('PTTL', lockout)
-- Nobody has the empty name.
redis.call('ZSCORE', slots, '')
redis.call('ZADD', served, 'XX', 0, '')
redis.call('ZREM', waiting, '')
local checked = tonumber(redis.call('HMGET', run, 'checked')[1] or 0)
if math.abs(time[1] - checked) >= 10 then redis.call('HSET', run, 'checked', time[1]) end
