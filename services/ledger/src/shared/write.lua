-- Writes what was decided where all that was read still holds, else nothing. KEYS: times, ages, claims, then entry and
-- claim of each key. ARGV: run, born and horizon as read; the next horizon; what becomes of the first key's claim, its
-- token, for how many ms; then of each key: its name, version and claim as read, what becomes of it, and how old it is.
local times = redis.call('HMGET', KEYS[1], 'run', 'born', 'horizon')
for i = 1, 3 do
  if (times[i] or '') ~= ARGV[i] then return 0 end
end
local function of(i) return KEYS[2 + 2 * i], KEYS[3 + 2 * i], 2 + 6 * i end
local count = (#KEYS - 3) / 2
for i = 1, count do
  local entry, claim, at = of(i)
  if redis.call('GETRANGE', entry, 0, 31) ~= ARGV[at + 1] then return 0 end
  if (redis.call('GET', claim) or '') ~= ARGV[at + 2] then return 0 end
end
for i = 1, count do
  local entry, _, at = of(i)
  if ARGV[at + 3] == 'put' then
    redis.call('SET', entry, ARGV[at + 4])
    redis.call('ZADD', KEYS[2], ARGV[at + 5], ARGV[at])
  elseif ARGV[at + 3] == 'remove' then
    redis.call('DEL', entry)
    redis.call('ZREM', KEYS[2], ARGV[at])
  end
end
-- After what it removes: a server without memory left refuses a script whose first write may need some.
if ARGV[4] ~= '' then redis.call('HSET', KEYS[1], 'horizon', ARGV[4]) end
if ARGV[5] == 'take' then
  local time = redis.call('TIME')
  redis.call('SET', KEYS[5], ARGV[6], 'PX', ARGV[7])
  redis.call('ZADD', KEYS[3], string.format('%.0f', (time[1] + 1) * 1000 + ARGV[7]), ARGV[8])
elseif ARGV[5] == 'giveUp' then
  redis.call('DEL', KEYS[5])
  redis.call('ZREM', KEYS[3], ARGV[8])
end
return 1
