-- Reminders of bills: asks the company for those of saved codes, as many as one run has
-- time for, and writes down whom to remind of what.

local evn = require("lib.evn")

-- Customers in one request, and requests in one run.
local BATCH = 50
local BATCHES = 20

local _M = {}


-- customer: as of evn.customers(), false for nonsense; nil when there was no answer. What is
-- known already may have become due meanwhile.
local function remind(code, customer)
    if customer == false then
        ihanoi.log.warn("evn says nonsense of a customer")
    elseif customer and #customer.bills > 0 then
        local _, err = ihanoi.db.value("bills_seen", { customer = code, bills = customer.bills })

        if err then
            ihanoi.log.error("a customer's bills are not written down", err)
        end
    end

    local n, err = ihanoi.db.value("reminders_make", { customer = code })

    if err then
        ihanoi.log.error("nobody is reminded", err)
    elseif n > 0 then
        ihanoi.metric.add("reminders_total", n)
    end
end


-- True; nil and why not all that was due was done: it comes again.
function _M.run()
    local settings = ihanoi.plugin.settings()

    for _ = 1, BATCHES do
        if ihanoi.request.time_left() < settings.patience + 2 then
            return true
        end

        local rows, err = ihanoi.db.call("customers_due", { n = BATCH })

        if err then
            return nil, err
        elseif #rows == 0 then
            return true
        end

        local codes = {}

        for i, row in ipairs(rows) do
            codes[i] = row.customer
        end

        local customers, why = evn.customers(codes, false)

        for i, code in ipairs(codes) do
            remind(code, customers and customers[i])
        end

        if not customers then
            return nil, why
        end

        local _, failed = ihanoi.db.value("customers_asked",
            { customers = ihanoi.json.array(codes), again = settings.remind_every })

        if failed then
            return nil, failed
        end
    end

    return true
end


return _M
