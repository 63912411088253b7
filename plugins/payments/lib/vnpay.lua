-- VNPAY: the payer is sent to a signed URL; the result comes by IPN, by the
-- payer's way back, or when asked for. Amounts are ×100, times are Hà Nội's,
-- signatures HMAC-SHA512 in hex.
--
-- What an adapter has is in lib/gateways.lua. Names and orders of parameters
-- are the scheme's.

local call = require("lib.call")

local _M = {}

local VERSION = "2.1.0"

-- Of a payment: it has not been made and will not be. What is not known decides nothing,
-- nor does what is: 01 is not finished, 04 reversed, 07 taken under suspicion.
local FAILED = { ["09"] = true, ["10"] = true, ["11"] = true, ["12"] = true, ["13"] = true,
    ["24"] = true, ["51"] = true, ["65"] = true, ["75"] = true, ["79"] = true }

-- The status of a transaction that was not made.
local NOT_MADE = "02"


local function encode(text)
    return (text:gsub("[^%w%*%-%._]", function(c)
        return c == " " and "+" or ("%%%02X"):format(c:byte())
    end))
end


local function decode(text)
    return (text:gsub("%+", " "):gsub("%%(%x%x)", function(digits)
        return string.char(tonumber(digits, 16))
    end))
end


-- The scheme's parameters of a query, whatever it adds to them in time, or nil when
-- one stands twice.
local function parameters_of(query)
    local parameters = {}

    for pair in query:gmatch("[^&]+") do
        local sign = pair:find("=", 1, true) or #pair + 1
        local name = decode(pair:sub(1, sign - 1))

        if name:sub(1, 4) == "vnp_" then
            if parameters[name] then
                return nil
            end

            parameters[name] = decode(pair:sub(sign + 1))
        end
    end

    return parameters
end


-- Parameters as a query, sorted by name, without empty ones: what is signed.
local function query_of(parameters)
    local names, parts = {}, {}

    for name, value in pairs(parameters) do
        if value ~= "" then
            names[#names + 1] = name
        end
    end

    table.sort(names)

    for i, name in ipairs(names) do
        parts[i] = encode(name) .. "=" .. encode(parameters[name])
    end

    return table.concat(parts, "&")
end


local function mac(text)
    return ihanoi.crypto.hmac("sha512", ihanoi.plugin.secret("vnpay_secret"), text)
end


-- Seconds since 1970 as 20261124180000, and back to a text with an offset.
local function stamp(seconds)
    return (ihanoi.time.format(seconds):gsub("%D", ""):sub(1, 14))
end


local function instant(text)
    local at = (text or ""):gsub("^(%d%d%d%d)(%d%d)(%d%d)(%d%d)(%d%d)(%d%d)$",
                                 "%1-%2-%3T%4:%5:%6+07:00")

    return ihanoi.time.parse(at) and at or nil
end


-- Letters, digits and spaces: all that the scheme is sure to carry.
local function plain(text, length)
    local latin = ihanoi.text.unaccent(text) or ""

    return latin:gsub("[^%w ]", " "):sub(1, length)
end


-- Đồng of the scheme's hundredths; nil when it is no whole number of them.
local function dong(text)
    if not (text or ""):match("^[1-9]%d*00$") or #text > 15 then
        return nil
    end

    return tonumber(text) / 100
end


local function outcome(code, status)
    if code == "00" and (status == nil or status == "" or status == "00") then
        return "paid"
    end

    return (FAILED[code] or code == "00" and status == NOT_MADE) and "failed" or "pending"
end


function _M.checkout(intent)
    local settings = ihanoi.plugin.settings()
    local parameters = {
        vnp_Version = VERSION,
        vnp_Command = "pay",
        vnp_TmnCode = settings.vnpay_terminal,
        vnp_Amount = ("%d"):format(intent.amount * 100),
        vnp_CreateDate = stamp(ihanoi.time.parse(intent.created_at)),
        vnp_CurrCode = "VND",
        vnp_ExpireDate = stamp(ihanoi.time.parse(intent.expires_at)),
        vnp_IpAddr = settings.vnpay_address,
        vnp_Locale = intent.language == "en" and "en" or "vn",
        vnp_OrderInfo = plain(intent.description, 255),
        vnp_OrderType = "other",
        vnp_ReturnUrl = settings.vnpay_return,
        vnp_TxnRef = intent.number,
    }
    local query = query_of(parameters)

    return { url = settings.vnpay_url .. "?" .. query
                   .. "&vnp_SecureHash=" .. mac(query) }
end


-- What an IPN or a way back says in its query; nil and "signature" when it is not
-- VNPAY's, nil and "form" when it is, and makes no sense.
function _M.notice(query)
    local parameters = parameters_of(query)

    if not parameters then
        return nil, "signature"
    end

    local hash = (parameters.vnp_SecureHash or ""):lower()

    parameters.vnp_SecureHash = nil
    parameters.vnp_SecureHashType = nil

    if not ihanoi.crypto.equal(hash, mac(query_of(parameters))) then
        return nil, "signature"
    end

    if parameters.vnp_TmnCode ~= ihanoi.plugin.settings().vnpay_terminal then
        return nil, "terminal"
    end

    local notice = {
        number = parameters.vnp_TxnRef,
        outcome = outcome(parameters.vnp_ResponseCode,
                          parameters.vnp_TransactionStatus),
        amount = dong(parameters.vnp_Amount),
        transaction = parameters.vnp_TransactionNo,
        paid_at = instant(parameters.vnp_PayDate),
    }

    if not (notice.number or ""):match("^[ -~]+$") or not notice.amount
       or not (parameters.vnp_ResponseCode or ""):match("^%d%d$")
       or notice.outcome == "paid" and not (notice.transaction or ""):match("^[1-9]%d*$")
    then
        return nil, "form"
    end

    return notice
end


-- Asks the gateway, and believes the answer when it is signed. Fields are
-- joined by "|" in a fixed order: one that holds such a sign could be read as
-- two, so there is none.
local function ask(fields, order, answer_order)
    local parts = {}

    for i, name in ipairs(order) do
        parts[i] = fields[name]
    end

    fields.vnp_SecureHash = mac(table.concat(parts, "|"))

    local answer, err = call.post("vnpay", "/merchant_webapi/api/transaction", fields)

    if not answer then
        return nil, err
    end

    for i, name in ipairs(answer_order) do
        local value = answer[name]

        if type(value) == "number" then
            value = ("%d"):format(value)
        elseif type(value) ~= "string" then
            value = ""
        end

        if value:find("|", 1, true) then
            return nil, "answer"
        end

        answer[name] = value
        parts[i] = value
    end

    local text = table.concat(parts, "|", 1, #answer_order)

    if type(answer.vnp_SecureHash) ~= "string"
       or not ihanoi.crypto.equal(answer.vnp_SecureHash:lower(), mac(text))
       or answer.vnp_TxnRef ~= "" and answer.vnp_TxnRef ~= fields.vnp_TxnRef
    then
        return nil, "signature"
    end

    return answer
end


local QUERY = { "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode",
    "vnp_TxnRef", "vnp_TransactionDate", "vnp_CreateDate", "vnp_IpAddr",
    "vnp_OrderInfo" }

local QUERY_ANSWER = { "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode",
    "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount", "vnp_BankCode",
    "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType",
    "vnp_TransactionStatus", "vnp_OrderInfo", "vnp_PromotionCode",
    "vnp_PromotionAmount" }


function _M.query(intent)
    local settings = ihanoi.plugin.settings()
    local answer, err = ask({
        vnp_RequestId = ihanoi.crypto.random(16, "hex"),
        vnp_Version = VERSION,
        vnp_Command = "querydr",
        vnp_TmnCode = settings.vnpay_terminal,
        vnp_TxnRef = intent.number,
        vnp_TransactionDate = stamp(intent.created_at),
        vnp_CreateDate = stamp(ihanoi.time.now()),
        vnp_IpAddr = settings.vnpay_address,
        vnp_OrderInfo = "query " .. intent.number,
    }, QUERY, QUERY_ANSWER)

    if not answer then
        return nil, err
    end

    -- 91: nobody has opened the URL.
    if answer.vnp_ResponseCode == "91" then
        return { outcome = "open" }
    elseif answer.vnp_ResponseCode ~= "00" then
        return nil, "answer " .. answer.vnp_ResponseCode
    end

    local status = answer.vnp_TransactionStatus

    if status == "00" then
        local amount = dong(answer.vnp_Amount)

        if not amount or not answer.vnp_TransactionNo:match("^[1-9]%d*$") then
            return nil, "answer"
        end

        return { outcome = "paid", amount = amount,
                 transaction = answer.vnp_TransactionNo,
                 paid_at = instant(answer.vnp_PayDate) }
    end

    return { outcome = status == "01" and "open" or outcome("00", status) }
end


local REFUND = { "vnp_RequestId", "vnp_Version", "vnp_Command", "vnp_TmnCode",
    "vnp_TransactionType", "vnp_TxnRef", "vnp_Amount", "vnp_TransactionNo",
    "vnp_TransactionDate", "vnp_CreateBy", "vnp_CreateDate", "vnp_IpAddr",
    "vnp_OrderInfo" }

local REFUND_ANSWER = { "vnp_ResponseId", "vnp_Command", "vnp_ResponseCode",
    "vnp_Message", "vnp_TmnCode", "vnp_TxnRef", "vnp_Amount", "vnp_BankCode",
    "vnp_PayDate", "vnp_TransactionNo", "vnp_TransactionType",
    "vnp_TransactionStatus", "vnp_OrderInfo" }

-- The request was understood and not done. All other codes may mean anything.
local REFUSED = { ["02"] = true, ["03"] = true, ["91"] = true, ["95"] = true,
                  ["97"] = true }

-- Of a refund whose request was taken: it is done, or on its way by the bank. What any
-- other status means of the money, as 09 (the bank has refused it), people find out.
local GIVEN = { [""] = true, ["00"] = true, ["05"] = true, ["06"] = true }


-- The same vnp_RequestId is refused as a duplicate for some minutes only, and
-- nothing tells two refunds of one payment apart: what is unclear is not sent
-- again but waits for the file of the day, or for people.
function _M.refund(refund)
    local settings = ihanoi.plugin.settings()
    local answer, err = ask({
        vnp_RequestId = refund.number,
        vnp_Version = VERSION,
        vnp_Command = "refund",
        vnp_TmnCode = settings.vnpay_terminal,
        vnp_TransactionType = refund.whole and "02" or "03",
        vnp_TxnRef = refund.intent_number,
        vnp_Amount = ("%d"):format(refund.amount * 100),
        vnp_TransactionNo = refund.transaction,
        vnp_TransactionDate = stamp(refund.intent_created_at),
        vnp_CreateBy = "iHaNoi",
        vnp_CreateDate = stamp(ihanoi.time.now()),
        vnp_IpAddr = settings.vnpay_address,
        vnp_OrderInfo = "refund " .. refund.number,
    }, REFUND, REFUND_ANSWER)

    if not answer then
        return nil, err
    end

    local code, status = answer.vnp_ResponseCode, answer.vnp_TransactionStatus

    if code == "00" and GIVEN[status] then
        return { outcome = "done", transaction = answer.vnp_TransactionNo }
    end

    return { outcome = REFUSED[code] and "refused" or "unclear",
             why = "answer " .. code .. (status ~= "" and ", status " .. status or "") }
end


return _M
