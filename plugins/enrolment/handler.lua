-- Enrolment: a function for each operation of openapi.json that is not SQL alone,
-- and for each job. What is decided stands in sql/ and migrations/.

local call = require("lib.call")
local child = require("lib.child")

local PATH = "/v1/enrolment/"

local _M = {}


local function subject()
    return ihanoi.request.caller().subject
end


-- Whether the caller is the city's office, which has all schools' applications.
local function office()
    return ihanoi.request.has_scope("enrolment:office")
end


-- What a guardian says in an application. Texts are stored as they are compared.
local function words(input)
    return {
        guardian = subject(),
        child_name = ihanoi.text.nfc(input.child_name),
        born = input.born,
        ward = input.ward,
        street = input.street and ihanoi.text.nfc(input.street),
        facts = input.facts,
        evidence = input.evidence,
        choices = input.choices,
    }
end


-- POST /v1/enrolment/rounds/{id}/applications
function _M.application_submit(input)
    local said = words(input)

    said.id = ihanoi.uuid.v7()
    said.round = input.id
    said.child = child.key_of(input.child_number)
    said.most = ihanoi.plugin.settings().applications_each

    local status, answer, headers = call.answer(201, "application_submit", said)

    if status == 201 then
        ihanoi.metric.add("submitted_total")
    end

    return status, answer, headers
end


-- POST /v1/enrolment/applications/{id}/correct
function _M.application_correct(input)
    local said = words(input)

    said.id = input.id
    return call.answer(200, "application_correct", said)
end


local function answered(answer)
    return function(input)
        return call.answer(200, "application_answer",
                           { id = input.id, guardian = subject(), answer = answer })
    end
end

-- POST /v1/enrolment/applications/{id}/confirm, decline, withdraw
_M.application_confirm = answered("confirm")
_M.application_decline = answered("decline")
_M.application_withdraw = answered("withdraw")


-- POST /v1/enrolment/applications/{id}/appeals
function _M.appeal_open(input)
    return call.answer(201, "appeal_open", {
        id = ihanoi.uuid.v7(),
        application = input.id,
        guardian = subject(),
        text = ihanoi.text.nfc(input.text),
        key = ihanoi.request.idempotency_key(),
    })
end


-- GET /v1/enrolment/desk/applications: in a transaction that writes, because who
-- reads is written down by the same statement.
function _M.desk_list(input)
    return call.answer(200, "desk_list", {
        round = input.round,
        subject = subject(),
        office = office(),
        state = input.state,
        school = input.school,
        cursor = input.cursor,
        page_size = input.limit,
    })
end


-- GET /v1/enrolment/desk/applications/{id}
function _M.desk_read(input)
    return call.answer(200, "desk_read",
                       { id = input.id, subject = subject(), office = office() })
end


local function decide(decision, input)
    return call.answer(200, "desk_decide", {
        id = input.id,
        subject = subject(),
        office = office(),
        decision = decision,
        reason = input.reason and ihanoi.text.nfc(input.reason),
        child = input.child_number and child.key_of(input.child_number),
    })
end


-- POST /v1/enrolment/desk/applications/{id}/verify, return, refuse
function _M.desk_verify(input) return decide("verify", input) end
function _M.desk_return(input) return decide("return", input) end
function _M.desk_refuse(input) return decide("refuse", input) end


-- GET /v1/enrolment/desk/appeals
function _M.appeal_list(input)
    return call.answer(200, "appeal_list", {
        round = input.round,
        subject = subject(),
        cursor = input.cursor,
        page_size = input.limit,
    })
end


-- POST /v1/enrolment/desk/appeals/{id}/decide
function _M.appeal_decide(input)
    return call.answer(200, "appeal_decide", {
        id = input.id,
        subject = subject(),
        outcome = input.outcome,
        answer = ihanoi.text.nfc(input.answer),
        facts = input.facts,
    })
end


-- PUT /v1/enrolment/years/{year}
function _M.year_put(input)
    return call.answer(200, "year_put", input)
end


-- PUT /v1/enrolment/years/{year}/levels/{level}
function _M.level_put(input)
    return call.answer(200, "level_put", input)
end


-- PUT /v1/enrolment/schools/{code}
function _M.school_put(input)
    return call.answer(200, "school_put", input)
end


-- PUT /v1/enrolment/schools/{code}/zones/{year}/{level}
function _M.zones_put(input)
    return call.answer(200, "zones_put", {
        school = input.code, year = input.year, level = input.level, zones = input.zones,
    })
end


-- POST /v1/enrolment/rounds
function _M.round_create(input)
    input.id = ihanoi.uuid.v7()
    input.key = subject() .. " " .. ihanoi.request.idempotency_key()

    local round, err = ihanoi.db.value("round_create", input)

    if err then
        return ihanoi.response.problem(err)
    end

    return 201, round, { Location = PATH .. "rounds/" .. round.id }
end


-- PUT /v1/enrolment/rounds/{id}/places
function _M.places_put(input)
    return call.answer(200, "places_put", { round = input.id, places = input.places })
end


-- POST /v1/enrolment/rounds/{id}/close
function _M.round_close(input)
    return call.answer(200, "round_close", input)
end


-- POST /v1/enrolment/rounds/{id}/allocations
function _M.allocation_request(input)
    return call.answer(202, "allocation_request",
                       { id = ihanoi.uuid.v7(), round = input.id, subject = subject() })
end


-- POST /v1/enrolment/allocations/{id}/publish
function _M.allocation_publish(input)
    return call.answer(202, "allocation_publish", { id = input.id, subject = subject() })
end


-- Does work() until it gives false, fails, or time is short: what is left is for
-- the next run.
local function while_there_is_time(work)
    while ihanoi.request.time_left() > 10 do
        local more, err = work()

        if err then
            return nil, err
        elseif not more then
            break
        end
    end

    return true
end


-- The job "allocate": steps of allocations, each a transaction of its own. One that
-- cannot go on does not keep those of other rounds.
function _M.allocate_job()
    local step = ihanoi.plugin.settings().step
    local failed = ihanoi.json.array({})
    local why

    local done, err = while_there_is_time(function()
        local id, away = ihanoi.db.value("allocation_next", { failed = failed })

        if not id then
            return false, away
        end

        local _, wrong = ihanoi.db.value("allocation_step", { id = id, budget = step })

        if wrong then
            failed[#failed + 1] = id
            why = wrong
        end

        return true
    end)

    if why or err then
        return nil, why or err
    end

    return done
end


-- The job "offers": ends those whose time is over, and offers what is free.
function _M.offers_job()
    return while_there_is_time(function()
        local lapsed, err = ihanoi.db.value("offers_lapse", { n = 200 })

        if err then
            return false, err
        end

        ihanoi.metric.add("lapsed_total", lapsed)

        if lapsed > 0 then
            return true     -- all of them first: who waits may wish one of the others more
        end

        local offered, why = ihanoi.db.value("vacancies_fill", { n = 200 })

        if why then
            return false, why
        end

        ihanoi.metric.add("offers_total", offered)
        return offered > 0
    end)
end


return _M
