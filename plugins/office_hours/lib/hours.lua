-- When offices are open, by the settings and the days of lib/days.lua.

local days = require("lib.days")

local _M = {}

-- An office that is closed for longer has no hours at all.
local LOOK_AHEAD = 30


local function seconds(text)
    return tonumber(text:sub(1, 2)) * 3600 + tonumber(text:sub(4, 5)) * 60
end


-- Whether anything is known of the days of a year.
local known = {}

for date in pairs(days) do
    known[date:sub(1, 4)] = true
end


-- The hours of a date, as pairs of seconds since its beginning.
local function of(date)
    local settings = ihanoi.plugin.settings()
    local day = days[date]
    local weekday = ihanoi.time.weekday(date)
    local found = {}

    if day then
        weekday = day.like
    end

    if not weekday or weekday == 7 then
        return found
    end

    if weekday == 6 and not settings.saturday_morning then
        return found
    end

    found[1] = { seconds(settings.morning:sub(1, 5)),
                 seconds(settings.morning:sub(7, 11)) }

    if weekday ~= 6 then
        found[2] = { seconds(settings.afternoon:sub(1, 5)),
                     seconds(settings.afternoon:sub(7, 11)) }
    end

    return found
end


-- Whether offices are open at a time (seconds since 1970), and when that
-- changes; nil for the second when the days of then are not known.
function _M.at(at)
    local date = ihanoi.time.format(at, "date")

    for _ = 0, LOOK_AHEAD do
        if not known[date:sub(1, 4)] then
            return false, nil
        end

        local begins = ihanoi.time.parse(date)

        for _, span in ipairs(of(date)) do
            if at < begins + span[1] then
                return false, begins + span[1]
            elseif at < begins + span[2] then
                return true, begins + span[2]
            end
        end

        date = ihanoi.time.add_days(date, 1)
    end

    return false, nil
end


return _M
