-- Payments: a function for each operation of openapi.json, for each function that
-- other plugins call, and for each job. What is decided stands in sql/ and
-- migrations/, what a gateway says and is told in the adapters of lib/.

local intents = require("lib.intents")
local momo = require("lib.momo")
local refunds = require("lib.refunds")
local statement = require("lib.statement")
local vnpay = require("lib.vnpay")

-- A run may ask backends 32 times: so many questions about intents, the last of which may
-- be two, and so many refunds, each of which is two at most.
local SWEEP_INTENTS = 19
local SWEEP_REFUNDS = 6

local _M = {}


local function answer(status, body, refused, members)
    if body then
        return status, body
    elseif refused then
        return ihanoi.response.problem(refused, members)
    end
end


-- nil for callers who may see what is everybody's, else the caller's subject.
local function payer()
    return not ihanoi.request.has_scope("payments:read") and ihanoi.request.caller().subject or nil
end


-- Interface "payments", 1: for other plugins. Whom the money is for is the plugin
-- that calls, and it sees its own payments only. What is refused is nil and a
-- problem's code, or that of an error of the database.

-- argument: reference, gateway, amount, description, payer (when nobody is
-- calling). Again with the same reference: the same intent.
function _M.intent_create(argument)
    local caller = ihanoi.request.caller()

    argument.service = ihanoi.interface.caller()
    argument.payer = argument.payer or caller and caller.subject

    if not argument.payer then
        return nil, "payment-payer-unknown"
    end

    local intent, refused = intents.create(argument)

    return intent, refused
end


-- argument: id. The intent; nil when the plugin has none such.
function _M.intent_read(argument)
    return ihanoi.db.value("intent_read", {
        id = argument.id,
        service = ihanoi.interface.caller(),
    })
end


-- argument: id, amount (all that is left when it is not said), reason, reason_en, key. The
-- refund, which may be "requested" or "sent" for a while: read the intent later.
function _M.refund(argument)
    local plugin = ihanoi.interface.caller()

    return refunds.request({
        id = argument.id,
        amount = argument.amount,
        reason = argument.reason,
        reason_en = argument.reason_en,
        key = plugin .. " " .. argument.key,
        by = plugin,
        service = plugin,
    })
end


-- POST /v1/payments
function _M.payment_create(input)
    input.payer = input.payer or ihanoi.request.caller().subject

    local intent, refused, members = intents.create(input)

    if not intent then
        return ihanoi.response.problem(refused, members)
    end

    return 201, intent, { Location = "/v1/payments/" .. intent.id }
end


-- GET /v1/payments/{id}
function _M.payment_read(input)
    return answer(200, ihanoi.db.json("intent_read", { id = input.id, payer = payer() }))
end


-- POST /v1/payments/{id}/check
function _M.payment_check(input)
    local intent, err = ihanoi.db.value("intent_read", { id = input.id, payer = payer() })

    if intent then
        err = select(2, intents.check(1, ihanoi.json.array(), input.id))
    end

    if err then
        return ihanoi.response.problem(err)
    elseif intent then
        return _M.payment_read(input)
    end
end


-- POST /v1/payments/{id}/refund
function _M.payment_refund(input)
    local subject = ihanoi.request.caller().subject

    return answer(201, refunds.request({
        id = input.id,
        amount = input.amount,
        transaction = input.transaction,
        by_hand = input.by_hand,
        reason = input.reason,
        reason_en = input.reason_en,
        key = subject .. " " .. ihanoi.request.idempotency_key(),
        by = subject,
    }))
end


-- POST /v1/payments/refunds/{id}/settle
function _M.refund_settle(input)
    local refund, err = ihanoi.db.value("refund_finish", {
        id = input.id,
        outcome = input.outcome,
        transaction = input.transaction,
        why = input.why,
        by = ihanoi.request.caller().subject,
    })

    if refund and refund.state ~= input.outcome then
        return ihanoi.response.problem("payment-refund-not-open", { state = refund.state })
    end

    return answer(200, refund, err)
end


-- What VNPAY is told about its IPN, by payment_apply()'s verdict.
local IPN = {
    applied = { "00", "Confirm Success" },
    failed = { "00", "Confirm Success" },
    pending = { "00", "Confirm Success" },
    repeated = { "02", "Order already confirmed" },
    late = { "02", "Order already confirmed" },
    twice = { "02", "Order already confirmed" },
    elsewhere = { "99", "Unknown error" },
    unknown = { "01", "Order not found" },
    terminal = { "01", "Order not found" },
    amount = { "04", "Invalid amount" },
    signature = { "97", "Invalid Checksum" },
    form = { "99", "Unknown error" },
}


-- GET /v1/payments/vnpay/ipn
function _M.vnpay_ipn()
    local notice, verdict = vnpay.notice(ihanoi.request.query_text())

    if notice then
        local err

        verdict, err = intents.apply("vnpay", notice, "callback")

        if err then
            ihanoi.log.error("vnpay: an IPN is not applied", err)
        end
    else
        ihanoi.log.warn("vnpay: an IPN was refused: " .. verdict)
    end

    local said = IPN[verdict] or IPN.form

    return 200, { RspCode = said[1], Message = said[2] }
end


-- GET /v1/payments/vnpay/return
function _M.vnpay_return()
    local notice = vnpay.notice(ihanoi.request.query_text())

    if not notice then
        return ihanoi.response.problem("payment-callback-refused")
    end

    return answer(200, ihanoi.db.one("intent_of_number",
                                     { gateway = "vnpay", number = notice.number }))
end


-- POST /v1/payments/momo/ipn
function _M.momo_ipn()
    local notice, why = momo.notice(ihanoi.request.body())

    if not notice then
        ihanoi.log.warn("momo: a callback was refused: " .. why)
        return ihanoi.response.problem("payment-callback-refused")
    end

    local verdict, err = intents.apply("momo", notice, "callback")

    if not verdict then
        return ihanoi.response.problem(err)
    elseif verdict == "unknown" then
        return nil
    end

    return 204
end


-- Looks after what is left open: how many intents and refunds there were, no error, and
-- whether more may be left; nil and an error of the database when that does not say.
local function sweep()
    local silent = ihanoi.json.array()
    local checked, err, unchecked = intents.check(SWEEP_INTENTS, silent)

    if not checked then
        return nil, err
    end

    local sent, why, unsent = refunds.send(SWEEP_REFUNDS, silent)

    return sent and { intents = checked, refunds = sent }, why, unchecked or unsent
end


-- POST /v1/payments/sweep
function _M.sweep()
    local done, err = sweep()

    return answer(200, done, err)
end


-- The job "sweep", each minute, and at once while much is left: a gateway was away.
function _M.sweep_job()
    local done, err, more = sweep()

    return more and "again" or done, err
end


-- A day of a gateway held against its file: the report, or nil and what
-- ihanoi.response.problem() takes.
local function reconcile(gateway, day)
    local file, why = statement.read(gateway, day)

    if not file then
        ihanoi.log.warn(gateway .. " gave no file", why)
        return nil, "payment-file-away"
    end

    local report, err

    -- A part of what is to be booked at a time.
    repeat
        report, err = ihanoi.db.value("reconcile",
            { gateway = gateway, day = day, file = file })
    until report or err

    if report and not report.agrees then
        ihanoi.log.error(gateway .. " " .. day .. ": " .. report.differ
                         .. " differences")
    end

    return report, err
end


-- POST /v1/payments/reconciliations
function _M.reconcile(input)
    return answer(201, reconcile(input.gateway, input.date))
end


-- The job "reconcile", each morning: all days that are over and were not
-- reconciled since. One gateway that is away does not keep the others waiting.
function _M.reconcile_job()
    local days, err = ihanoi.db.call("days_to_reconcile")

    if err then
        return nil, err
    end

    local failed = {}

    for _, each in ipairs(days) do
        local report, why = reconcile(each.gateway, each.day)

        if not report then
            failed[#failed + 1] = each.gateway .. " " .. each.day .. ": "
                                  .. (type(why) == "table" and why.code or why)
        end
    end

    if #failed > 0 then
        return nil, table.concat(failed, ", ")
    end

    return true
end


return _M
