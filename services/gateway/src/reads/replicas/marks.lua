-- The marks of all replicas of a gateway, changed by one of them.
--
-- A hash: `tick`, the last number given; `run`, that of the server; `view`, the digest of the tables as the replicas know
-- them; and of each mark the ticks at which a write ended last (`c:`) and began last (`s:`), and how many are under way
-- (`u:`). A sorted set: the writes under way, by the time (ms) at which they count as over although nobody said so.
local state, writers = KEYS[1], KEYS[2]
local what, run, lease = ARGV[1], ARGV[2], tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function number(field) return tonumber(redis.call('HGET', state, field) or 0) end

-- The mark `tables` stands for the view: after a write to the schema nobody knows it.
local function raise(marks)
  local tick = redis.call('HINCRBY', state, 'tick', 1)
  for _, mark in ipairs(marks) do
    redis.call('HSET', state, 'c:' .. mark, tick)
    if mark == 'tables' then redis.call('HSET', state, 'view', '') end
  end
end

local function enter(marks)
  local tick = redis.call('HINCRBY', state, 'tick', 1)
  local writer = cjson.encode({ run, string.format('%.0f', tick), marks })
  redis.call('ZADD', writers, now + lease, writer)
  for _, mark in ipairs(marks) do
    redis.call('HSET', state, 's:' .. mark, tick)
    redis.call('HINCRBY', state, 'u:' .. mark, 1)
  end
  return writer
end

local function leave(writer)
  local marks = cjson.decode(writer)[3]
  if redis.call('ZREM', writers, writer) == 1 then
    for _, mark in ipairs(marks) do redis.call('HINCRBY', state, 'u:' .. mark, -1) end
  end
  return marks
end

-- A run of the server that this state is not of may have lost what was told to another one: for as long as a write takes,
-- any may be under way. Ticks go on above all that were given before, also where the state was flushed.
if redis.call('HGET', state, 'run') ~= run then
  redis.call('DEL', state, writers)
  redis.call('HSET', state, 'run', run, 'tick', now * 1000)
  enter({ 'all', 'any', 'schema', 'tables' })
end
-- Whoever does not say how a write ended may have gone with it. Its table may be in another group by now.
for _, writer in ipairs(redis.call('ZRANGEBYSCORE', writers, '-inf', now, 'LIMIT', 0, 100)) do
  raise(leave(writer))
  raise({ 'all' })
end

-- Marks of groups mean something only to those who know the same tables.
local function chosen(view, fine, coarse)
  local knows = view ~= '' and redis.call('HGET', state, 'view') == view
  return cjson.decode(knows and fine or coarse)
end

if what == 'look' then
  local told = { number('tick') }
  for _, mark in ipairs(chosen(ARGV[4], ARGV[5], ARGV[6])) do
    for _, kind in ipairs({ 'c:', 's:', 'u:' }) do table.insert(told, number(kind .. mark)) end
  end
  return told
elseif what == 'begin' then
  return enter(chosen(ARGV[4], ARGV[5], ARGV[6]))
elseif what == 'end' then
  local marks, how = leave(ARGV[7]), ARGV[8]
  if how ~= 'withoutEffect' then
    raise(marks)
    local named = chosen(ARGV[4], ARGV[5], ARGV[6])
    raise(named)
    if how == 'doubtful' then enter(named) end
  end
  return 1
elseif what == 'changed' then
  raise(chosen(ARGV[4], ARGV[5], ARGV[6]))
  return 1
else -- learn the view ARGV[4], which was asked for at tick ARGV[6] of run ARGV[5]
  if redis.call('HGET', state, 'view') == ARGV[4] then return 1 end
  if ARGV[5] ~= run or number('c:schema') > tonumber(ARGV[6]) then return 0 end
  redis.call('HSET', state, 'view', ARGV[4])
  raise({ 'all', 'any', 'schema' })
  return 1
end
