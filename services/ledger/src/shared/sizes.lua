-- How many bytes there are under some keys. KEYS: them.
local sizes = {}
for i, key in ipairs(KEYS) do sizes[i] = redis.call('STRLEN', key) end
return sizes
