-- Writes a time, unless one was written within ten seconds; what may be thrown away when memory is full is told.
-- KEYS: times.
local memory = redis.call('INFO', 'memory')
local most, policy = memory:match('maxmemory:(%d+)'), memory:match('maxmemory_policy:([%w-]+)')
if most and most ~= '0' and policy ~= 'noeviction' then return policy end
local now = tonumber(redis.call('TIME')[1])
local checked = tonumber(redis.call('HGET', KEYS[1], 'checked') or 0)
if math.abs(now - checked) >= 10 then redis.call('HSET', KEYS[1], 'checked', now) end
return ''
