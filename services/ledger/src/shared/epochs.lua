-- Forgets some of the epochs first seen before a time; returns how many. KEYS: epochs, their ages, times. ARGV: the time in
-- ms, how many at most.
local old = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '(' .. ARGV[1], 'LIMIT', 0, ARGV[2])
if #old == 0 then return 0 end
for _, key in ipairs(old) do
  redis.call('HDEL', KEYS[1], key)
  redis.call('ZREM', KEYS[2], key)
end
if tonumber(redis.call('HGET', KEYS[3], 'horizon') or 0) < tonumber(ARGV[1]) then
  redis.call('HSET', KEYS[3], 'horizon', ARGV[1])
end
return #old
