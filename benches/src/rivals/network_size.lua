-- Returns the numbers of members at 1st and at 2nd degree of ARGV[1]. KEYS[1] is a scratch set.
-- (The viewer is one of the neighbours' neighbours.)
local mine, reached = 'c:' .. ARGV[1], KEYS[1]
local lists = {mine}
for _, member in ipairs(redis.call('SMEMBERS', mine)) do lists[#lists + 1] = 'c:' .. member end
redis.call('DEL', reached)
for from = 1, #lists, 1000 do
    redis.call('SUNIONSTORE', reached, reached, unpack(lists, from, math.min(from + 999, #lists)))
end
local first, all = redis.call('SCARD', mine), redis.call('SCARD', reached)
redis.call('UNLINK', reached)
return {first, all - first - 1}
