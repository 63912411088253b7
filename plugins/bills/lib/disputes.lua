-- Disputes of bills, from the citizen to the company and back. As lib/orders.lua, but
-- nothing is lost when a dispute is forwarded twice.

local evn = require("lib.evn")

local _M = {}


local function apply(id, said)
    return ihanoi.db.value("dispute_told",
        { id = id, said = said.said, answer = said.answer, at = said.at })
end


-- Looks after a dispute, the one that is due or the one named: forwards it, or asks for
-- its answer. True when there was one; nil and an error of the database.
function _M.work(which)
    local settings = ihanoi.plugin.settings()

    if ihanoi.request.time_left() < settings.patience + 1 then
        return false
    end

    local it, err = ihanoi.db.one("dispute_due",
        { step = settings.step, days = settings.dispute_days, which = which })

    if err then
        return nil, err
    elseif not it then
        return false
    end

    local ask = it.state == "opened" and evn.dispute or evn.dispute_read
    local said, why = ask(it)

    if not said then
        ihanoi.log.warn("evn does not say what became of dispute " .. it.id, why)
        return true
    end

    local _, failed = apply(it.id, said)

    if failed then
        ihanoi.log.error("dispute " .. it.id .. ": what evn says is not written down", failed)
    end

    return true
end


-- The company has told of a dispute: true; nil when there is none; nil and what
-- ihanoi.response.problem() takes.
function _M.told(value)
    local said = evn.dispute_said(value, value.reference)

    if not said then
        return nil, "notice-unclear"
    end

    local it, err = apply(value.reference, said)

    return it and true, err
end


return _M
