-- The days of a year: those of lib/days.lua.

local fixed = require("lib.days")

local _M = {}


-- Fixed days by year, made once a worker.
local by_year = {}

for date, day in pairs(fixed) do
    local year = tonumber(date:sub(1, 4))
    by_year[year] = by_year[year] or {}
    by_year[year][date] = day
end


-- The days of a year by date; nil when nothing is known of it.
function _M.year(year)
    return by_year[year]
end


return _M
