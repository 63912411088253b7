-- Functions of the database as answers: each is one transaction, and decides.

local _M = {}


-- Calls a function that gives a document, and answers with it: 404 when it gives
-- null, the problem that it refuses with. What may have been done although no
-- answer came is for the client to ask again: all of them may be asked twice.
function _M.answer(status, name, arguments, location)
    local document, err = ihanoi.db.json(name, arguments)

    if err then
        if err.sqlstate == "IH001" then
            return ihanoi.response.problem(err.code, err.members)
        end

        ihanoi.log.error(name .. ": " .. err.code .. " " .. (err.sqlstate or ""))
        return ihanoi.response.problem("enrolment-unavailable")
    elseif not document then
        return nil
    end

    return status, document, location and { Location = location }
end


-- One value of a function, for jobs: nil and a text when it failed.
function _M.value(name, arguments)
    local row, err = ihanoi.db.one(name, arguments)

    if err then
        return nil, name .. ": " .. err.code .. " " .. (err.sqlstate or "")
    end

    return row and row[name]
end


return _M
