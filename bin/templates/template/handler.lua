-- The service's operations: a function for each "x-ihanoi-lua" of
-- openapi.json. It gets the request's values, which have been checked, by
-- their names in the contract, and returns a status and a body.

local calendar = require("lib.calendar")

local _M = {}


-- The days of a year in order, or nil.
local function days_of(year)
    local items = {}

    for date, day in pairs(calendar.year(year) or {}) do
        items[#items + 1] = {
            date = date,
            name = { vi = day.vi, en = day.en },
            worked = day.like ~= nil,
            source = day.source,
            verified = day.verified,
        }
    end

    table.sort(items, function(a, b) return a.date < b.date end)

    return items[1] and items
end


local function this_year()
    return tonumber(ihanoi.time.today():sub(1, 4))
end


-- GET /v1/template/holidays
function _M.holidays(input)
    local year = input.year or this_year()
    local items = days_of(year)

    if not items then
        return ihanoi.response.problem("template-year-unknown", { year = year })
    end

    return 200, { year = year, items = items }
end


return _M
