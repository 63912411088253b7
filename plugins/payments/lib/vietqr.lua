-- VietQR: a transfer to the city's account at a bank, by a QR code with the
-- amount and the intent's number as its purpose. What came is read in the
-- bank's statement of the day (lib/statement.lua); nobody calls back, and money
-- goes back by hand.
--
-- What an adapter has is in lib/gateways.lua.

local emvco = require("lib.emvco")
local statement = require("lib.statement")

local _M = {}

local NAPAS = "A000000727"
local TO_ACCOUNT = "QRIBFTTA"


local function plain(value, length)
    return (ihanoi.text.unaccent(value) or ""):upper():gsub("[^%w ]", " "):sub(1, length)
end


function _M.checkout(intent)
    local settings = ihanoi.plugin.settings()

    return { qr = emvco.code({
        { 0, "01" },
        { 1, "12" },                            -- for one payment
        { 38, { { 0, NAPAS },
                { 1, { { 0, settings.vietqr_bank }, { 1, settings.vietqr_account } } },
                { 2, TO_ACCOUNT } } },
        { 53, "704" },
        { 54, ("%d"):format(intent.amount) },
        { 58, "VN" },
        { 59, plain(settings.vietqr_name, 25) },
        { 60, "HA NOI" },
        { 62, { { 8, intent.number } } },
    }) }
end


-- Whether there are two statements to look into.
function _M.asks_twice(intent)
    return ihanoi.time.format(intent.created_at, "date") < ihanoi.time.today()
end


-- Looks into the statements of the days on which the payer has time, a day at most:
-- the intent's and the next.
function _M.query(intent)
    for days = 0, 1 do
        local day = ihanoi.time.format(intent.created_at + days * 86400, "date")

        if day > ihanoi.time.today() then
            break
        end

        local file, err = statement.read("vietqr", day)

        if not file then
            return nil, err
        end

        local row, failure = ihanoi.db.one("statement_payment",
            { gateway = "vietqr", file = file, number = intent.number })

        if failure then
            return nil, failure
        end

        if row then
            return { outcome = "paid", amount = row.amount,
                     transaction = row.transaction, paid_at = row.at }
        end
    end

    return { outcome = "open" }
end


function _M.refund()
    return { outcome = "unclear", why = "by hand" }
end


return _M
