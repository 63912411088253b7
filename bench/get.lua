-- wrk: GET the paths of a file, again and again, each thread from elsewhere.
--
--   wrk ... -s get.lua URL -- PATHS [TOKEN]

local requests, i = {}, 0
local threads = 0


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

    i = number * 7919 % #requests
end


function request()
    i = i % #requests + 1
    return requests[i]
end
