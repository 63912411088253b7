-- Carriers that top phones up. They are data: a carrier has a code, an address below
-- the backend "carriers" (which the operator's nginx.conf leads to the carrier), and a
-- key in the secret "carrier_keys", a JSON object by codes. A reference is ours; no
-- carrier is believed to refuse one that comes twice.

local company = require("lib.company")

local _M = {}


-- A carrier's key; nil and "no key".
function _M.key(carrier)
    local keys = ihanoi.json.decode(ihanoi.plugin.secret("carrier_keys"))
    local key = type(keys) == "table" and keys[carrier]

    if type(key) ~= "string" then
        return nil, "no key"
    end

    return key
end


local function ask(order, method, path, value)
    local key, none = _M.key(order.carrier)

    if not key then
        return nil, none
    end

    local answer, err = company.ask("carriers", key, method, path, value, "/" .. order.carrier)

    if not answer then
        return nil, err
    end

    return company.outcome(answer, order.id)
end


-- Has a phone topped up: as of company.outcome().
function _M.send(order)
    return ask(order, "POST", "/topups",
               { reference = order.id, phone = order.phone, amount = order.amount })
end


-- What became of that.
function _M.read(order)
    return ask(order, "GET", "/topups/" .. order.id)
end


return _M
