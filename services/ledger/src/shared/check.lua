-- Does once in ten seconds what other scripts do, to nothing: whether it is permitted, and whether there is memory for it.
-- What may be thrown away when memory is full is told. KEYS: times, ages, entry and claim of a key that nobody has.
local times, ages, entry, claim = unpack(KEYS)
local memory = redis.call('INFO', 'memory')
local most, policy = memory:match('maxmemory:(%d+)'), memory:match('maxmemory_policy:([%w-]+)')
if most and most ~= '0' and policy ~= 'noeviction' then return policy end
local now = tonumber(redis.call('TIME')[1])
local checked = tonumber(redis.call('HGET', times, 'checked') or 0)
if math.abs(now - checked) < 10 then return '' end
-- First what may need memory: after another write a script gets it.
redis.call('SET', claim, '', 'PX', 1000)
redis.call('PEXPIRE', claim, 1000)
redis.call('DEL', claim)
redis.call('GETRANGE', entry, 0, 31)
redis.call('ZADD', ages, 'XX', 0, '')
redis.call('ZREM', ages, '')
redis.call('ZREMRANGEBYSCORE', ages, '(0', '(0')
redis.call('ZRANGEBYSCORE', ages, '(0', '(0')
-- Last, so that what is refused is told again and again.
redis.call('HSET', times, 'checked', now)
return ''
