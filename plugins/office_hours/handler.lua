-- Public holidays and office hours: a function for each operation of
-- openapi.json, job, subscription and interface of plugin.json.

local announcement = require("lib.announcement")
local calendar = require("lib.calendar")
local hours = require("lib.hours")

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


-- GET /v1/office_hours/holidays
function _M.holidays(input)
    local year = input.year or this_year()
    local items = days_of(year)

    if not items then
        return ihanoi.response.problem("year-unknown", { year = year })
    end

    return 200, { year = year, items = items }
end


-- A field of CSV (RFC 4180).
local function field(text)
    return '"' .. text:gsub('"', '""') .. '"'
end


-- GET /v1/office_hours/holidays.csv: a part for each year, so that ten years need
-- no more memory than one.
function _M.holidays_csv(input)
    local from = input.from or this_year()

    ihanoi.response.start(200, {
        ["Content-Disposition"] = 'attachment; filename="holidays.csv"',
    })
    ihanoi.response.write("date,worked,vi,en,source\r\n")

    for year = from, input.to or from do
        local lines = {}

        for _, day in ipairs(days_of(year) or {}) do
            lines[#lines + 1] = table.concat({
                day.date, tostring(day.worked), field(day.name.vi),
                field(day.name.en), field(day.source),
            }, ",") .. "\r\n"
        end

        if lines[1] then
            assert(ihanoi.response.write(table.concat(lines)))
        end
    end
end


-- GET /v1/office_hours/open
function _M.open(input)
    local at = input.at and ihanoi.time.parse(input.at) or ihanoi.time.now()
    local date = ihanoi.time.format(at, "date")
    local open, change, why = hours.at(at, input.unit)

    if not change then
        return ihanoi.response.problem("year-unknown", { year = why })
    end

    local day = (calendar.year(tonumber(date:sub(1, 4))) or {})[date]

    return 200, {
        at = ihanoi.time.format(at),
        open = open,
        changes_at = ihanoi.time.format(change),
        day = day and { vi = day.vi, en = day.en } or nil,
        closure = why,
    }
end


-- Seconds until tomorrow begins in Hà Nội.
local function until_tomorrow()
    local now = ihanoi.time.now()
    local tomorrow = ihanoi.time.add_days(ihanoi.time.today(), 1)

    return math.ceil(ihanoi.time.parse(tomorrow .. "T00:00:00+07:00") - now)
end


-- Counts an announcement of somebody's today, once for its key: whether there are too many.
local function too_many(today, who, key)
    local announced = "announced:" .. today .. ":" .. who
    local counted = "counted:" .. ihanoi.crypto.sha256(who .. " " .. key)

    if ihanoi.store.get(counted) then
        return false
    end

    local count = ihanoi.store.increment(announced, 1, { first = 0, expires = 86400 })

    if count and count > ihanoi.plugin.settings().closures_a_day then
        return true
    end

    ihanoi.store.set(counted, true, { expires = 86400 })

    return false
end


-- POST /v1/office_hours/closures
function _M.closure_announce(input)
    local caller = ihanoi.request.caller()
    local today = ihanoi.time.today()

    if input.day < today then
        return ihanoi.response.problem("closure-too-late")
    end

    local key = ihanoi.request.idempotency_key()

    if too_many(today, caller.subject, key) then
        return ihanoi.response.problem("closures-too-many", { retry_after = until_tomorrow() })
    end

    local document, err = ihanoi.db.json("closure_announce", {
        id = ihanoi.uuid.v7(),
        unit = input.unit,
        day = input.day,
        reason = ihanoi.text.nfc(input.reason),
        by = caller.subject,
        key = key,
    })

    if err then
        return ihanoi.response.problem(err)
    elseif not document then
        return ihanoi.response.problem("closure-stands")
    end

    ihanoi.metric.add("closures_total")

    return 201, document
end


-- The event office_hours.closure_announced, our own: what was cached before the
-- closure is forgotten. On other machines it is forgotten within a minute.
function _M.closure_announced(event)
    local closure = event.payload

    ihanoi.cache.delete(hours.closure_key(closure.unit, closure.day))
end


-- Puts the days of a year as announced in place of those before: how many; nil and why
-- when that failed.
local function replace(year, task)
    local days, err = ihanoi.run.wait(task)

    if not days then
        return nil, err
    elseif #days == 0 then
        return 0
    end

    local _, failed = ihanoi.db.call("days_replace", { year = year, days = days })

    if failed then
        return nil, failed.message
    end

    calendar.forget(year)

    return #days
end


-- The job "days": this year's announcement and the next year's, at the same time. One
-- that is not good does not keep the other.
function _M.days_fetch()
    local first = this_year()
    local tasks, wrong = {}, {}
    local total = 0

    for year = first, first + 1 do
        tasks[year] = assert(ihanoi.run.spawn(announcement.fetch, year))
    end

    for year = first, first + 1 do
        local n, err = replace(year, tasks[year])

        total = total + (n or 0)
        wrong[#wrong + 1] = err and year .. ": " .. err
    end

    ihanoi.metric.set("days_fetched", total)
    ihanoi.log.info(total .. " days were announced")

    if wrong[1] then
        error(table.concat(wrong, "; "), 0)
    end
end


-- The interface "calendar": whether offices are open.
function _M.calendar_open(argument)
    local open, change = hours.at(ihanoi.time.parse(argument.at), argument.unit)

    if not change then
        return nil, "year-unknown"
    end

    return { open = open, changes_at = ihanoi.time.format(change) }
end


-- And the date that is so many working days after another.
function _M.calendar_add_days(argument)
    local date = hours.add(argument.date, argument.days)

    if not date then
        return nil, "year-unknown"
    end

    return { date = date }
end


return _M
