-- A customer's bills as the company has them now, written down on the way.

local evn = require("lib.evn")

local _M = {}


-- { code, bills, holder } of a customer, holder only when it is asked for; nil and a
-- what ihanoi.response.problem() takes when the company does not know the code or does
-- not say.
function _M.customer(code, holder)
    local customers, err = evn.customers({ code }, holder)

    if not customers or not customers[1] then
        ihanoi.log.warn("evn does not say what a customer owes: " .. (err or "answer"))
        return nil, "evn-away"
    elseif not customers[1].known then
        return nil, "customer-unknown"
    end

    local bills, failed = ihanoi.db.value("bills_seen",
                                          { customer = code, bills = customers[1].bills })

    if not bills then
        return nil, failed
    end

    return { code = code, holder = customers[1].holder, bills = ihanoi.json.array(bills) }
end


return _M
