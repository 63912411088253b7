-- Monthly bus passes. What is decided stands in sql/ and migrations/; what is left
-- to Lua is the order of asking the timetable and the payments.

local passes = require("lib.passes")

-- As many as a run has time for where payments is slow: a pass takes three calls, but for
-- the rare one of which a part was refused. It is found paid for nothing, its money goes
-- back, and payments is asked whether that was all.
local SWEEP = 10

local _M = {}


-- POST /v1/bus-passes
function _M.pass_buy(input)
    local sale, refused = passes.buy(input)

    if not sale then
        return ihanoi.response.problem(refused)
    end

    return 201, sale, { Location = "/v1/bus-passes/" .. sale.pass.id }
end


-- POST /v1/bus-passes/{id}/cancel
function _M.pass_cancel(input)
    local pass, refused = passes.cancel(input.id)

    if refused then
        return ihanoi.response.problem(refused)
    elseif pass then
        return 200, pass
    end
end


-- Event payments.changed, which is told of every service's payments.
function _M.payment_changed(event)
    if event.payload.service == "bus_pass" then
        return passes.look(event.key)
    end
end


-- Event person.erased
function _M.person_erased(event)
    return passes.person_forget(event.payload.subject, event.payload.at)
end


-- Job "sweep", each minute, and at once while much is left.
function _M.sweep()
    local done, err = passes.sweep(SWEEP)

    if not done then
        return nil, err
    end

    local forgotten, why = passes.forget_erased()

    return done == SWEEP and "again" or forgotten, why
end


return _M
