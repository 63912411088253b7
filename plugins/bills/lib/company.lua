-- Signed requests to the companies: HMAC-SHA256 in hex, of a request over its method,
-- path (below the backend), time, nonce and body, of an answer over its status, the
-- request's nonce and its body, each on a line of its own. So an answer is to this
-- request, by the company, and whole; anything else is none.

local _M = {}


function _M.patience()
    return math.max(math.min(ihanoi.plugin.settings().patience,
                             ihanoi.request.time_left() - 0.5), 0.1)
end


-- Asks a company. value is what the body is, nil for none. The object that is
-- answered; nil and an error as of ihanoi.backend.request(), or "signature", "answer".
function _M.ask(backend, key, method, path, value, base)
    local body = value and assert(ihanoi.json.encode(value)) or ""
    local at = ("%d"):format(ihanoi.time.now())
    local nonce = ihanoi.crypto.random(16, "hex")
    local signed = table.concat({ method, path, at, nonce, body }, "\n")

    local response, err = ihanoi.backend.request(backend, {
        method = method,
        path = (base or "") .. path,
        body = value and body,
        timeout = _M.patience(),
        headers = {
            ["Content-Type"] = value and "application/json" or nil,
            ["X-Time"] = at,
            ["X-Nonce"] = nonce,
            ["X-Signature"] = ihanoi.crypto.hmac("sha256", key, signed),
        },
    })

    if not response then
        return nil, err
    end

    local mine = ihanoi.crypto.hmac("sha256", key,
        table.concat({ ("%d"):format(response.status), nonce, response.body }, "\n"))

    if not ihanoi.crypto.equal(mine, (response.headers["x-signature"] or ""):lower()) then
        return nil, response.status == 200 and "signature" or "answer " .. response.status
    end

    local answer = response.status == 200 and response.json()

    if type(answer) ~= "table" then
        return nil, "answer"
    end

    return answer
end


-- What a company tells of its own accord: { payload = JSON as a text, signature }. The
-- payload's object, once its signature is good; nil and "signature" or "form".
function _M.notice(key, payload, signature)
    if not ihanoi.crypto.equal(ihanoi.crypto.hmac("sha256", key, payload), signature:lower()) then
        return nil, "signature"
    end

    local value = ihanoi.json.decode(payload)

    if type(value) ~= "table" or not ihanoi.uuid.valid(tostring(value.reference)) then
        return nil, "form"
    end

    return value
end


local function word(value)
    return type(value) == "string" and value:match("^[%w._-]+$") and #value <= 64
end


-- What an answer or a notice says of an order: { outcome, receipt, why } where outcome
-- is "done", "refused", "pending" or "unknown"; nil and "answer" when it makes no sense
-- or is of another order.
function _M.outcome(answer, reference)
    if answer.reference ~= reference then
        return nil, "answer"
    elseif answer.state == "done" and word(answer.receipt) then
        return { outcome = "done", receipt = answer.receipt }
    elseif answer.state == "refused" then
        return { outcome = "refused", why = word(answer.code) and answer.code or "refused" }
    elseif answer.state == "pending" or answer.state == "unknown" then
        return { outcome = answer.state }
    end

    return nil, "answer"
end


return _M
