-- No replica takes a slot for so many milliseconds (ARGV 1), or as long as it was said before.
-- KEYS  lock-out
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], '', 'PX', ARGV[1]) end
