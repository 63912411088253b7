-- Monthly passes and their money, by way of the payments plugin. What becomes of a
-- pass is decided in sql/, each call of which is one transaction: a worker may die
-- between any two lines here, and the next one, the holder's second try or the
-- sweep, goes on from what is written.

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


-- Asks for the payment of a pass, or again for the same. The pass with what the
-- payer needs; nil and what ihanoi.response.problem() takes. pass: id, holder, month, price, gateway.
-- language: of whoever asks, Vietnamese where nobody does.
local function pay(pass, language)
    local intent, err = payments("intent_create", {
        reference = pass.id,
        gateway = pass.gateway,
        amount = pass.price,
        description = (language == "en" and "Monthly bus pass " or "Vé tháng xe buýt ") .. pass.month,
        payer = pass.holder,
    })

    if not intent then
        if NEVER[err] then
            ihanoi.db.value("pass_apply", { id = pass.id, state = "failed" })
            return nil, "bus-pass-gateway-unknown"
        end

        ihanoi.log.warn("no payment for pass " .. pass.id .. ": " .. err)
        return nil, "bus-pass-payments-away"
    end

    if intent.state ~= "created" and intent.state ~= "pending" then
        ihanoi.db.value("pass_apply", { id = pass.id, payment = intent.id, state = intent.state })
    end

    local document, refused = ihanoi.db.value("pass_pending", { id = pass.id, payment = intent.id })

    if not document then
        return nil, refused
    end

    return { pass = document, payment = {
        id = intent.id, state = intent.state, amount = intent.amount,
        gateway = intent.gateway, expires_at = intent.expires_at, checkout = intent.checkout } }
end


-- Asks for all that is left of a pass's money; the same key is the same refund.
local function give_back(pass, key)
    local rest, err = payments("refund", {
        id = pass.payment,
        reason = "Vé tháng xe buýt không sử dụng",
        reason_en = "Monthly bus pass not used",
        key = key,
    })

    -- Nothing to ask for: this is back, or what is left an officer gives.
    local over = rest and rest.state == "done" or err == "payment-refund-exceeds"

    return rest, err, over
end


-- Sends back what is left of a pass's money: an officer may have given some of it back by
-- hand, or all. A part of which it turns out that nobody has it is left again: it is asked
-- for by another key, the same one until another is refused.
local function refund(pass)
    local rest, err, over = give_back(pass, pass.id)

    if over then
        local state, _, intent = _M.look(pass.payment)

        if state ~= "refunded" and intent then
            local refused = 0

            for _, each in ipairs(intent.refunds) do
                refused = refused + (each.state == "refused" and 1 or 0)
            end

            rest, err, over = give_back(pass, pass.id .. " " .. refused)
            state = over and _M.look(pass.payment)
        end

        if state == "refunded" then
            return
        end
    end

    if over then
        err = "a part is not back"
    elseif rest then
        ihanoi.db.value("pass_refunded", { id = pass.id, state = rest.state })
    end

    if err or not rest or rest.state == "refused" then
        ihanoi.log.error("the refund of pass " .. pass.id .. " is not done: "
                         .. (err or rest and rest.why or "no such payment"))
    end
end


-- Looks what became of a payment, and applies it: its state, nil and why when that failed;
-- and the payment.
function _M.look(id)
    local intent, err = payments("intent_read", { id = id })

    if not intent then
        return nil, err or "payments does not know " .. id
    elseif not ihanoi.uuid.valid(intent.reference) then
        -- Whoever may ask for payments over HTTP may do so for passes: none of ours.
        return intent.state, nil, intent
    end

    local verdict
    verdict, err = ihanoi.db.value("pass_apply",
        { id = intent.reference, payment = intent.id, state = intent.state })

    if not verdict then
        return nil, err
    elseif verdict == "late" then
        ihanoi.log.warn("payment " .. intent.id .. " came for nothing any more: it goes back")
        _M.sweep(1, intent.reference)
    end

    return intent.state, nil, intent
end


-- A pass that waits for its payment, the caller's new one or the one that waits already,
-- and how it is paid; nil and what ihanoi.response.problem() takes.
local function sell(input)
    local holder = ihanoi.request.caller().subject
    local pass, refused = ihanoi.db.value("pass_begin", {
        id = ihanoi.uuid.v7(),
        code = ihanoi.crypto.random(16, "hex"):upper(),
        holder = holder,
        product = input.product,
        route = input.route,
        month = input.month,
        gateway = input.gateway,
        key = ihanoi.request.idempotency_key(),
    })

    if not pass then
        return nil, refused
    end

    pass.holder = holder

    return pay(pass, ihanoi.request.language())
end


-- A pass for the caller, and how it is paid; nil and what ihanoi.response.problem()
-- takes. input: product, month, gateway, route?
function _M.buy(input)
    if input.route then
        local route, err = ihanoi.interface.call("bus", "timetable", "route", { id = input.route })

        if err then
            ihanoi.log.warn("the timetable does not answer", err)
            return nil, "bus-pass-timetable-away"
        elseif not route then
            return nil, "bus-pass-route-unknown"
        end
    end

    local sale, refused = sell(input)

    -- It has lapsed: the time to pay the one that waited was over, or its money went back; or
    -- another device has chosen another gateway, which stays.
    if sale and sale.pass.state == "lapsed" then
        return sell(input)
    end

    return sale, refused
end


function _M.cancel(id)
    local pass, refused = ihanoi.db.value("pass_cancel",
        { id = id, holder = ihanoi.request.caller().subject })

    if pass then
        _M.sweep(1, id)
    end

    return pass, refused
end


-- Somebody has erased the account: the passes become nobody's, now or, those that wait
-- for their payment, by forget_erased(). nil and why when that failed.
function _M.person_forget(person, erased_at)
    return ihanoi.db.value("person_forget", { person = person, erased_at = erased_at })
end


function _M.forget_erased()
    return ihanoi.db.value("forget_erased")
end


-- Asks payments about passes that wait, or that have lapsed and may still be paid, at most
-- n, or about one now: word of them may have been lost. How many there were; nil and an error
-- of the database.
function _M.sweep(n, id)
    local rows, err = ihanoi.db.call("passes_due", { n = n, which = id })

    if err then
        return nil, err
    end

    for _, pass in ipairs(rows) do
        if pass.refund then
            refund(pass)
        elseif not pass.payment then
            pay(pass)
        else
            local done, why = _M.look(pass.payment)

            if not done then
                ihanoi.log.warn("pass " .. pass.id, why)
            end
        end
    end

    return #rows
end


return _M
