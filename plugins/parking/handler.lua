-- Parking: a function for each operation of openapi.json that changes something, for
-- the event and for the job. What is decided stands in sql/ and migrations/.

local charges = require("lib.charges")
local database = require("lib.database")
local operators = require("lib.operators")

-- A run of the sweep asks backends and payments no more than this often.
local SWEEP_CHARGES = 20
local SWEEP_REFUNDS = 10
local SWEEP_NOTICES = 20
local SWEEP_ROWS = 500

local _M = {}


local function answer(status, body, refused)
    if body then
        return status, body
    elseif refused then
        return ihanoi.response.problem(refused)
    end
end


-- POST /v1/parking/quotes
function _M.quote_create(input)
    return answer(201, ihanoi.db.value("quote_create", {
        id = ihanoi.uuid.v7(),
        owner = ihanoi.request.caller().subject,
        site = input.site,
        vehicle = input.vehicle,
        arrive = input.arrive,
        leave = input.leave,
    }))
end


-- POST /v1/parking/holds
function _M.hold_create(input)
    local booking, refused = ihanoi.db.value("booking_hold", {
        id = ihanoi.uuid.v7(),
        owner = ihanoi.request.caller().subject,
        quote = input.quote,
        plate = input.plate,
    })

    if not booking then
        return answer(201, nil, refused)
    elseif booking.state == "paid" then
        operators.tell(1, booking.id)
    end

    return 201, booking, { Location = "/v1/parking/bookings/" .. booking.id }
end


-- POST /v1/parking/bookings/{id}/pay
function _M.booking_pay(input)
    local charge, refused = ihanoi.db.value("charge_begin", {
        id = ihanoi.uuid.v7(),
        owner = ihanoi.request.caller().subject,
        booking = input.id,
        gateway = input.gateway,
        key = ihanoi.request.idempotency_key(),
    })

    if not charge then
        return answer(201, nil, refused)
    end

    return answer(201, charges.pay(charge, ihanoi.request.language()))
end


-- POST /v1/parking/bookings/{id}/cancel
function _M.booking_cancel(input)
    local booking, refused = ihanoi.db.value("booking_cancel",
        { id = input.id, owner = ihanoi.request.caller().subject })

    if not booking then
        return answer(200, nil, refused)
    end

    charges.refund(1, { booking = booking.id })
    operators.tell(2, booking.id)

    return answer(200, ihanoi.db.value("booking_document", { id = booking.id }))
end


-- POST /v1/parking/operators/{operator}/events
function _M.operator_events(input)
    if not operators.signed(input.operator, ihanoi.request.body_text(), input.parking_signature) then
        ihanoi.metric.add("operator_events_total", 1, { verdict = "forged" })
        return ihanoi.response.problem("parking-signature-wrong")
    end

    local verdicts, err = ihanoi.db.call("events_apply",
        { operator = input.operator, events = input.events })

    if err then
        return ihanoi.response.problem(err)
    end

    for _, each in ipairs(verdicts) do
        ihanoi.metric.add("operator_events_total", 1, { verdict = each.verdict })
    end

    return 200, { events = ihanoi.json.array(verdicts) }
end


-- The event "payments.changed": a hint, also of other services' payments.
function _M.payment_changed(event)
    if event.payload.service ~= ihanoi.plugin.name() then
        return
    end

    return charges.changed(event.key)
end


-- The event "person.erased"
function _M.person_erased(event)
    return ihanoi.db.value("person_forget",
        { person = event.payload.subject, erased_at = event.payload.at })
end


-- Whatever was left in the middle goes on: whether more of it may be left. Payments are
-- asked before holds run out, so that what was paid in time is.
local function sweep()
    local more = charges.check(SWEEP_CHARGES)

    for _, name in ipairs({ "holds_expire", "no_shows", "quotes_forget" }) do
        more = database.value(name, { n = SWEEP_ROWS }) == SWEEP_ROWS or more
    end

    more = charges.refund(SWEEP_REFUNDS, {}) or more
    more = operators.tell(SWEEP_NOTICES) or more
    database.value("forget_erased")

    return more
end


-- The job "sweep", each minute, and at once while much is left.
function _M.sweep()
    return sweep() and "again"
end


-- POST /v1/parking/sweep
function _M.sweep_now()
    sweep()

    return 200, {}
end


return _M
