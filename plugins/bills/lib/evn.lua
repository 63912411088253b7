-- The electricity company: customers and their bills, payments of bills, disputes. A
-- reference is ours, and the company knows what came under it when it is asked.

local company = require("lib.company")

local _M = {}

local MAX_BILLS = 60


local function ask(method, path, value)
    return company.ask("evn", ihanoi.plugin.secret("evn_key"), method, path, value)
end


local function integer(value, least, most)
    return type(value) == "number" and value % 1 == 0 and value >= least and value <= most
end


local function date(value)
    return type(value) == "string" and ihanoi.time.weekday(value) ~= nil
end


-- A bill with the members that we know; nil when one is not as it must be.
local function bill_of(it)
    if type(it) ~= "table" or type(it.number) ~= "string"
       or not it.number:match("^[%w._-]+$") or #it.number > 64
       or not (date(it.period_from) and date(it.period_to) and date(it.due_on))
       or not (integer(it.kwh, 0, 1e7) and integer(it.amount, 1, 1e12))
       or it.households ~= nil and not integer(it.households, 1, 10000)
       or it.state ~= "unpaid" and it.state ~= "paid"
    then
        return nil
    end

    local days = ihanoi.time.between(it.period_from, it.period_to)

    return days >= 0 and days <= 400 and {
        number = it.number, state = it.state,
        period_from = it.period_from, period_to = it.period_to, due_on = it.due_on,
        kwh = it.kwh, amount = it.amount, households = it.households or 1,
    } or nil
end


-- A customer: { known, bills, holder = { name, address } when it was asked for }.
local function customer_of(it, code, holder)
    if type(it) ~= "table" or it.code ~= code then
        return nil
    elseif it.known == false then
        return { known = false, bills = ihanoi.json.array() }
    elseif type(it.bills) ~= "table" or #it.bills > MAX_BILLS then
        return nil
    end

    local customer = { known = true, bills = ihanoi.json.array() }
    local seen = {}

    for i, each in ipairs(it.bills) do
        local bill = bill_of(each)

        if not bill or seen[bill.number] then
            return nil
        end

        seen[bill.number] = true
        customer.bills[i] = bill
    end

    -- What was not asked for does not pass, whatever is sent.
    if holder and type(it.holder) == "table" and type(it.holder.name) == "string"
       and type(it.holder.address) == "string"
    then
        customer.holder = {
            name = ihanoi.text.truncate(it.holder.name, 200),
            address = ihanoi.text.truncate(it.holder.address, 400),
        }
    end

    return customer
end


-- Customers by their codes (100 at most), in the same order, and their bills; with
-- name and address of who has the contract only when holder is true. In the place of
-- one of which the company has said nonsense there is false. nil and an error of
-- company.ask() when there is no answer.
function _M.customers(codes, holder)
    local answer, err = ask("POST", "/lookups",
        { codes = ihanoi.json.array(codes), holder = holder or false })

    if not answer then
        return nil, err
    elseif type(answer.customers) ~= "table" or #answer.customers ~= #codes then
        return nil, "answer"
    end

    local customers = {}

    for i, code in ipairs(codes) do
        customers[i] = customer_of(answer.customers[i], code, holder) or false
    end

    return customers
end


-- Tells the company that a bill was paid: as of company.outcome().
function _M.send(order)
    local answer, err = ask("POST", "/payments", {
        reference = order.id, bill = order.bill, customer = order.customer,
        amount = order.amount, paid_at = order.paid_at,
    })

    if not answer then
        return nil, err
    end

    return company.outcome(answer, order.id)
end


-- What became of that.
function _M.read(order)
    local answer, err = ask("GET", "/payments/" .. order.id)

    if not answer then
        return nil, err
    end

    return company.outcome(answer, order.id)
end


-- Whether a customer's meter has this number: true or false; nil and an error.
function _M.prove(code, meter)
    local answer, err = ask("POST", "/proofs", { code = code, meter = meter })

    if not answer then
        return nil, err
    elseif answer.code ~= code or type(answer.proved) ~= "boolean" then
        return nil, "answer"
    end

    return answer.proved
end


-- What an answer or a notice says of a dispute: { said = "received" }, { said =
-- "answered", answer, at } or { said = "unknown" }; nil and "answer".
function _M.dispute_said(answer, reference)
    if answer.reference ~= reference then
        return nil, "answer"
    elseif answer.state == "received" or answer.state == "unknown" then
        return { said = answer.state }
    elseif answer.state == "answered" and type(answer.answer) == "string" and answer.answer ~= ""
       and type(answer.at) == "string" and ihanoi.time.parse(answer.at)
    then
        -- a date is its midnight in Hà Nội, which the database does not know
        return { said = "answered", answer = ihanoi.text.truncate(answer.answer, 4000),
                 at = #answer.at > 10 and answer.at or ihanoi.time.format(ihanoi.time.parse(answer.at)) }
    end

    return nil, "answer"
end


-- Forwards a dispute; the company takes the same reference again as the same dispute.
-- Who it is from is not told.
function _M.dispute(it)
    local answer, err = ask("POST", "/disputes", {
        reference = it.id, bill = it.bill, customer = it.customer, reason = it.reason, text = it.text,
    })

    if not answer then
        return nil, err
    end

    return _M.dispute_said(answer, it.id)
end


-- What became of that.
function _M.dispute_read(it)
    local answer, err = ask("GET", "/disputes/" .. it.id)

    if not answer then
        return nil, err
    end

    return _M.dispute_said(answer, it.id)
end


return _M
