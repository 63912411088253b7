-- What a plugin's Lua would find missing, and patterns that take long.
--
-- Returns function(chunk, allowed): rows { level, line, text } about a loaded
-- chunk that has not run. allowed has the names that the sandbox offers:
-- "pairs", "string", "string.sub", "ihanoi.json.encode".
--
-- It reads the bytecode: a global is an instruction there, and nothing has to
-- be guessed from the text. Opcodes differ between builds of LuaJIT, so they
-- are learnt from small functions first.

local util = require("jit.util")
local bit = require("bit")

local band, rshift = bit.band, bit.rshift


local function instruction(chunk, at)
    local word = util.funcbc(chunk, at)

    if word then
        return band(word, 0xff), band(rshift(word, 8), 0xff),
               band(rshift(word, 16), 0xff), rshift(word, 24),
               rshift(word, 16)
    end
end


-- The opcode and the register of an instruction of a small function.
local function learn(text, at)
    return instruction(assert(loadstring(text)), at)
end

local GGET = learn("return a", 1)
local GSET = learn("a = 1", 2)
local TGETS = learn("local t = ... return t.a", 2)
local KSTR = learn("return 'x'", 1)
local KPRI = learn("local f f(true)", 3)
local CALL, base = learn("local f f('x')", 4)
local FIRST = select(2, learn("local f f('x')", 3)) - base
local CALLS = {
    [CALL] = true,
    [learn("local f f(...)", 4)] = true,
    [learn("local f return f('x')", 4)] = true,
    [learn("local f return f(...)", 4)] = true,
}

-- A version whose instructions are others would find nothing, silently.
assert(GGET ~= GSET and TGETS ~= KSTR and (FIRST == 1 or FIRST == 2),
       "this LuaJIT's bytecode is not understood")


local INSTEAD = {
    print = "ihanoi.log.info()",
    io = "nothing: a plugin has no files",
    os = "ihanoi.time",
    debug = "nothing",
    ffi = "nothing",
    jit = "nothing",
    package = "require() for files of the plugin",
    module = "a local table that the file returns",
    load = "nothing: code comes in files",
    loadstring = "nothing: code comes in files",
    loadfile = "require()",
    dofile = "require()",
    setfenv = "nothing",
    getfenv = "nothing",
    newproxy = "nothing",
    collectgarbage = "nothing: the gateway collects",
    gcinfo = "nothing",
    ngx = "ihanoi: this is not lua-nginx-module",
    ["string.dump"] = "nothing",
    ["math.randomseed"] = "nothing: it is seeded",
}

local PATTERNS = { find = true, match = true, gmatch = true, gsub = true }


-- Patterns ------------------------------------------------------------------

-- The parts of a pattern: { set = characters, many = may repeat, anchor }.
local function parts(pattern)
    local list, at = {}, 1
    local anchored = pattern:sub(1, 1) == "^"

    if anchored then
        at = 2
    end

    while at <= #pattern do
        local c = pattern:sub(at, at)
        local item

        if c == "(" or c == ")" then
            at = at + 1
        elseif c == "$" and at == #pattern then
            list[#list + 1] = { set = {} }
            at = at + 1
        elseif pattern:find("^%%b..", at) or pattern:find("^%%f%[", at) then
            return nil
        elseif c == "[" then
            local stop = pattern:find("]", at + (pattern:find("^%[%^?%]", at)
                                                 and 3 or 1), true)
            -- "%]" inside does not end it
            while stop and pattern:sub(stop - 1, stop - 1) == "%"
                  and pattern:sub(stop - 2, stop - 2) ~= "%" do
                stop = pattern:find("]", stop + 1, true)
            end

            if not stop then
                return nil
            end

            item = pattern:sub(at, stop)
        else
            item = pattern:sub(at, at + (c == "%" and 1 or 0))
        end

        if item then
            local set = {}

            for code = 0, 255 do
                local ok, found = pcall(string.find, string.char(code),
                                        "^" .. item .. "$")
                if not ok then
                    return nil
                end

                set[code] = found and true or nil
            end

            at = at + #item

            local suffix = pattern:sub(at, at)
            local many = suffix == "*" or suffix == "+" or suffix == "-"

            if many or suffix == "?" then
                at = at + 1
            end

            list[#list + 1] = { set = set, many = many,
                                optional = suffix == "?" }
        end
    end

    return list, anchored
end


local function meet(a, b)
    for code in pairs(a) do
        if b[code] then
            return true
        end
    end
end


-- How a failure's cost grows with the length of a text: its power. Two
-- repetitions multiply when one can take what the other may, with all between
-- them too; a search that begins anywhere multiplies by one more; what nothing
-- can make fail afterwards does not count.
local function power(pattern)
    local list, anchored = parts(pattern)
    local worst = 0

    if not list then
        return 0
    end

    local rank = {}

    for j, part in ipairs(list) do
        if part.many then
            rank[j] = (j == 1 and not anchored) and 2 or 1

            for i = j - 1, 1, -1 do
                if list[i].many and meet(list[i].set, part.set) then
                    rank[j] = math.max(rank[j], rank[i] + 1)
                end

                -- something fixed in between that the repetition cannot take
                if not list[i].many and not list[i].optional
                   and not meet(list[i].set, part.set) then
                    break
                end
            end

            if j < #list then
                worst = math.max(worst, rank[j])
            end
        end
    end

    return worst
end


-- Chunks --------------------------------------------------------------------

local function check(chunk, allowed, rows)
    local at = 1
    local known = {}      -- register: "string", "ihanoi.json"; for the
                          -- next instruction only, so no jump comes between
    local calls = {}      -- register of a function: its pattern, when known

    local function say(level, text, ...)
        rows[#rows + 1] = { level, util.funcinfo(chunk, at).currentline,
                            text:format(...) }
    end

    local function missing(path)
        local instead = INSTEAD[path]

        if instead then
            say("error", "a plugin has no \"%s\"; instead: %s", path, instead)
        elseif path:find(".", 1, true) then
            say("error", "there is no \"%s\"", path)
        else
            say("error", "undefined global \"%s\"", path)
        end
    end

    local function name(index)
        local value = util.funck(chunk, -index - 1)
        return type(value) == "string" and value or "?"
    end

    while true do
        local op, a, c, b, d = instruction(chunk, at)

        if not op then
            break
        end

        local path
        local before = known
        known = {}

        if op == GGET then
            path = name(d)

            if path == "_G" then
                known[a] = "_G"
            elseif allowed[path] then
                known[a] = path
            else
                missing(path)
            end

        elseif op == GSET then
            say("error", "\"%s\" is a global, which stays for all later "
                .. "requests; write \"local\"", name(d))

        elseif op == TGETS then
            local member = name(c)
            path = before[b]

            if PATTERNS[member] then
                calls[a] = {}
            end

            if path == "_G" then
                path = member
            elseif path then
                path = path .. "." .. member
            end

            -- what is in no list is a value: nothing is known of its members
            local from = before[b]

            if path and (from == "_G" or from == "ihanoi"
                         or from:find("^ihanoi%.")
                         or from == "string" or from == "table"
                         or from == "math" or from == "bit"
                         or from == "coroutine") then
                if allowed[path] then
                    known[a] = path
                else
                    missing(path)
                end
            end

        elseif op == KSTR then
            for register, call in pairs(calls) do
                if a == register + FIRST + 1 then
                    call.pattern = name(d)
                end
            end

        elseif op == KPRI then
            for register, call in pairs(calls) do
                if a == register + FIRST + 3 and d == 2 then
                    call.plain = true
                end
            end

        elseif CALLS[op] then
            local call = calls[a]

            if call and call.pattern and not call.plain then
                local n = power(call.pattern)

                if n >= 2 then
                    say("warning", "the pattern \"%s\" takes up to n^%d steps "
                        .. "for a text of n characters; limit the text's "
                        .. "length, anchor it, or use sets that do not "
                        .. "overlap", call.pattern, n)
                end
            end

            calls[a] = nil
        end

        at = at + 1
    end

    local index = -1

    while true do
        local value = util.funck(chunk, index)

        if value == nil then
            break
        end

        if type(value) == "proto" then
            check(value, allowed, rows)
        end

        index = index - 1
    end
end


return function(chunk, allowed)
    local rows = {}

    check(chunk, allowed, rows)

    table.sort(rows, function(a, b)
        if a[2] ~= b[2] then
            return a[2] < b[2]
        end

        return a[3] < b[3]
    end)

    return rows
end
