-- The highest epoch seen before for a key; remembers a higher one. KEYS: epochs, their ages. ARGV: key, epoch, now in ms.
local seen = redis.call('HGET', KEYS[1], ARGV[1])
if not seen or tonumber(seen) < tonumber(ARGV[2]) then
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
end
return seen
