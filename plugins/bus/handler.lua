-- Buses. The timetable is the database's: the operations of openapi.json are
-- functions in sql/. What is left to Lua is the agency's word of today, and what
-- other plugins ask.

local realtime = require("lib.realtime")

local _M = {}


-- The job "realtime": fetches the agency's GTFS-realtime message, and puts it in
-- place of the last. What is no message leaves the last one, which grows old.
function _M.realtime_fetch()
    local path = ihanoi.plugin.settings().realtime

    if path == "" then
        return
    end

    local answer, err = ihanoi.backend.get("transit", path, { timeout = 10 })

    if not answer or answer.status ~= 200 then
        error("no realtime message: " .. (err or "status " .. answer.status), 0)
    end

    local message
    message, err = realtime.read(answer.body)

    if not message then
        error("the realtime message cannot be read: " .. err, 0)
    end

    return ihanoi.db.value("realtime_replace", { message = message })
end


-- Interface "timetable", 1. argument: id, a route_id. The route's names; nil when the
-- timetable has none such.
function _M.route(argument)
    return ihanoi.db.value("route_named", argument)
end


return _M
