-- How far Airtable's iterators have led towards one offset of ours, for all replicas.
--
-- A hash: of each offset of ours its place. A sorted set: the same offsets by the time (ms) until which they are kept.
local places, ends = KEYS[1], KEYS[2]
local ours, place, lifetime, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

redis.call('HSET', places, ours, place)
redis.call('ZADD', ends, now + lifetime, ours)
-- What is over comes first, and then what is over next. A few at a time: one comes with each call.
local over = #redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 100)
local gone = math.max(over, math.min(redis.call('ZCARD', ends) - most, 100))
if gone > 0 then
  for _, old in ipairs(redis.call('ZRANGE', ends, 0, gone - 1)) do
    redis.call('HDEL', places, old)
    redis.call('ZREM', ends, old)
  end
end
redis.call('PEXPIRE', places, lifetime)
redis.call('PEXPIRE', ends, lifetime)
return 1
