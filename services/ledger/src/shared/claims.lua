-- The keys that are claimed. KEYS: claims.
local time = redis.call('TIME')
return redis.call('ZRANGEBYSCORE', KEYS[1], string.format('%.0f', time[1] * 1000), '+inf')
