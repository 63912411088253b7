-- Electricity bills and phone top-ups: a function for each operation of openapi.json
-- that SQL does not serve alone, for each job and each event. What is decided stands
-- in sql/ and migrations/.

local carriers = require("lib.carriers")
local consents = require("lib.consents")
local customer = require("lib.customer")
local disputes = require("lib.disputes")
local evn = require("lib.evn")
local lookups = require("lib.lookups")
local notices = require("lib.notices")
local orders = require("lib.orders")
local phone = require("lib.phone")
local reminders = require("lib.reminders")

-- The most that one run of the sweep looks after: an order may ask a company twice, a
-- dispute once, and a run may ask backends 32 times.
local SWEEP_ORDERS = 12
local SWEEP_DISPUTES = 8

local _M = {}


local function answer(status, body, refused, headers)
    if body then
        return status, body, headers
    elseif refused then
        return ihanoi.response.problem(refused)
    end
end


local function citizen()
    return ihanoi.request.caller().subject
end


-- Counts that the company is asked about a customer: nil, or why it is not to be.
local function counted(code)
    local settings = ihanoi.plugin.settings()
    local _, refused = ihanoi.db.value("lookup_begin", {
        citizen = citizen(),
        customer = code,
        an_hour = settings.lookups_an_hour,
        customers_a_day = settings.customers_a_day,
    })

    return refused
end


-- POST /v1/bills/lookups
function _M.lookup(input)
    local code, why

    if input.qr then
        code, why = customer.scanned(input.qr)

        if not code then
            return ihanoi.response.problem("qr-unreadable", { reason = why })
        end
    else
        code = customer.code(input.code)

        if not code then
            return ihanoi.response.problem("customer-code-invalid")
        end
    end

    local refused = counted(code)

    if refused then
        return ihanoi.response.problem(refused)
    end

    -- Who has the contract is told to those who have proved that the meter is theirs.
    local proved, failed = ihanoi.db.value("code_proved", { citizen = citizen(), customer = code })

    if failed then
        return ihanoi.response.problem(failed)
    end

    return answer(200, lookups.customer(code, proved))
end


-- POST /v1/bills/codes
function _M.code_save(input)
    local settings = ihanoi.plugin.settings()
    local code = customer.code(input.customer)

    if not code then
        return ihanoi.response.problem("customer-code-invalid")
    end

    if input.remind then
        local stands, problem, members = consents.check("reminders")

        if not stands then
            return ihanoi.response.problem(problem, members)
        end
    end

    return answer(201, ihanoi.db.value("code_save", {
        id = ihanoi.uuid.v7(),
        citizen = citizen(),
        customer = code,
        label = ihanoi.text.nfc(input.label),
        remind = input.remind,
        days_before = input.days_before,
        most = settings.saved_codes,
        an_hour = settings.lookups_an_hour,
        customers_a_day = settings.customers_a_day,
    }))
end


-- POST /v1/bills/codes/{id}/prove
function _M.code_prove(input)
    local code, refused = ihanoi.db.value("proof_begin", {
        citizen = citizen(),
        id = input.id,
        a_day = ihanoi.plugin.settings().proofs_a_day,
    })

    if not code then
        return answer(nil, nil, refused)
    end

    local proved, err = evn.prove(code, input.meter)

    if proved == nil then
        ihanoi.log.warn("evn does not say whose a meter is: " .. err)
        return ihanoi.response.problem("evn-away")
    elseif not proved then
        return ihanoi.response.problem("code-not-proved")
    end

    return answer(200, ihanoi.db.value("proof_done", { citizen = citizen(), id = input.id }))
end


-- POST /v1/bills/{id}/disputes
function _M.dispute_open(input)
    local it, refused = ihanoi.db.value("dispute_open", {
        id = ihanoi.uuid.v7(),
        citizen = citizen(),
        key = ihanoi.request.idempotency_key(),
        bill = input.id,
        reason = input.reason,
        text = ihanoi.text.nfc(input.text),
    })

    if it and it.state == "opened" then
        disputes.work(it.id)
        it = ihanoi.db.value("dispute_now", { id = it.id }) or it
    end

    return answer(201, it, refused, it and { Location = "/v1/bills/disputes/" .. it.id })
end


-- An order that has just been made, or found again, with what its citizen needs.
local function ordered(order, refused)
    if order and order.state == "created" then
        order, refused = orders.checkout(order.id)
    end

    return answer(201, order, refused,
                  order and { Location = "/v1/bills/orders/" .. order.id })
end


-- POST /v1/bills/{id}/pay
function _M.bill_pay(input)
    local settings = ihanoi.plugin.settings()
    local key = ihanoi.request.idempotency_key()
    local place, err = ihanoi.db.one("bill_place", { citizen = citizen(), id = input.id, key = key,
                                                     gateway = input.gateway, amount = input.amount })

    if err then
        return ihanoi.response.problem(err)
    elseif not place then
        return nil
    elseif place.ordered then
        -- Whoever has heard no answer hears what was ordered, not what the company says by now.
        return ordered(place.ordered)
    end

    local refused = counted(place.customer)

    if refused then
        return ihanoi.response.problem(refused)
    end

    -- The bill may have been paid elsewhere since it was looked at.
    local now, away = lookups.customer(place.customer)

    if not now then
        return ihanoi.response.problem(away)
    end

    local there = false

    for _, bill in ipairs(now.bills) do
        there = there or bill.number == place.number
    end

    if not there then
        return ihanoi.response.problem("bill-withdrawn")
    end

    return ordered(ihanoi.db.value("bill_order", {
        id = ihanoi.uuid.v7(),
        citizen = citizen(),
        key = key,
        bill = input.id,
        gateway = input.gateway,
        amount = input.amount,
        open_orders = settings.open_orders,
        step = settings.step,
    }))
end


-- POST /v1/bills/topups
function _M.topup(input)
    local settings = ihanoi.plugin.settings()
    local number = phone.normalise(input.phone)

    if not number then
        return ihanoi.response.problem("phone-invalid")
    end

    return ordered(ihanoi.db.value("topup_order", {
        id = ihanoi.uuid.v7(),
        citizen = citizen(),
        key = ihanoi.request.idempotency_key(),
        phone = number,
        carrier = input.carrier or ihanoi.json.null,
        gateway = input.gateway,
        amount = input.amount,
        open_orders = settings.open_orders,
        citizen_day = settings.topup_citizen_day,
        phone_day = settings.topup_phone_day,
        step = settings.step,
    }))
end


-- POST /v1/bills/topups/hint
function _M.topup_hint(input)
    local number = phone.normalise(input.phone)

    if not number then
        return ihanoi.response.problem("phone-invalid")
    end

    local carrier, err = ihanoi.db.value("carrier_hint", { phone = number })

    if err then
        return ihanoi.response.problem(err)
    end

    return 200, { phone = "+" .. number, carrier = carrier }
end


-- POST /v1/bills/orders/{id}/cancel
function _M.order_cancel(input)
    return answer(200, ihanoi.db.value("order_cancel", { id = input.id, citizen = citizen() }))
end


-- POST /v1/bills/disputes/{id}/close
function _M.dispute_close(input)
    return answer(200, ihanoi.db.value("dispute_close", { citizen = citizen(), id = input.id }))
end


local function told(done, refused)
    if done then
        return 204
    end

    return answer(nil, nil, refused)
end


-- POST /v1/bills/evn/notices
function _M.evn_notice(input)
    return told(notices.apply(ihanoi.plugin.secret("evn_key"), "bill", nil, input))
end


-- POST /v1/bills/carriers/{carrier}/notices
function _M.carrier_notice(input)
    local key = carriers.key(input.carrier)

    if not key then
        return nil
    end

    return told(notices.apply(key, "topup", input.carrier, input))
end


-- Event payments.changed
function _M.payment_changed(event)
    if event.payload.service ~= "bills" then
        return true
    end

    return orders.told(event.payload.reference, event.key)
end


-- Event catalogue.consent_withdrawn
function _M.consent_withdrawn(event)
    if event.payload.service ~= ihanoi.plugin.name() then
        return true
    end

    return consents.withdrawn(event.key)
end


-- Event person.erased
function _M.person_erased(event)
    return ihanoi.db.value("person_forget",
        { person = event.payload.subject, erased_at = event.payload.at })
end


-- Calls work() as long as there is some, at most n times: how often; nil and an error of
-- the database when that does not say.
local function each(n, work)
    for done = 0, n - 1 do
        local one, err = work()

        if one == nil then
            return nil, err
        elseif not one then
            return done
        end
    end

    return n
end


-- Looks after what is left in the middle: how many orders and disputes there were; nil
-- and an error of the database.
local function sweep()
    local done, err = each(SWEEP_ORDERS, orders.work)

    if not done then
        return nil, err
    end

    local said

    said, err = each(SWEEP_DISPUTES, disputes.work)

    return said and { orders = done, disputes = said }, err
end


-- POST /v1/bills/sweep
function _M.sweep()
    return answer(200, sweep())
end


-- The job "sweep", each minute, and at once while much is left: a company was away.
function _M.sweep_job()
    local done, err = sweep()

    if not done then
        return nil, err
    end

    return (done.orders == SWEEP_ORDERS or done.disputes == SWEEP_DISPUTES) and "again" or done
end


-- The job "remind", every ten minutes of the day.
function _M.remind_job()
    local done, why = consents.catch_up()

    if not done then
        return nil, why
    end

    return reminders.run()
end


-- The job "forget", each night.
function _M.forget_job()
    return ihanoi.db.value("forget_old")
end


return _M
