-- wrk: POST the bodies of a file in turn, with the tokens of another, each
-- with an Idempotency-Key that was never used.
--
--   wrk ... -s create.lua URL -- PATH BODIES TOKENS RUN
--
-- RUN is a number that no earlier run had: it is part of the keys.

local path, run
local bodies, tokens = {}, {}
local i = 0
local threads = 0


function setup(thread)
    thread:set("number", threads)
    threads = threads + 1
end


function init(args)
    path, run = args[1], tonumber(args[4])

    for body in io.lines(args[2]) do
        bodies[#bodies + 1] = body
    end

    for token in io.lines(args[3]) do
        tokens[#tokens + 1] = token
    end
end


function request()
    i = i + 1

    return wrk.format("POST", path, {
        ["Authorization"] = "Bearer " .. tokens[(i + number * 31) % #tokens + 1],
        ["Content-Type"] = "application/json",
        ["Idempotency-Key"] = string.format("%08x-%04x-4000-8000-%012x",
                                            run, number, i)
    }, bodies[i % #bodies + 1])
end
