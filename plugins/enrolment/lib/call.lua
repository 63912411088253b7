-- Functions of the database as answers: each is one transaction, and decides.

local _M = {}


-- Calls a function that gives a document, and answers with it: 404 when it gives
-- null, the problem that it refuses with. What may have been done although no
-- answer came is for the client to ask again: all of them may be asked twice.
function _M.answer(status, name, arguments)
    local document, err = ihanoi.db.json(name, arguments)

    if err then
        return ihanoi.response.problem(err)
    elseif document then
        return status, document
    end
end


return _M
