-- Electricity bills and phone top-ups: a function for each operation of openapi.json
-- that SQL does not serve alone, for each job and each event. What is decided stands
-- in sql/ and migrations/.

local carriers = require("lib.carriers")
local customer = require("lib.customer")
local lookups = require("lib.lookups")
local notices = require("lib.notices")
local orders = require("lib.orders")
local phone = require("lib.phone")

-- The most orders that one run of the sweep looks after: each may ask a company twice,
-- and a run may ask backends 32 times.
local SWEEP = 12

local _M = {}


local function answer(status, body, code, members, headers)
    if body then
        return status, body, headers
    elseif code then
        return ihanoi.response.problem(code, members)
    end
end


local function citizen()
    return ihanoi.request.caller().subject
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

    local settings = ihanoi.plugin.settings()
    local _, refused, members = orders.call("lookup_begin", {
        citizen = citizen(),
        customer = code,
        an_hour = settings.lookups_an_hour,
        customers_a_day = settings.customers_a_day,
    })

    if refused then
        return ihanoi.response.problem(refused, members)
    end

    return answer(200, lookups.customer(code))
end


-- An order that has just been made, or found again, with what its citizen needs.
local function ordered(order, code, members)
    if order and order.state == "created" then
        order, code, members = orders.checkout(order.id)
    end

    return answer(201, order, code, members,
                  order and { Location = "/v1/bills/orders/" .. order.id })
end


-- POST /v1/bills/{id}/pay
function _M.bill_pay(input)
    local settings = ihanoi.plugin.settings()
    local place, err = ihanoi.db.one("bill_place", { citizen = citizen(), id = input.id })

    if err then
        return answer(201, orders.refused(err))
    elseif not place then
        return nil
    end

    -- The bill may have been paid elsewhere since it was looked at.
    local now, code = lookups.customer(place.customer)

    if not now then
        return ihanoi.response.problem(code)
    end

    local there = false

    for _, bill in ipairs(now.bills) do
        there = there or bill.number == place.number
    end

    if not there then
        return ihanoi.response.problem("bill-withdrawn")
    end

    return ordered(orders.call("bill_order", {
        id = ihanoi.uuid.v7(),
        citizen = citizen(),
        key = ihanoi.request.idempotency_key(),
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

    return ordered(orders.call("topup_order", {
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

    local carrier, code = orders.call("carrier_hint", { phone = number })

    if code then
        return ihanoi.response.problem(code)
    end

    return 200, { phone = "+" .. number, carrier = carrier }
end


local function told(done, code)
    if done then
        return 204
    end

    return answer(nil, nil, code)
end


-- POST /v1/bills/evn/notices
function _M.evn_notice(input)
    local done, code = notices.apply(ihanoi.plugin.secret("evn_key"), "bill", nil, input)

    return told(done, code)
end


-- POST /v1/bills/carriers/{carrier}/notices
function _M.carrier_notice(input)
    local key = carriers.key(input.carrier)

    if not key then
        return nil
    end

    local done, code = notices.apply(key, "topup", input.carrier, input)

    return told(done, code)
end


-- Event payments.changed
function _M.payment_changed(event)
    if event.payload.service ~= "bills" then
        return true
    end

    return orders.told(event.payload.reference, event.key)
end


-- Looks after what is left in the middle: how many orders there were; nil and a
-- problem when the database does not say.
local function sweep()
    for n = 0, SWEEP - 1 do
        local done, code = orders.work()

        if done == nil then
            return nil, code
        elseif not done then
            return { orders = n }
        end
    end

    return { orders = SWEEP }
end


-- POST /v1/bills/sweep
function _M.sweep()
    local done, code = sweep()

    return answer(200, done, code)
end


-- The job "sweep", each minute.
function _M.sweep_job()
    local done, code = sweep()

    return done and true, code
end


return _M
