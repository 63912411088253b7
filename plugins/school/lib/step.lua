-- One step: a function of sql/ that is one transaction, and its answer.

local _M = {}


-- The caller as sql/ask.sql takes it.
function _M.caller()
    local caller = ihanoi.request.caller()

    return {
        iss = caller.issuer,
        sub = caller.sub,
        operation = ihanoi.request.operation(),
        request_id = ihanoi.request.id(),
        claims = { scope = table.concat(caller.scopes, " ") },
    }
end


-- Calls the function with the arguments and answers its document; none is 404.
local function run(name, status, arguments)
    arguments.caller = _M.caller()

    local document, err = ihanoi.db.json(name, arguments)

    if err then
        return ihanoi.response.problem(err)
    elseif document then
        return status, document
    end
end


-- A text in its composed form, so that it compares; as it is where that would be longer
-- than what the contract has let pass, or is none: no text of words is so.
local function composed(text)
    local nfc = ihanoi.text.nfc(text)

    return nfc and ihanoi.text.length(nfc) <= ihanoi.text.length(text) and nfc or text
end


-- A handler that is such a step with its input. texts: names of members that people
-- write, which are composed; more(): members besides the input's.
function _M.handler(name, status, texts, more)
    return function(input)
        for _, member in ipairs(texts or {}) do
            input[member] = input[member] and composed(input[member])
        end

        for member, value in pairs(more and more() or {}) do
            input[member] = value
        end

        return run(name, status, input)
    end
end


return _M
