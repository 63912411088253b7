-- MoMo: an order is made at the gateway, which gives a URL to pay at; the
-- result comes by callback or when asked for. Signatures are HMAC-SHA256 in hex
-- over "name=value" in the order of the names, values as they are.
--
-- What an adapter has is in lib/gateways.lua.

local call = require("lib.call")

local _M = {}

local CREATE = { "accessKey", "amount", "extraData", "ipnUrl", "orderId",
    "orderInfo", "partnerCode", "redirectUrl", "requestId", "requestType" }

local NOTICE = { "accessKey", "amount", "extraData", "message", "orderId",
    "orderInfo", "orderType", "partnerCode", "payType", "requestId",
    "responseTime", "resultCode", "transId" }

local QUERY = { "accessKey", "orderId", "partnerCode", "requestId" }

local REFUND = { "accessKey", "amount", "description", "orderId",
    "partnerCode", "requestId", "transId" }

-- Of a payment: it has begun, is being worked on, or is authorized. Of a
-- request: what says nothing about the payment it asks for.
local UNDECIDED = { [1000] = true, [7000] = true, [7002] = true, [9000] = true }

-- Of a payment: it has not been made and will not be.
local FAILED = { [1001] = true, [1002] = true, [1003] = true, [1004] = true,
    [1005] = true, [1006] = true, [1007] = true, [1017] = true, [1026] = true,
    [4001] = true, [4100] = true }

-- Of a refund: it was understood and is not done.
local REFUSED = { [20] = true, [21] = true, [22] = true, [42] = true,
    [1080] = true, [1081] = true, [1088] = true }

-- No such order.
local NONE = 42


-- A fraction stays one, since nobody has signed it.
local function text(value)
    return type(value) == "number" and value % 1 == 0 and ("%d"):format(value) or value
end


-- The signature of values by the names of a list; nil when one is no text or whole
-- number, or has an "&" in it: it could be read as two.
local function sign(names, values)
    local parts = {}

    for i, name in ipairs(names) do
        local value = text(values[name])

        if type(value) ~= "string" or value:find("&", 1, true) then
            return nil
        end

        parts[i] = name .. "=" .. value
    end

    return ihanoi.crypto.hmac("sha256", ihanoi.plugin.secret("momo_secret"),
                              table.concat(parts, "&"))
end


local function plain(value, length)
    return (ihanoi.text.truncate(value:gsub("[&=%c]", " "), length))
end


-- Posts a signed request; its answer, or nil and an error as of
-- ihanoi.backend.request(), "answer" when it is none.
local function ask(path, names, body)
    local settings = ihanoi.plugin.settings()

    body.accessKey = settings.momo_access_key
    body.partnerCode = settings.momo_partner
    body.lang = body.lang or "vi"
    body.signature = sign(names, body)
    body.accessKey = nil

    local answer, err = call.post("momo", "/v2/gateway/api/" .. path, body)

    if not answer then
        return nil, err
    elseif type(answer.resultCode) ~= "number" or answer.orderId ~= body.orderId then
        return nil, "answer"
    end

    return answer
end


-- The same order with the same request again is the same order.
function _M.checkout(intent)
    local settings = ihanoi.plugin.settings()
    local answer, err = ask("create", CREATE, {
        requestId = intent.number,
        orderId = intent.number,
        amount = intent.amount,
        orderInfo = plain(intent.description, 200),
        redirectUrl = settings.momo_return,
        ipnUrl = settings.momo_callback,
        extraData = "",
        requestType = "captureWallet",
        lang = intent.language,
    })

    if not answer then
        return nil, err
    end

    if answer.resultCode ~= 0 or answer.amount ~= intent.amount
       or type(answer.payUrl) ~= "string" or not answer.payUrl:match("^https?://")
    then
        return nil, "answer " .. text(answer.resultCode)
    end

    return { url = answer.payUrl }
end


-- What a callback says; nil and "signature" when it is not MoMo's, nil and
-- "form" when it is, and makes no sense.
function _M.notice(body)
    local settings = ihanoi.plugin.settings()

    if type(body) ~= "table" or type(body.signature) ~= "string" then
        return nil, "signature"
    end

    body.accessKey = settings.momo_access_key

    local mine = sign(NOTICE, body)

    if not mine or not ihanoi.crypto.equal(mine, body.signature:lower()) then
        return nil, "signature"
    end

    local code, amount = body.resultCode, body.amount

    if body.partnerCode ~= settings.momo_partner or type(code) ~= "number"
       or type(amount) ~= "number" or amount < 1
       or code == 0 and not text(body.transId):match("^[1-9]%d*$")
    then
        return nil, "form"
    end

    return {
        number = body.orderId,
        outcome = code == 0 and "paid" or FAILED[code] and "failed" or "pending",
        amount = amount,
        transaction = text(body.transId),
        paid_at = type(body.responseTime) == "number"
                  and ihanoi.time.format(body.responseTime / 1000) or nil,
    }
end


function _M.query(intent)
    local answer, err = ask("query", QUERY, {
        requestId = ihanoi.crypto.random(16, "hex"),
        orderId = intent.number,
    })

    if not answer then
        return nil, err
    end

    local code = answer.resultCode

    if code == 0 then
        local transaction = text(answer.transId)

        if type(answer.amount) ~= "number" or type(transaction) ~= "string"
           or not transaction:match("^[1-9]%d*$")
        then
            return nil, "answer"
        end

        return { outcome = "paid", amount = answer.amount, transaction = transaction,
                 paid_at = type(answer.responseTime) == "number"
                           and ihanoi.time.format(answer.responseTime / 1000) or nil }
    end

    -- 1000: the payer has not done anything yet.
    if code == NONE or code == 1000 then
        return { outcome = "open" }
    elseif UNDECIDED[code] then
        return { outcome = "pending" }
    elseif FAILED[code] then
        return { outcome = "failed" }
    end

    return nil, "answer " .. text(code)
end


local function ended(answer)
    local code = answer.resultCode

    if code == 0 then
        return { outcome = "done", transaction = text(answer.transId) }
    end

    return { outcome = REFUSED[code] and "refused" or "unclear",
             why = "answer " .. text(code) }
end


-- A refund's own number is its order and request at the gateway: one with a
-- number that is known there is not made again.
function _M.refund(refund)
    local answer, err = ask("refund", REFUND, {
        requestId = refund.number,
        orderId = refund.number,
        amount = refund.amount,
        transId = tonumber(refund.transaction),
        description = plain(refund.reason, 200),
    })

    if not answer then
        return nil, err
    end

    return ended(answer)
end


-- What became of a refund; outcome "none" when the gateway does not know it.
function _M.refund_read(refund)
    local answer, err = ask("refund/query", QUERY, {
        requestId = ihanoi.crypto.random(16, "hex"),
        orderId = refund.number,
    })

    if not answer then
        return nil, err
    end

    return answer.resultCode == NONE and { outcome = "none" } or ended(answer)
end


return _M
