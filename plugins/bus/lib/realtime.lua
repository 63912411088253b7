-- GTFS-realtime (gtfs.org/realtime/reference): a FeedMessage into what
-- realtime_replace() takes.
--
-- A large one takes a tenth of a second and more, sixteen times as long beside others, and a
-- call has its plugin for itself until it waits: so this does now and then. Nothing here is
-- kept from one call to another but a number; which of two messages is the newer one
-- realtime_replace() decides, in one transaction.

local protobuf = require("lib.protobuf")

local _M = {}

local TRIP = {
    [1] = { "trip_id", "string" },
    [2] = { "start_time", "string" },
    [3] = { "start_date", "string" },
    [4] = { "schedule_relationship", "int32" },
}

local EVENT = {
    [1] = { "delay", "int32" },
    [2] = { "time", "uint64" },
}

local STRINGS = {
    [1] = { "translation", {
        [1] = { "text", "string" },
        [2] = { "language", "string" },
    }, repeated = true },
}

local FEED = {
    [1] = { "header", {
        [1] = { "version", "string" },
        [2] = { "incrementality", "int32" },
        [3] = { "timestamp", "uint64" },
    } },
    [2] = { "entity", {
        [1] = { "id", "string" },
        [2] = { "is_deleted", "bool" },
        [3] = { "trip_update", {
            [1] = { "trip", TRIP },
            [2] = { "stop_time_update", {
                [1] = { "stop_sequence", "int32" },
                [2] = { "arrival", EVENT },
                [3] = { "departure", EVENT },
                [4] = { "stop_id", "string" },
                [5] = { "schedule_relationship", "int32" },
            }, repeated = true },
            [5] = { "delay", "int32" },
        } },
        [5] = { "alert", {
            [1] = { "active_period", {
                [1] = { "start", "uint64" },
                [2] = { "stop", "uint64" },
            }, repeated = true },
            [5] = { "informed_entity", {
                [2] = { "route_id", "string" },
                [5] = { "stop_id", "string" },
            }, repeated = true },
            [6] = { "cause", "int32" },
            [7] = { "effect", "int32" },
            [10] = { "header_text", STRINGS },
            [11] = { "description_text", STRINGS },
        } },
    }, repeated = true },
}

local CANCELED, SKIPPED, NO_DATA = 3, 1, 2

-- The year 10000.
local LAST = 253402300800

local CAUSES = {
    "unknown_cause", "other_cause", "technical_problem", "strike",
    "demonstration", "accident", "holiday", "weather", "maintenance",
    "construction", "police_activity", "medical_emergency",
}

local EFFECTS = {
    "no_service", "reduced_service", "significant_delays", "detour",
    "additional_service", "modified_service", "other_effect", "unknown_effect",
    "stop_moved", "no_effect", "accessibility_issue",
}


-- Things between two waits, about a millisecond's.
local THINGS = 300

local seen = 0

-- As ipairs(), of nil too. It waits now and then.
local function each(list)
    local i = 0

    return function()
        i = i + 1
        seen = seen + 1

        if seen % THINGS == 0 then
            ihanoi.run.sleep(0)
        end

        local value = list and list[i]

        if value ~= nil then
            return i, value
        end
    end
end


-- Seconds since 1970 as a time. 0, or the largest number there is, are how some say that
-- a time is left open.
local function instant(seconds)
    return seconds and seconds > 0 and seconds < LAST and seconds or nil
end


local function trip(update)
    local t = update.trip or {}
    local calls = ihanoi.json.array({})

    if not t.trip_id then
        return nil
    end

    if update.delay then
        calls[1] = { sequence = 1, delay = update.delay }
    end

    for _, u in each(update.stop_time_update) do
        local event = u.departure or u.arrival or {}

        local unknown = u.schedule_relationship == NO_DATA
        local skipped = u.schedule_relationship == SKIPPED
        local time = instant(event.time)

        if unknown or skipped or event.delay or time then
            -- A field for what is there, and no more: in the rush hour there are some
            -- sixty thousand, twice in memory.
            local call = { delay = not unknown and event.delay or nil }

            if u.stop_sequence then
                call.stop_sequence = u.stop_sequence
            else
                call.stop = u.stop_id
            end

            if time and not unknown and not event.delay then
                call.time = time
                call.arrives = not u.departure
            end

            if skipped then
                call.skipped = true
            end

            calls[#calls + 1] = call
        end
    end

    return {
        trip = t.trip_id,
        day = t.start_date,
        starts = t.start_time,
        cancelled = t.schedule_relationship == CANCELED,
        calls = calls,
    }
end


-- Texts by language; "" is a text whose language is not said.
local function texts(strings)
    local by_language = {}

    for _, t in each(strings and strings.translation) do
        by_language[t.language or ""] = t.text
    end

    return next(by_language) and by_language or ihanoi.json.raw("{}")
end


-- When the first of an alert's times that is not over begins and ends, or its last; nil
-- where that is open. They come in order.
local function period_of(a, now)
    local starts, ends

    for _, p in each(a.active_period) do
        starts, ends = instant(p.start), instant(p.stop)

        if not ends or ends > now then
            break
        end
    end

    return starts, ends
end


local function alert(id, a, now)
    local starts, ends = period_of(a, now)
    local routes, stops = ihanoi.json.array({}), ihanoi.json.array({})

    for _, entity in each(a.informed_entity) do
        routes[#routes + 1] = entity.route_id
        stops[#stops + 1] = entity.stop_id
    end

    return {
        id = id,
        cause = CAUSES[a.cause or 1] or "unknown_cause",
        effect = EFFECTS[a.effect or 8] or "unknown_effect",
        header = texts(a.header_text),
        text = texts(a.description_text),
        starts_at = starts,
        ends_at = ends,
        routes = routes,
        stops = stops,
    }
end


-- Puts a value into a list of JSON texts, nil not: why it cannot be.
local function put(list, value)
    local err

    if value then
        list[#list + 1], err = ihanoi.json.encode(value)
    end

    return err
end


-- The message as JSON, or nil and why it is none. Piece by piece: of one table of it all
-- the text would be made without a wait, and both be in memory.
function _M.read(bytes)
    local feed, err = protobuf.decode(bytes, FEED)

    if not feed then
        return nil, err
    end

    local made = instant(feed.header and feed.header.timestamp)

    if not made then
        return nil, "it has no timestamp"
    end

    if feed.header.incrementality == 1 then
        return nil, "it tells changes only, which is not supported"
    end

    local trips, alerts = {}, {}

    for i, entity in each(feed.entity) do
        if entity.trip_update then
            err = put(trips, trip(entity.trip_update))
        end

        if entity.alert and entity.id then
            err = err or put(alerts, alert(entity.id, entity.alert, made))
        end

        if err then
            return nil, err
        end

        feed.entity[i] = false      -- it is not needed any more, and may be large
    end

    return string.format('{"made_at":%d,"trips":[%s],"alerts":[%s]}', made,
                         table.concat(trips, ","), table.concat(alerts, ","))
end


return _M
