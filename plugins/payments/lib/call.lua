-- Requests to gateways, each with as much patience as the operator has, or as
-- there is time left.

local _M = {}


function _M.patience()
    return math.max(math.min(ihanoi.plugin.settings().patience,
                             ihanoi.request.time_left() - 0.5), 0.1)
end


-- Posts a value as JSON. The object that is answered; nil and an error as of
-- ihanoi.backend.request(), "answer" when it is none.
function _M.post(gateway, path, value)
    local response, err = ihanoi.backend.post(gateway, path,
        { json = value, timeout = _M.patience() })

    if not response then
        return nil, err
    end

    local answer = response.status == 200 and response.json()

    if type(answer) ~= "table" then
        return nil, "answer"
    end

    return answer
end


return _M
