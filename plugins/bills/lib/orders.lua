-- Orders, from the citizen's wish to the company's receipt, or to the money's way
-- back.
--
-- What is decided stands in SQL, each call of which is one transaction: a worker may
-- be killed between any two lines here, and whoever comes next (the client with its
-- key, an event of payments, the sweep) goes on from what is written. Functions return
-- nil and what ihanoi.response.problem() takes when they refuse.

local carriers = require("lib.carriers")
local evn = require("lib.evn")

local COMPANIES = { bill = evn, topup = carriers }

-- Errors that say: nothing has left this gateway.
local UNSENT = { ["refused"] = true, ["too many calls"] = true, ["not found"] = true,
                 ["no key"] = true }

-- Codes of payments that say: there is no payment, and there will be none.
local NO_PAYMENT = { ["payment-gateway-unknown"] = true, ["payment-service-unknown"] = true,
                     ["payment-reference-used"] = true }

-- From paid to refunded are three steps.
local STEPS = 6

local _M = {}


local function payments(name, argument)
    return ihanoi.interface.call("payments", "payments", name, argument)
end


-- What payments says of a payment, applied to its order.
local function apply(id, intent)
    return ihanoi.db.value("order_payment", {
        id = id,
        payment = intent.id,
        payment_state = intent.state,
        step = ihanoi.plugin.settings().step,
        checkout = intent.checkout or ihanoi.json.null,
        expires_at = intent.expires_at,
        refunded = intent.refunded,
    })
end


-- Asks payments for an order's payment: the same one each time.
function _M.pay(order)
    local intent, err = payments("intent_create", {
        reference = order.id,
        gateway = order.gateway,
        amount = order.amount,
        description = order.description,
        payer = order.citizen,
    })

    if intent then
        return apply(order.id, intent)
    end

    if NO_PAYMENT[err] then
        ihanoi.db.value("order_void", { id = order.id, why = err })
        return nil, err == "payment-gateway-unknown" and "order-gateway-unknown" or "bills-unavailable"
    end

    ihanoi.log.warn("payments", err)
    return nil, "order-payment-away"
end


-- Looks whether an order's payment was made.
local function look(order)
    local intent, err = payments("intent_read", { id = order.payment })

    if not intent then
        ihanoi.log.warn("payments: " .. (err or "knows no payment " .. order.payment))
        return nil
    end

    return apply(order.id, intent)
end


local function send(order, sending)
    local result, err = COMPANIES[order.kind].send(order)

    if not result then
        result = { outcome = UNSENT[err] and "unsent" or "unclear", why = err }
    end

    result.sending = sending

    return result
end


-- Tells the company, or asks it what became of it; and tells it again only if it knows
-- nothing, after a time in which what was sent before may still have come.
local function deliver(order)
    local result, err

    if order.may_send then
        result = send(order, order.sends)
    else
        result, err = COMPANIES[order.kind].read(order)

        if not result then
            result = { outcome = "unclear", why = err }
        elseif result.outcome == "unknown" then
            local sending = ihanoi.db.value("order_send",
                { id = order.id, settle = ihanoi.plugin.settings().settle })

            result = sending and send(order, sending) or { outcome = "unclear", why = "unknown" }
        end
    end

    if result.outcome ~= "done" then
        ihanoi.log.warn(order.kind .. " " .. order.id .. " is " .. result.outcome, result.why)
    end

    return ihanoi.db.value("order_finish", {
        id = order.id,
        outcome = result.outcome,
        sending = result.sending,
        receipt = result.receipt,
        why = result.why,
    })
end


-- Gives back what was paid for an order that was refused. A refund that the gateway
-- has refused is asked for again, under another key; the same key is the same refund.
-- Where nothing is left to ask for, the rest is on its way.
local function give_back(order)
    local intent, err = payments("intent_read", { id = order.payment })

    if not intent then
        ihanoi.log.warn("payments: " .. (err or "knows no payment " .. order.payment))
        return nil
    elseif intent.state == "refunded" then
        return apply(order.id, intent)
    end

    local refused = 0

    for _, refund in ipairs(intent.refunds) do
        refused = refused + (refund.state == "refused" and 1 or 0)
    end

    local refund

    refund, err = payments("refund", {
        id = order.payment,
        reason = "Yêu cầu không thực hiện được",
        reason_en = "The order could not be carried out",
        key = order.id .. " " .. refused,
    })

    if not refund and err ~= "payment-refund-exceeds" then
        ihanoi.log.error("payments gives nothing back for " .. order.id, err or "no such payment")
        return nil
    end

    return ihanoi.db.value("order_refunding", { id = order.id })
end


-- Looks what became of the payment of an order that its citizen has taken back. Until it
-- is known which one that is, payments is asked for it: it has made one, or makes one that
-- nobody pays.
local function look_once_more(order)
    return (order.payment and look or _M.pay)(order)
end


local ACTIONS = {
    created = _M.pay,
    paying = look,
    cancelling = look_once_more,
    sending = deliver,
    refused = give_back,
    refunding = give_back,
}


-- Gets a new order's checkout: the order, or nil and a problem. Money that came already
-- is looked after by whoever hears of it.
function _M.checkout(id)
    local settings = ihanoi.plugin.settings()
    local order, err = ihanoi.db.one("order_due", { step = settings.step, which = id,
                                                    language = ihanoi.request.language() })

    if err then
        return nil, err
    elseif not order or order.state ~= "created" then
        -- Somebody else is at it, as a citizen's other device, or has just been.
        local begun

        begun, err = ihanoi.db.value("order_begun", { id = id })
        return begun, err or not begun and "order-payment-away" or nil
    end

    return _M.pay(order)
end


-- Looks after an order, the one that is due or the one named, as far as it goes now.
-- True when there was one; nil and an error of the database when that does not say.
function _M.work(which)
    local settings = ihanoi.plugin.settings()
    local id, state = which, nil

    for _ = 1, STEPS do
        if ihanoi.request.time_left() < settings.patience + 1 then
            return state ~= nil
        end

        local order, err = ihanoi.db.one("order_due", { step = settings.step, which = id })

        if err then
            return nil, err
        elseif not order then
            return state ~= nil
        end

        local after, failed = ACTIONS[order.state](order)

        if failed then
            ihanoi.log.warn(order.kind .. " " .. order.id .. " waits", failed)
        end

        if not after or after.state == order.state then
            return true
        end

        id, state = order.id, after.state
    end

    return true
end


-- Payments has told of a payment: a hint to look.
function _M.told(reference, payment)
    local intent, err = payments("intent_read", { id = payment })

    if not intent then
        -- None of ours is news that concerns us no more; a failure is tried again.
        return not err or nil, err
    elseif intent.reference ~= reference or not ihanoi.uuid.valid(reference) then
        -- Whoever may ask for payments over HTTP may do so for bills: no order of ours.
        return true
    end

    local order, failed = apply(reference, intent)

    if not order then
        return not failed or nil, failed
    end

    return _M.work(reference)
end


return _M
