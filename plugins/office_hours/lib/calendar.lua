-- The days of a year: those of lib/days.lua, and in place of them what the
-- Ministry has announced since, once the job "days" has fetched it.

local fixed = require("lib.days")

local _M = {}

-- An announcement is asked for once in so many seconds.
local KEPT = 600


-- Fixed days by year, made once a worker.
local by_year = {}

for date, day in pairs(fixed) do
    local year = tonumber(date:sub(1, 4))
    by_year[year] = by_year[year] or {}
    by_year[year][date] = day
end


local function announced(key)
    local rows, err = ihanoi.db.call("days_announced", { year = tonumber(key:sub(6)) })

    if not rows then
        return nil, err
    end

    return ihanoi.json.array(rows)
end


-- The days of a year by date; nil when nothing is known of it. When the database
-- is away, what is fixed is better than nothing.
function _M.year(year)
    local rows, err = ihanoi.cache.get("days:" .. year, KEPT, announced, { errors = 5 })

    if not rows then
        ihanoi.log.warn("announced days", err)
    elseif #rows > 0 then
        local days = {}

        for _, row in ipairs(rows) do
            days[row.day] = { vi = row.vi, en = row.en, like = row.works_like,
                              source = "announcement", verified = true }
        end

        return days
    end

    return by_year[year]
end


-- The days of a year were replaced.
function _M.forget(year)
    ihanoi.cache.delete("days:" .. year)
end


return _M
