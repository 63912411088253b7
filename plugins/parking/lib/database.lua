-- Functions of sql/, each call of which is one transaction: a worker may be killed
-- between any two, and whoever comes next goes on from what is written.

local _M = {}


-- The value of a function of one value; nil when it is null; nil, a problem's code
-- and its members when it refuses or the database is away.
function _M.call(name, arguments)
    local row, err = ihanoi.db.one(name, arguments)

    if not err then
        return row and row[name]
    elseif err.sqlstate == "IH001" then
        return nil, err.code, err.members
    end

    ihanoi.log.error(name .. ": " .. err.code .. " " .. (err.sqlstate or ""))
    return nil, "parking-unavailable"
end


-- The rows of a function; none, after a line in the log, when the database is away.
function _M.rows(name, arguments)
    local rows, err = ihanoi.db.call(name, arguments)

    if err then
        ihanoi.log.error(name .. ": " .. err.code .. " " .. (err.sqlstate or ""))
    end

    return rows or {}
end


return _M
