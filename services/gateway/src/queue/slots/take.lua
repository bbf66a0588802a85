-- Takes a slot of the base and one of the token, or says in how many microseconds to ask again.
-- KEYS  slots of the base, replicas that wait, replicas by their last slot, lock-out, the server's run, slots of the token
-- ARGV  id of the slot, replica, run of the server, slots of the base, slots of the token, then microseconds: window,
--       lease, grace
-- Answer  {1 taken or 0, wait, slots of the base in use, 1 in a lock-out or 0}
-- A slot is a member of a sorted set, by the time when it is free again: held until its lease and a window are over,
-- or cooling for a window. All times are the server's, in microseconds.
local slots, waiting, served, lockout, run, of_token = unpack(KEYS)
local id, replica, server = ARGV[1], ARGV[2], ARGV[3]
local most, most_of_token = tonumber(ARGV[4]), tonumber(ARGV[5])
local window, lease, grace = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function expire(key, after) redis.call('PEXPIRE', key, math.ceil(after / 1000)) end

-- When the member of this rank is over; without one there is nothing to wait for but the next to come.
local function over(key, rank)
  local found = redis.call('ZRANGE', key, rank, rank, 'WITHSCORES')
  return math.min(tonumber(found[2] or now + window), now + window)
end

for _, key in ipairs({slots, of_token, waiting}) do redis.call('ZREMRANGEBYSCORE', key, '-inf', now) end
local used = redis.call('ZCARD', slots)

local function hold()
  for _, key in ipairs({slots, of_token}) do
    redis.call('ZADD', key, now + lease + window, id)
    expire(key, lease + window)
  end
end

-- Its answer was lost, it asks once more, and counts its time from then on.
if redis.call('ZSCORE', slots, id) then
  hold()
  return {1, 0, used, 0}
end

local locked = redis.call('PTTL', lockout)
if locked > 0 then return {0, locked * 1000, used, 1} end

-- What a server held before it was started is not known for sure: the first window is left to it.
local known = redis.call('HMGET', run, 'id', 'since')
if known[1] ~= server or tonumber(known[2]) > now then
  redis.call('HSET', run, 'id', server, 'since', string.format('%.0f', now))
  known[2] = now
end
local ready = tonumber(known[2]) + window
if ready > now then return {0, ready - now, most, 0} end

-- Who had a slot longest ago goes first, as long as it is heard of.
local function last(of) return tonumber(redis.call('ZSCORE', served, of) or '0') end
local before, mine, first = 0, last(replica), now + window
for _, other in ipairs(redis.call('ZRANGE', waiting, 0, -1)) do
  local theirs = last(other)
  if other ~= replica and (theirs < mine or theirs == mine and other < replica) then
    before = before + 1
    first = math.min(first, tonumber(redis.call('ZSCORE', waiting, other)))
  end
end

local used_of_token = redis.call('ZCARD', of_token)
if used_of_token >= most_of_token then
  return {0, over(of_token, used_of_token - most_of_token) - now, used, 0}
end
local free = most - used
if free <= before then
  -- Where others go first, either they take theirs, or what they wait for is over.
  local at = over(slots, before - free)
  if free > 0 then at = math.min(at, first) end
  redis.call('ZADD', waiting, at + grace, replica)
  expire(waiting, window + grace)
  return {0, at - now, used, 0}
end

hold()
redis.call('ZADD', served, now, replica)
redis.call('ZREMRANGEBYSCORE', served, '-inf', now - lease)
expire(served, lease)
redis.call('ZREM', waiting, replica)
return {1, 0, used + 1, 0}
