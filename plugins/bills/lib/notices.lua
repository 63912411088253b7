-- What companies tell of their own accord: that an order is done or refused, that a
-- dispute is answered. Told twice, late, or in another order, it is applied once; the
-- company's answer to our own asking says the same.

local company = require("lib.company")
local disputes = require("lib.disputes")
local orders = require("lib.orders")

local _M = {}


-- kind: of the orders that this company may speak of; carrier: its code, nil for the
-- electricity company. True; nil when there is no such order of it; nil and what
-- ihanoi.response.problem() takes.
function _M.apply(key, kind, carrier, input)
    local value, why = company.notice(key, input.payload, input.signature)
    local result

    if value and kind == "bill" and value.kind == "dispute" then
        return disputes.told(value)
    elseif value then
        result, why = company.outcome(value, value.reference)
    end

    if not result then
        ihanoi.log.warn((carrier or "evn") .. ": a notice was refused: " .. why)
        return nil, why == "signature" and "notice-refused" or "notice-unclear"
    end

    local known, err = ihanoi.db.value("order_is_of",
        { id = value.reference, kind = kind, carrier = carrier })

    if not known then
        return nil, err
    end

    local order

    order, err = ihanoi.db.value("order_finish", {
        id = value.reference,
        outcome = result.outcome,
        receipt = result.receipt,
        why = result.why,
    })

    if not order then
        return nil, err
    elseif order.state == "refused" then
        orders.work(value.reference)
    end

    return true
end


return _M
