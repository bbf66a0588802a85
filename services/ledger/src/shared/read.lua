-- What is known of some keys. KEYS: times, then entry and claim of each. ARGV: the run of the server.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
if redis.call('HGET', KEYS[1], 'run') ~= ARGV[1] then
  -- Another run may have lost what the one before it answered as written: it begins to know things now, rounded up.
  redis.call('HSET', KEYS[1], 'run', ARGV[1], 'born', string.format('%.0f', now + 1))
end
local times = redis.call('HMGET', KEYS[1], 'born', 'horizon')
local known = {string.format('%.0f', now), times[1], times[2]}
for i = 2, #KEYS do known[i + 2] = redis.call('GET', KEYS[i]) end
return known
