-- Returns one shortest path of up to three connections between ARGV[1] and ARGV[2], searched from
-- both ends. Empty if there is none.
local viewer, other = ARGV[1], ARGV[2]
local mine, theirs = 'c:' .. viewer, 'c:' .. other
if viewer == other then return {viewer} end
if redis.call('SISMEMBER', mine, other) == 1 then return {viewer, other} end
local both = redis.call('SINTER', mine, theirs)
if #both > 0 then return {viewer, both[1], other} end
local near, far, is_mine = theirs, mine, false
if redis.call('SCARD', mine) < redis.call('SCARD', theirs) then near, far, is_mine = mine, theirs, true end
for _, member in ipairs(redis.call('SMEMBERS', near)) do
    if redis.call('SINTERCARD', 2, far, 'c:' .. member, 'LIMIT', 1) == 1 then
        local middle = redis.call('SINTER', far, 'c:' .. member)[1]
        if is_mine then return {viewer, member, middle, other} end
        return {viewer, middle, member, other}
    end
end
return {}
