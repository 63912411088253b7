-- When offices are open, by the settings, the days of lib/calendar.lua and the
-- closures of units.

local calendar = require("lib.calendar")

local _M = {}

-- An office that is closed for longer has no hours at all.
local LOOK_AHEAD = 30


local function seconds(text)
    return tonumber(text:sub(1, 2)) * 3600 + tonumber(text:sub(4, 5)) * 60
end


-- The hours of a date, as pairs of seconds since its beginning.
local function of(date, day)
    local settings = ihanoi.plugin.settings()
    local weekday = ihanoi.time.weekday(date)

    if day then
        weekday = day.like
    end

    if not weekday or weekday == 7
       or (weekday == 6 and not settings.saturday_morning)
    then
        return {}
    end

    local found = { { seconds(settings.morning:sub(1, 5)),
                      seconds(settings.morning:sub(7, 11)) } }

    if weekday ~= 6 then
        found[2] = { seconds(settings.afternoon:sub(1, 5)),
                     seconds(settings.afternoon:sub(7, 11)) }
    end

    return found
end


-- The key that a unit's closure of a day is cached by.
function _M.closure_key(unit, date)
    return "closure:" .. date .. ":" .. unit
end


-- Why a unit is closed on a date: a text, or false.
local function closure(unit, date)
    return ihanoi.cache.get(_M.closure_key(unit, date), 60, function()
        local reason, err = ihanoi.db.value("closure_of", { unit = unit, day = date })

        if err then
            return nil, err
        end

        return reason or false
    end)
end


-- Whether offices, or those of a unit, are open at a time (seconds since 1970),
-- when that changes, and the closure that is the cause; for the second nil, and the
-- year, when the days of then are not known.
function _M.at(at, unit)
    local date = ihanoi.time.format(at, "date")
    local why

    for _ = 0, LOOK_AHEAD do
        local year = tonumber(date:sub(1, 4))
        local days = calendar.year(year)

        if not days then
            return false, nil, year
        end

        local closed = unit and closure(unit, date)
        local begins = ihanoi.time.parse(date)

        why = why or closed or nil

        for _, span in ipairs(closed and {} or of(date, days[date])) do
            if at < begins + span[1] then
                return false, begins + span[1], why
            elseif at < begins + span[2] then
                return true, begins + span[2]
            end
        end

        date = ihanoi.time.add_days(date, 1)
    end

    return false, nil, tonumber(date:sub(1, 4))
end


-- The date that is n working days after a date; nil when the days of then are
-- not known.
function _M.add(date, n)
    while n > 0 do
        date = ihanoi.time.add_days(date, 1)

        local days = calendar.year(tonumber(date:sub(1, 4)))

        if not days then
            return nil
        end

        local day = days[date]
        local weekday = day and (day.like or 7) or ihanoi.time.weekday(date)

        if weekday < 6 then
            n = n - 1
        end
    end

    return date
end


return _M
