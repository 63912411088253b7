-- Money, by way of the payments plugin: asked for, heard of, and given back. What
-- becomes of a booking by it is decided in sql/charge_apply.sql and
-- sql/refund_apply.sql.

local database = require("lib.database")
local operators = require("lib.operators")

-- What payments says of an intent that it will never make.
local NEVER = {
    ["payment-gateway-unknown"] = true,
    ["payment-service-unknown"] = true,
    ["payment-reference-used"] = true,
}

local _M = {}


local function payments(name, argument)
    return ihanoi.interface.call("payments", "payments", name, argument)
end


-- Asks payments for what is promised to go back, of one booking, of one payment, or
-- all that is due (at most n): which = { booking = } or { intent = }. Asking again
-- with the same key is the same refund.
function _M.refund(n, which)
    which.n = n

    for _, due in ipairs(database.rows("refunds_due", which)) do
        local refund, err = payments("refund", {
            id = due.payment,
            amount = due.amount,
            reason = "Gửi xe: " .. due.reason,
            key = due.id,
        })

        if refund then
            database.value("refund_apply", { id = due.id, state = refund.state, why = refund.why })
        end

        if not refund or refund.state == "refused" then
            ihanoi.log.error("refund " .. due.id .. " is not done: "
                             .. (err or refund and refund.why or "no such payment"))
        end
    end
end


-- A payment as payments has it, applied: nil and why when it could not be.
function _M.apply(intent)
    local verdict, err = database.value("charge_apply",
        { id = intent.reference, intent = intent.id, state = intent.state })

    if not verdict then
        return nil, err
    elseif verdict == "late" then
        ihanoi.log.warn("payment " .. intent.id .. " came for nothing any more: it goes back")
    end

    _M.refund(1, { intent = intent.id })

    return verdict
end


-- Asks payments for the payment of a charge, as charge_document() has it. The
-- booking, and what the payer needs; nil and what ihanoi.response.problem() takes.
function _M.pay(charge)
    local intent, err = payments("intent_create", {
        reference = charge.id,
        gateway = charge.gateway,
        amount = charge.amount,
        description = "Gửi xe " .. charge.code,
        payer = charge.payer,
    })

    if not intent then
        if NEVER[err] then
            database.value("charge_apply", { id = charge.id, state = "failed" })
            return nil, "parking-gateway-unknown"
        end

        ihanoi.log.warn("no payment for charge " .. charge.id, err)
        return nil, "parking-payments-away"
    end

    local booking, refused = ihanoi.db.value("charge_pending",
        { id = charge.id, intent = intent.id, expires_at = intent.expires_at })

    if booking and intent.state ~= "created" and intent.state ~= "pending" then
        _M.apply(intent)
        operators.tell(1, charge.booking)
        booking, refused = ihanoi.db.value("booking_document", { id = charge.booking })
    end

    if not booking then
        return nil, refused
    end

    return { booking = booking, payment = {
        id = intent.id, state = intent.state, amount = intent.amount, gateway = intent.gateway,
        expires_at = intent.expires_at, checkout = intent.checkout } }
end


-- A hint that a payment has changed: it is read, and applied. nil and why when it is
-- to be heard again.
function _M.changed(id)
    local intent, err = payments("intent_read", { id = id })

    if not intent then
        return nil, err or "payments does not know " .. id
    elseif not ihanoi.uuid.valid(intent.reference) then
        -- Whoever may ask for payments over HTTP may do so for parking: no charge of ours.
        return true
    end

    local verdict

    verdict, err = _M.apply(intent)

    if not verdict then
        return nil, err
    end

    return true
end


-- Asks about charges that are left open: word of them may be lost, or a worker died
-- before it knew its payment.
function _M.check(n)
    for _, due in ipairs(database.rows("charges_due", { n = n })) do
        local charge = due.charge

        if charge.intent == nil or charge.intent == ihanoi.json.null then
            local _, refused = _M.pay(charge)

            if refused then
                ihanoi.log.warn("charge " .. charge.id, refused)
            end
        else
            local done, err = _M.changed(charge.intent)

            if not done then
                ihanoi.log.warn("charge " .. charge.id, err)
            end
        end
    end
end


return _M
