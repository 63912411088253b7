-- wrk: GET the paths of a file, again and again, each thread from elsewhere.
--
--   wrk ... -s get.lua URL -- PATHS [TOKEN [HELD]]
--
-- HELD: each thread keeps to so many paths for 200 rounds before it takes the next.

local ROUNDS = 200

local requests = {}
local threads = 0
local held, first, i, round


function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end


function init(args)
    local headers = {}

    if args[2] then
        headers["Authorization"] = "Bearer " .. args[2]
    end

    for path in io.lines(args[1]) do
        requests[#requests + 1] = wrk.format("GET", path, headers)
    end

    held = tonumber(args[3]) or #requests
    first, i, round = number * 7919 % #requests, 0, 1
end


function request()
    i = i + 1

    if i > held then
        i, round = 1, round + 1

        if round > ROUNDS then
            round, first = 1, first + held
        end
    end

    return requests[(first + i - 1) % #requests + 1]
end
