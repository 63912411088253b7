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

-- Why money goes back, as the payer reads it in payments.
local REASONS = {
    cancelled = { "hủy đặt chỗ", "cancelled" },
    no_show = { "không đến", "not used" },
    late = { "thanh toán thừa hoặc đến muộn", "paid twice, or too late" },
}

local _M = {}


local function payments(name, argument)
    return ihanoi.interface.call("payments", "payments", name, argument)
end


-- Calls work(row) for each row that a function of the database gives out, one at a time,
-- n at most, and no longer than half of the time that is left: when a gateway hangs, what
-- comes after has its turn, and what was not begun stays due. Whether there were n.
local function each(n, name, arguments, work)
    local least = ihanoi.request.time_left() / 2

    arguments.n = 1

    for _ = 1, n do
        local row = ihanoi.request.time_left() >= least and database.rows(name, arguments)[1]

        if not row then
            return
        end

        work(row)
    end

    return true
end


-- Has payments give back what is promised: the refund, nil and why there is none. Asking
-- again with the same key is the same refund.
local function give_back(due)
    local argument = { id = due.payment, amount = due.amount, key = due.id,
                       reason = "Gửi xe: " .. REASONS[due.reason][1],
                       reason_en = "Parking: " .. REASONS[due.reason][2] }
    local refund, err = payments("refund", argument)

    if err ~= "payment-refund-exceeds" and err ~= "payment-refund-key-used" then
        return refund, err
    end

    -- Somebody has given back by hand, and less is left than was promised: all that is left.
    -- What was promised is back when the payment says so: that by hand may be under way.
    argument.amount = nil
    refund, err = payments("refund", argument)

    local intent = payments("intent_read", { id = due.payment })

    if intent and intent.refunded >= due.amount then
        return { state = "done", why = "by hand" }
    elseif not refund or refund.state ~= "done" then
        return refund, err
    elseif not intent then
        return nil, "payments does not know " .. due.payment
    end

    -- All that was left is back, and that by hand is under way still, or nobody had it in the
    -- end: then it is left again, and asked for by a key that is the same until another is
    -- refused.
    local refused = 0

    for _, before in ipairs(intent.refunds) do
        refused = refused + (before.state == "refused" and 1 or 0)
    end

    argument.amount = due.amount - intent.refunded
    argument.key = due.id .. " " .. refused
    refund, err = payments("refund", argument)

    return refund, err == "payment-refund-exceeds" and "less has gone back than was promised" or err
end


local function refund_one(due)
    local refund, err = give_back(due)

    if refund then
        database.value("refund_apply", { id = due.id, state = refund.state, why = refund.why })
    end

    if not refund or refund.state == "refused" then
        ihanoi.log.error("refund " .. due.id .. " is not done: "
                         .. (err or refund and refund.why or "no such payment"))
    end
end


-- Asks payments for what is promised to go back, of one booking, of one payment, or
-- all that is due (at most n): which = { booking = } or { intent = }. Returns as each() does.
function _M.refund(n, which)
    return each(n, "refunds_due", which, refund_one)
end


-- A payment as payments has it, applied: nil and why when it could not be.
local function apply(intent)
    local verdict, err = database.value("charge_apply", {
        id = intent.reference,
        intent = intent.id,
        state = intent.state,
        refunded = intent.refunded,
    })

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
-- language: of who pays, Vietnamese where somebody else asks.
function _M.pay(charge, language)
    local intent, err = payments("intent_create", {
        reference = charge.id,
        gateway = charge.gateway,
        amount = charge.amount,
        description = (language == "en" and "Parking " or "Gửi xe ") .. charge.code,
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
        apply(intent)
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


-- A payment that may have changed is read, and applied: the verdict on its charge, where
-- there is one; nil and why when it is to be looked at again.
local function look(id)
    local intent, err = payments("intent_read", { id = id })

    if not intent then
        return nil, err or "payments does not know " .. id
    elseif not ihanoi.uuid.valid(intent.reference) then
        -- Whoever may ask for payments over HTTP may do so for parking: no charge of ours.
        return "unknown"
    end

    local verdict, why = apply(intent)

    return verdict, why, intent
end


-- A hint that a payment has changed: nil and why when it is to be heard again. The operator
-- of its booking is told, and no other one: one that hangs must not keep word of payments.
function _M.changed(id)
    local verdict, err, intent = look(id)
    local charge = verdict == "paid"
                   and database.value("charge_document", { id = intent.reference })

    if charge then
        operators.tell(1, charge.booking)
    end

    return verdict, err
end


-- Asks about charges that are left open: word of them may be lost, or a worker died
-- before it knew its payment. Operators are for whoever calls to tell. Returns as each() does.
function _M.check(n)
    return each(n, "charges_due", {}, function(due)
        local charge = due.charge

        if charge.intent == nil or charge.intent == ihanoi.json.null then
            local _, refused = _M.pay(charge)

            if refused then
                ihanoi.log.warn("charge " .. charge.id, refused)
            end
        else
            local done, err = look(charge.intent)

            if not done then
                ihanoi.log.warn("charge " .. charge.id, err)
            end
        end
    end)
end


return _M
