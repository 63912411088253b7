-- Codes of the electricity company's customers, typed or read from a bill's QR code.

local pasted = require("lib.pasted")
local qr = require("lib.qr")

local _M = {}

-- Where a bill's code has it is not certain: the customer, the bill, the reference, the
-- purpose, in this order.
local TAGS = { "06", "01", "05", "08" }


-- A code as the company has it; nil when the setting's pattern says it is none.
function _M.code(text)
    local code = pasted.plain(text):gsub("[ .-]", ""):upper()

    return code:match(ihanoi.plugin.settings().customer_pattern) and code or nil
end


-- The code in a QR code; nil and a reason: one of qr.read(), or "customer".
function _M.scanned(text)
    local fields, why = qr.read(text)

    if not fields then
        return nil, why
    end

    for _, tag in ipairs(TAGS) do
        local code = fields["62"] and fields["62"][tag] and _M.code(fields["62"][tag])

        if code then
            return code
        end
    end

    return nil, "customer"
end


return _M
