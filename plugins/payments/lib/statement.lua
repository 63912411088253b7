-- The file of a gateway for a day, in the form of sql/statement_rows.sql, which
-- reads it. How the gateway's own form becomes that is behind its backend.

local call = require("lib.call")

local _M = {}

local MAX_SIZE = 4 * 1024 * 1024


-- The file's text; nil and why there is none.
function _M.read(gateway, day)
    local response, err = ihanoi.backend.get(gateway, "/statement",
        { query = { date = day }, timeout = call.patience(),
          max_size = MAX_SIZE })

    if not response then
        return nil, err
    elseif response.status ~= 200 then
        return nil, "answer"
    end

    return response.body
end


return _M
