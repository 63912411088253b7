-- The gateways that the operator has switched on. An adapter has
--
--   checkout(intent)     what the payer needs: { url = } or { qr = }; a page to pay at is in
--                        intent.language, that of whoever asked first
--   query(intent)        { outcome, amount, transaction, paid_at } where outcome
--                        is "paid", "failed", "pending" (being worked on), or
--                        "open" (nobody has paid, so it may expire)
--   asks_twice(intent)   whether that is two questions; only of those where it may be
--   refund(refund)       { outcome, transaction, why } where outcome is "done",
--                        "refused" (it is not done and will not be), "unclear"
--   refund_read(refund)  the same and "none"; only of gateways that can tell
--                        refunds apart and refuse one twice: at others, what is
--                        unclear is left to people
--
-- or nil and a text: that of ihanoi.backend.request(), "signature" when the answer
-- is not the gateway's, "answer" when it is none. Amounts are đồng; an intent is as
-- intent_document() has it, or as intents_due() gives it; a refund as
-- refunds_due().

local ADAPTERS = {
    vnpay = require("lib.vnpay"),
    momo = require("lib.momo"),
    vietqr = require("lib.vietqr"),
}

local _M = {}


-- Whether a text is in a list of the settings.
function _M.allowed(list, name)
    for _, each in ipairs(ihanoi.plugin.settings()[list]) do
        if each == name then
            return true
        end
    end

    return false
end


-- Whether it takes new payments: not when it is off or nobody knows it.
function _M.open(name)
    return _M.allowed("gateways", name) and ADAPTERS[name] ~= nil
end


-- One that may have old payments.
function _M.of(name)
    return ADAPTERS[name]
end


return _M
