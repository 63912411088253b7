-- The contact book. What is read is read by functions of sql/, named in openapi.json;
-- here are the operations that change something. Who may do what stands in
-- migrations/0004_audit.sql and 0005_isolation.sql.

local roster = require("lib.roster")
local step = require("lib.step")

-- Without letters and digits that look alike: 32 of them, so a byte has no favourite.
local LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"

local _M = {}


local function settings()
    return ihanoi.plugin.settings()
end


-- The key of a POST, which is one of its operation: what is said or asked for under it is so
-- once.
local function once()
    return { key = ihanoi.request.operation() .. " " .. ihanoi.request.idempotency_key() }
end


local function message()
    return { an_hour = settings().messages_an_hour, key = once().key }
end


_M.school_put = step.handler("school_put", 200, { "name" })
_M.administrator_put = step.handler("administrator_put", 200)
_M.link_decide = step.handler("link_decide", 200, { "reason" })
_M.link_withdraw = step.handler("link_withdraw", 200)
_M.marks_put = step.handler("marks_put", 200)
_M.attendance_put = step.handler("attendance_put", 200)
_M.notice_publish = step.handler("notice_publish", 201, { "title", "text" }, once)
_M.notice_read = step.handler("notice_read", 200)
_M.thread_open = step.handler("thread_open", 201, { "title", "text" }, message)
_M.message_send = step.handler("message_send", 201, { "text" }, message)
_M.leave_ask = step.handler("leave_ask", 201, { "reason" }, once)
_M.leave_decide = step.handler("leave_decide", 200, { "answer" })
_M.leave_withdraw = step.handler("leave_withdraw", 200)


-- PUT /v1/school/students/{student}/link-code: told once, here; the database has its hash.
function _M.link_code_put(input)
    local code = ihanoi.crypto.random(12, "raw"):gsub(".", function(byte)
        local i = byte:byte() % 32 + 1
        return LETTERS:sub(i, i)
    end)

    input.hash = ihanoi.crypto.sha256(code)
    input.days = input.days or settings().link_code_days
    input.caller = step.caller()

    local document, err = ihanoi.db.value("select link_code_put($1, $2, $3, $4, $5)",
        { input.caller, input.student, input.kind, input.days, input.hash })

    if err then
        return ihanoi.response.problem(err)
    elseif not document then
        return nil
    end

    document.code = code

    return 200, document
end


-- POST /v1/school/links
function _M.link_ask(input)
    local code = input.code and input.code:upper():gsub("[^A-Z0-9]", "")
    local row, err = ihanoi.db.one("link_ask", {
        caller = step.caller(),
        school = input.school,
        student_code = input.student_code,
        kind = input.kind,
        hash = code and ihanoi.crypto.sha256(code),
        attempts = settings().link_codes_a_day,
        waits = settings().links_waiting,
        key = once().key,
    })

    if err then
        return ihanoi.response.problem(err)
    elseif row.code then
        return ihanoi.response.problem(row.code, row.members)
    end

    return 201, row.document
end


-- PUT /v1/school/schools/{school}/years/{year}/roster
function _M.roster_import(input)
    local caller = step.caller()
    local key, err = ihanoi.db.one("roster_key", { caller = caller, school = input.school })

    if err then
        return ihanoi.response.problem(err)
    elseif not key then
        return nil
    elseif not key.import_key then
        return ihanoi.response.problem("import-key-missing")
    end

    local claims, why = roster.verify(input.signature, key.import_key, input.content,
                                      input.school, input.year)

    if not claims then
        ihanoi.log.warn("a roster of " .. input.school .. " was refused: " .. why)
        ihanoi.metric.add("imports_total", 1, { outcome = "signature" })

        return ihanoi.response.problem("import-signature")
    end

    local rows, line, fault = roster.rows(input.format, input.content)

    if not rows then
        ihanoi.metric.add("imports_total", 1, { outcome = "faulty" })

        return ihanoi.response.problem("roster-faulty", {
            count = 1, faults = { { line = line, field = "", fault = fault } },
        })
    end

    local document
    document, err = ihanoi.db.json("roster_import", {
        caller = caller,
        school = input.school,
        year = input.year,
        sequence = claims.sequence,
        digest = claims.sha256,
        issuer = caller.iss,
        may_end = claims.may_end,
        rows = rows,
    })

    if err then
        ihanoi.metric.add("imports_total", 1,
                          { outcome = err.code == "roster-faulty" and "faulty" or "refused" })

        return ihanoi.response.problem(err)
    elseif document then
        ihanoi.metric.add("imports_total", 1, { outcome = "taken" })

        return 200, document
    end
end


return _M
