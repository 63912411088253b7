-- Consents, which the catalogue keeps.

local _M = {}


local function catalogue(name, argument)
    return ihanoi.interface.call("catalogue", "consents", name, argument)
end


-- True when a person, else who is calling, has agreed to a purpose as it is today; nil, a
-- problem's code and its members otherwise.
function _M.check(purpose, person)
    local consent, err = catalogue("consent_check", { purpose = purpose, person = person })

    if not consent then
        ihanoi.log.warn("catalogue", err or "it says nothing")
        return nil, "bills-unavailable"
    elseif not consent.stands then
        return nil, "service-consent-required", consent.needed
    end

    return true
end


-- Somebody wants it no more: nothing is done for him from now on, unless he has agreed
-- again meanwhile.
local function drop(gone)
    if not gone.stands then
        local n, err = ihanoi.db.value("codes_quiet", { citizen = gone.person })

        if not n then
            return nil, err
        end
    end

    local _, err = catalogue("withdrawal_done", { id = gone.id })

    return not err or nil, err
end


-- A withdrawal, by the key of its event. True; nil and why it has to come again.
function _M.withdrawn(id)
    local gone, err = catalogue("withdrawal_read", { id = id })

    if not gone then
        return not err or nil, err
    end

    return drop(gone)
end


-- Withdrawals that no event has told of. True; nil and why.
function _M.catch_up()
    local list, err = catalogue("withdrawals", { limit = 100 })

    if not list then
        return nil, err
    end

    for _, gone in ipairs(list.items) do
        local done, why = drop(gone)

        if not done then
            return nil, why
        end
    end

    return true
end


return _M
