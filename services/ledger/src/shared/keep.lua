-- Renews claims, or gives them up. KEYS: claims, then one each. ARGV: for how many ms, 0 to give them up; then key and
-- token of each. Answers for each whether it was held.
local time = redis.call('TIME')
local now = time[1] * 1000
local lease = tonumber(ARGV[1])
local held = {}
for i = 2, #KEYS do
  local key, token = ARGV[2 * i - 2], ARGV[2 * i - 1]
  local is_held = redis.call('GET', KEYS[i]) == token
  if is_held and lease > 0 then
    redis.call('PEXPIRE', KEYS[i], lease)
    redis.call('ZADD', KEYS[1], string.format('%.0f', now + 1000 + lease), key)
  elseif is_held then
    redis.call('DEL', KEYS[i])
    redis.call('ZREM', KEYS[1], key)
  end
  held[i - 1] = is_held and 1 or 0
end
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', now))
return held
