-- The operators' systems: what they tell, and what they are told. Both ways a message
-- is JSON with the HMAC-SHA256 of its bytes, in hex, as Parking-Signature. The secret
-- "operator_keys" has each operator's keys: { "demo": ["new", "old"] }; all of them
-- are good for what comes, the first one signs what goes.

local database = require("lib.database")

local _M = {}


local function keys_of(operator)
    local keys = ihanoi.json.decode(ihanoi.plugin.secret("operator_keys") or "")

    return type(keys) == "table" and keys[operator] or {}
end


-- Whether an operator has signed a text.
function _M.signed(operator, text, signature)
    for _, key in ipairs(keys_of(operator)) do
        if ihanoi.crypto.equal(ihanoi.crypto.hmac("sha256", key, text), signature) then
            return true
        end
    end

    return false
end


-- True; nil, why, and whether it did not answer at all.
local function send(due)
    local key = keys_of(due.operator)[1]

    if not key then
        return nil, "it has no key", true
    end

    local text = ihanoi.json.encode(due.notice)
    local answer, err = ihanoi.backend.post("operators", { due.operator, "notices" }, {
        body = text,
        headers = {
            ["Content-Type"] = "application/json",
            ["Parking-Signature"] = ihanoi.crypto.hmac("sha256", key, text),
        },
        timeout = math.max(math.min(ihanoi.plugin.settings().patience,
                                    ihanoi.request.time_left() - 0.5), 0.1),
    })

    if not answer then
        return nil, err, true
    elseif answer.status < 200 or answer.status > 299 then
        return nil, "status " .. answer.status
    end

    return true
end


-- Tells operators what they do not know yet, of one booking or all that is due, n
-- notices at most. What is not answered is told again later, with the same id; an operator
-- that does not answer is told no more in this run, whose time is for the others, too.
-- Whether there were n.
function _M.tell(n, booking)
    local silent = ihanoi.json.array()

    for _ = 1, n do
        if ihanoi.request.time_left() < 1 then
            return
        end

        local due = database.rows("notices_due", { n = 1, booking = booking, silent = silent })[1]

        if not due then
            return
        end

        local done, err, away = send(due)
        local known = database.value("notice_done", { number = due.number, delivered = done or false })

        if not done then
            ihanoi.log.warn("operator " .. due.operator .. " was not told of notice " .. due.number
                            .. (known and ", for good" or ""), err)

            if booking then
                return
            elseif away then
                silent[#silent + 1] = due.operator
            end
        end
    end

    return true
end


return _M
