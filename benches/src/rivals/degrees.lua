-- Returns the degrees of the targets (ARGV[3] onwards) for the viewer (ARGV[1]), as digits: 0 self,
-- 1, 2, 3, and 4 for out of network. KEYS[1] receives the viewer's 2nd-degree set. ARGV[2] is the
-- time to keep it, in seconds; with 0 it is not kept.
local viewer, kept = ARGV[1], tonumber(ARGV[2])
local mine, second = 'c:' .. viewer, KEYS[1]
local targets, answer, left = {}, {}, {}
for place = 3, #ARGV do targets[place - 2] = ARGV[place] end
local function shares(set, target)
    return redis.call('SINTERCARD', 2, set, 'c:' .. target, 'LIMIT', 1) == 1
end

local is_first = redis.call('SMISMEMBER', mine, unpack(targets))
for place, target in ipairs(targets) do
    if target == viewer then answer[place] = 0
    elseif is_first[place] == 1 then answer[place] = 1
    else left[#left + 1] = place end
end

if kept == 0 and redis.call('SCARD', mine) > DIRECT_MAX then
    -- For a hub, computes from the targets' side: the hub's 2nd-degree set is a large part of the
    -- site.
    local is_second = {}
    for _, place in ipairs(left) do
        local target = targets[place]
        answer[place] = 4
        if shares(mine, target) then
            answer[place] = 2
        else
            for _, middle in ipairs(redis.call('SMEMBERS', 'c:' .. target)) do
                if is_second[middle] == nil then is_second[middle] = shares(mine, middle) end
                if is_second[middle] then answer[place] = 3 break end
            end
        end
    end
    return table.concat(answer)
end

if kept == 0 or redis.call('EXISTS', second) == 0 then
    local lists = {}
    for place, member in ipairs(redis.call('SMEMBERS', mine)) do lists[place] = 'c:' .. member end
    redis.call('DEL', second)
    for from = 1, #lists, 1000 do
        redis.call('SUNIONSTORE', second, second, unpack(lists, from, math.min(from + 999, #lists)))
    end
end
local asked = {}
for number, place in ipairs(left) do asked[number] = targets[place] end
if #asked > 0 then
    local is_second = redis.call('SMISMEMBER', second, unpack(asked))
    for number, place in ipairs(left) do
        if is_second[number] == 1 then answer[place] = 2
        elseif shares(second, asked[number]) then answer[place] = 3
        else answer[place] = 4 end
    end
end
if kept == 0 then redis.call('UNLINK', second) else redis.call('EXPIRE', second, kept) end
return table.concat(answer)
