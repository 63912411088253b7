-- Functions of sql/ for what is done beside a request's answer or without one, each
-- call of which is one transaction: a worker may be killed between any two, and whoever
-- comes next goes on from what is written. A failure is a line in the log.

local _M = {}


-- The value of a function, as of ihanoi.db.value().
function _M.value(name, arguments)
    local value, err = ihanoi.db.value(name, arguments)

    if err then
        ihanoi.log.error(name, err)
    end

    return value, err
end


-- The rows of a function; none when the database is away.
function _M.rows(name, arguments)
    local rows, err = ihanoi.db.call(name, arguments)

    if err then
        ihanoi.log.error(name, err)
    end

    return rows or {}
end


return _M
