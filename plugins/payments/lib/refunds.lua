-- Refunds: promised in the database first, sent then, and never sent again
-- while the gateway may have done them.

local gateways = require("lib.gateways")
local intents = require("lib.intents")

local _M = {}

-- Errors of ihanoi.backend that say: nothing has left this gateway.
local UNSENT = { ["refused"] = true, ["too many calls"] = true, ["not found"] = true }


-- What is known after an attempt: refund_finish()'s outcome, and why. What is
-- unclear at a gateway that cannot be asked about it is left to people.
local function attempt(adapter, refund)
    local answer, err

    if refund.attempt == 1 then
        answer, err = adapter.refund(refund)
    elseif not adapter.refund_read then
        answer = { outcome = "unclear", why = "waits for the gateway's file" }
    else
        answer, err = adapter.refund_read(refund)

        if answer and answer.outcome == "none" then
            answer, err = adapter.refund(refund)
        elseif not answer then
            return { outcome = "unclear", why = err }
        end
    end

    answer = answer or { outcome = UNSENT[err] and "unsent" or "unclear", why = err }

    if answer.outcome == "unclear" and not adapter.refund_read then
        answer.outcome = "left"
    end

    return answer
end


local function send(refund)
    local result = attempt(gateways.of(refund.gateway), refund)

    if result.outcome ~= "done" then
        ihanoi.log.warn(refund.gateway .. ": refund " .. refund.number .. " is "
                        .. result.outcome, result.why)
    end

    local document, err = ihanoi.db.value("refund_finish", {
        id = refund.id,
        outcome = result.outcome,
        transaction = result.transaction,
        why = result.why,
    })

    return document, err, result.why == "timeout"
end


-- Sends the refunds that are due, or asks about them; or one that was just
-- asked for. Returns as intents.each() does, which says what silent is, too.
function _M.send(n, silent, id)
    return intents.each(n, "refunds_due", id, silent, send)
end


-- input: id (of the intent), amount (all that is left when nil), reason, reason_en, key,
-- by, service (nil: any), transaction (of which money: nil when that is not said), by_hand
-- (true when the gateway is not to do it). The refund, nil when there is no such intent.
function _M.request(input)
    local refund, err = ihanoi.db.value("refund_request", {
        intent = input.id,
        amount = input.amount or ihanoi.json.null,
        reason = input.reason,
        reason_en = input.reason_en,
        key = input.key,
        requested_by = input.by,
        service = input.service,
        transaction = input.transaction,
        by_hand = input.by_hand or false,
    })

    if not refund or refund.state ~= "requested" then
        return refund, err
    end

    _M.send(1, ihanoi.json.array(), refund.id)

    -- It is promised: what the gateway has made of it can be read later.
    return ihanoi.db.value("refund_document", { which = refund.id }) or refund
end


return _M
