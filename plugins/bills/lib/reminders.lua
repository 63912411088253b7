-- Reminders of bills: asks the company for those of saved codes, as many as one run has
-- time for, and writes down whom to remind of what.

local consents = require("lib.consents")
local evn = require("lib.evn")

-- Customers in one request, and requests in one run.
local BATCH = 50
local BATCHES = 20

local _M = {}


-- Those of some citizens who have agreed to be reminded, in today's words; nil and why when
-- nobody says so.
local function agreed(citizens)
    local list = ihanoi.json.array()

    for _, citizen in ipairs(citizens) do
        local stands, problem = consents.check("reminders", citizen)

        if stands then
            list[#list + 1] = citizen
        elseif problem ~= "service-consent-required" then
            return nil, problem
        end
    end

    return list
end


-- customer: as of evn.customers(), false for nonsense; nil when there was no answer. What is
-- known already may have become due meanwhile.
local function remind(code, customer, citizens)
    if customer == false then
        ihanoi.log.warn("evn says nonsense of a customer")
    elseif customer and #customer.bills > 0 then
        local _, err = ihanoi.db.value("bills_seen", { customer = code, bills = customer.bills })

        if err then
            ihanoi.log.error("a customer's bills are not written down", err)
        end
    end

    local n, err = ihanoi.db.value("reminders_make", { customer = code, citizens = citizens })

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

        local due, codes, citizens = ihanoi.json.array(), {}, {}

        for i, row in ipairs(rows) do
            local who, unsaid = agreed(row.citizens)

            if not who then
                return nil, unsaid
            end

            due[i] = row.customer

            if #who > 0 then
                codes[#codes + 1] = row.customer
                citizens[#codes] = who
            end
        end

        local customers, why = {}

        if #codes > 0 then
            customers, why = evn.customers(codes, false)
        end

        for i, code in ipairs(codes) do
            remind(code, customers and customers[i], citizens[i])
        end

        if not customers then
            return nil, why
        end

        local _, failed = ihanoi.db.value("customers_asked",
            { customers = due, again = settings.remind_every })

        if failed then
            return nil, failed
        end
    end

    return true
end


return _M
