-- Public holidays and office hours: a function for each operation of
-- openapi.json.

local days = require("lib.days")
local hours = require("lib.hours")

local _M = {}


-- GET /v1/office_hours/holidays
function _M.holidays(input)
    local year = input.year or tonumber(ihanoi.time.today():sub(1, 4))
    local items = {}

    for date, day in pairs(days) do
        if tonumber(date:sub(1, 4)) == year then
            items[#items + 1] = {
                date = date,
                name = { vi = day.vi, en = day.en },
                worked = day.like ~= nil,
                source = day.source,
                verified = day.verified,
            }
        end
    end

    if #items == 0 then
        return ihanoi.response.problem("year-unknown", { year = year })
    end

    table.sort(items, function(a, b) return a.date < b.date end)

    return 200, { year = year, items = items }
end


-- GET /v1/office_hours/open
function _M.open(input)
    local at = input.at and ihanoi.time.parse(input.at) or ihanoi.time.now()
    local open, change = hours.at(at)

    if not change then
        return ihanoi.response.problem("year-unknown", {
            year = tonumber(ihanoi.time.format(at, "date"):sub(1, 4)),
        })
    end

    local date = ihanoi.time.format(at, "date")
    local day = days[date]

    return 200, {
        at = ihanoi.time.format(at),
        open = open,
        changes_at = ihanoi.time.format(change),
        day = day and { vi = day.vi, en = day.en } or nil,
    }
end


return _M
