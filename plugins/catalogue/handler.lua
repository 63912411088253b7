-- The services of the city, and the consents that people have given them: a
-- function for each operation of openapi.json and of the interface "consents".

local _M = {}


-- Services as operations show them.
local function shown(service)
    service.documentation = service.documentation or "/openapi.json"
    return service
end


-- What a service asks for, of its manifest as it stands now, or nil.
local function purpose_of(name, purpose)
    local service = ihanoi.services.find(name)

    for _, p in ipairs(service and service.purposes or {}) do
        if p.name == purpose then
            return p
        end
    end
end


local function person()
    return ihanoi.request.caller().subject
end


-- A consent with what only the gateway knows of it: is it what the service asks for?
local function with_current(consent)
    local asked = purpose_of(consent.service, consent.purpose)

    consent.current = consent.stands and asked ~= nil and asked.version == consent.version

    return consent
end


-- GET /v1/services
function _M.services_list(input)
    local all = ihanoi.services.list()
    local before = input.cursor and input.cursor:match("[.](.+)")
    local items = ihanoi.json.array({})
    local next_page = ihanoi.json.null

    table.sort(all, function(a, b) return a.name < b.name end)

    for _, service in ipairs(all) do
        if #items == input.limit then
            next_page = "service." .. items[#items].name
            break
        end

        if not before or service.name > before then
            items[#items + 1] = shown(service)
        end
    end

    return 200, { items = items, next = next_page }
end


-- GET /v1/services/{name}
function _M.services_read(input)
    local service = ihanoi.services.find(input.name)

    if not service then
        return nil
    end

    return 200, shown(service)
end


-- GET /v1/services/consents
function _M.consents_list(input)
    local rows, err = ihanoi.db.call("consent_list", {
        person = person(),
        history = input.history,
        before = input.cursor and input.cursor:match("[.](.+)"),
        n = input.limit,
    })

    if not rows then
        return ihanoi.response.problem(err)
    end

    local items = ihanoi.json.array({})

    for i = 1, math.min(#rows, input.limit) do
        items[i] = with_current(rows[i].consent)
    end

    return 200, {
        items = items,
        next = rows[input.limit + 1] and "consent." .. items[input.limit].id or ihanoi.json.null,
    }
end


-- PUT /v1/services/{name}/consents/{purpose}
function _M.consent_give(input)
    local purpose = purpose_of(input.name, input.purpose)

    if not purpose then
        return nil
    elseif purpose.version ~= input.version then
        return ihanoi.response.problem("purpose-version", { purpose = purpose })
    end

    local given, err = ihanoi.db.value("consent_give", {
        id = ihanoi.uuid.v7(),
        person = person(),
        service = input.name,
        purpose = purpose.name,
        version = purpose.version,
        title = purpose.title,
        data = purpose.data,
        assurance = ihanoi.request.caller().assurance,
        language = ihanoi.request.language(),
    })

    if err then
        return ihanoi.response.problem(err)
    elseif given.code then
        ihanoi.log.error(input.name .. ": the purpose " .. purpose.name
                         .. " has another text without another version")
        return ihanoi.response.problem(given.code)
    end

    if given.new then
        ihanoi.metric.add("consents_total", 1, { what = "given" })
    end

    return given.new and 201 or 200, with_current(given.consent)
end


-- DELETE /v1/services/{name}/consents/{purpose}: also of a service that is gone.
function _M.consent_withdraw(input)
    local withdrawn, err = ihanoi.db.value("consent_withdraw", {
        person = person(),
        service = input.name,
        purpose = input.purpose,
    })

    if err then
        return ihanoi.response.problem(err)
    elseif not withdrawn then
        return nil
    end

    if withdrawn.ended then
        ihanoi.metric.add("consents_total", 1, { what = "withdrawn" })
    end

    return 200, with_current(withdrawn.consent)
end


-- Event person.erased
function _M.person_erased(event)
    return ihanoi.db.value("person_forget", {
        person = event.payload.subject, erased_at = event.payload.at,
    })
end


-- The interface "consents". All of it is about the service that calls: which one
-- that is the gateway says.


-- Whether the caller of the request, or a person, agrees to a purpose in the words of
-- the service's present version: { stands, given_at }, or { stands = false, needed }
-- with what a person is to be asked: members of the problem service-consent-required.
function _M.consent_check(argument)
    local service = ihanoi.interface.caller()
    local caller = ihanoi.request.caller()
    local who = argument.person or caller and caller.subject
    local purpose = purpose_of(service, argument.purpose)

    if not who then
        return nil, "nobody"
    elseif not purpose then
        return nil, "purpose-unknown"
    end

    local standing, err = ihanoi.db.value("consent_standing", {
        person = who, service = service, purpose = purpose.name,
    })

    if err then
        return nil, err
    elseif standing and standing.version == purpose.version then
        return { stands = true, given_at = standing.given_at }
    end

    return {
        stands = false,
        needed = {
            service = service,
            purpose = purpose.name,
            version = purpose.version,
            text = purpose.title,
            give = ("/v1/services/%s/consents/%s"):format(service, purpose.name),
        },
    }
end


-- { id, person, purpose, version, withdrawn_at, stands, done_at }: of the event
-- catalogue.consent_withdrawn, whose key is the id. nil: not of this service.
function _M.withdrawal_read(argument)
    return ihanoi.db.value("withdrawal_read", {
        service = ihanoi.interface.caller(), id = argument.id,
    })
end


-- { items }: those not done yet, oldest first, for a service that has missed the
-- event.
function _M.withdrawals(argument)
    local rows, err = ihanoi.db.call("withdrawals_open", {
        service = ihanoi.interface.caller(), n = argument and argument.limit or 100,
    })

    if not rows then
        return nil, err
    end

    local items = ihanoi.json.array({})

    for i, row in ipairs(rows) do
        items[i] = row.withdrawal
    end

    return { items = items }
end


-- The service has dropped what it kept: the person sees it.
function _M.withdrawal_done(argument)
    return ihanoi.db.value("withdrawal_done", {
        service = ihanoi.interface.caller(), id = argument.id,
    })
end


return _M
