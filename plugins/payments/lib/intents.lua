-- Payments, from an intent to what the gateway says of it.
--
-- Functions return nil and what ihanoi.response.problem() takes when they refuse.
-- What is decided stands in SQL, each call of which is one transaction: a
-- worker may be killed between any two lines here, and whoever comes next, a
-- client with the same reference or the sweep, goes on from what is written.

local gateways = require("lib.gateways")

local _M = {}


-- Why no new payment is taken: what ihanoi.response.problem() takes.
local function closed(input)
    if not gateways.open(input.gateway) then
        return "payment-gateway-unknown", { gateway = input.gateway }
    elseif not gateways.allowed("services", input.service) then
        return "payment-service-unknown", { service = input.service }
    end
end


-- Makes an intent, or goes on with the one of the same service and reference: that
-- may be paid, whatever has been switched off since then.
-- input: service, reference, gateway, amount, description, payer.
function _M.create(input)
    local settings = ihanoi.plugin.settings()
    local refused, members = closed(input)
    local intent, err = ihanoi.db.value("intent_create", {
        id = ihanoi.uuid.v7(),
        number = "HN" .. ihanoi.crypto.random(8, "hex"):upper(),
        payer = input.payer,
        service = input.service,
        reference = input.reference,
        gateway = input.gateway,
        amount = input.amount,
        description = input.description,
        expires_in = settings.expires,
        check_in = settings.step,
        fresh = not refused,
        language = ihanoi.request.language(),
    })

    if err then
        return nil, err
    elseif not intent then
        return nil, refused, members
    elseif intent.state ~= "created" then
        return intent
    end

    local checkout, why = gateways.of(intent.gateway).checkout(intent)

    if not checkout then
        ihanoi.log.warn(input.gateway .. " gave no checkout", why)
        return nil, "payment-gateway-away"
    end

    return ihanoi.db.value("intent_pending", { id = intent.id, checkout = checkout })
end


-- What a gateway has said, applied: the verdict of payment_apply().
function _M.apply(gateway, notice, via)
    local row, err = ihanoi.db.one("payment_apply", {
        gateway = gateway,
        number = notice.number,
        outcome = notice.outcome,
        via = via,
        amount = notice.amount,
        transaction = notice.transaction,
        paid_at = notice.paid_at,
    })

    if err then
        return nil, err
    end

    if row.verdict ~= "applied" and row.verdict ~= "repeated" and notice.outcome == "paid" then
        ihanoi.log.warn(gateway .. " has taken money for " .. notice.number
                        .. " that is not applied: " .. row.verdict)
    end

    return row.verdict
end


-- Asks a gateway what became of an intent. nil and an error when that could not be
-- written down: the sweep comes again. The third is whether it hangs.
local function ask(intent)
    local answer, why = gateways.of(intent.gateway).query(intent)

    if not answer then
        ihanoi.log.warn(intent.gateway .. " does not say what became of " .. intent.number, why)
        return nil, nil, why == "timeout"
    end

    local nothing = answer.outcome == "open"

    if answer.outcome == "paid" or answer.outcome == "failed" then
        answer.number = intent.number

        local verdict, err = _M.apply(intent.gateway, answer, "query")

        -- What the gateway has is booked, as another amount or for another number: what
        -- was asked for nobody has paid.
        nothing = verdict == "repeated" or verdict == "elsewhere"

        if not nothing then
            return verdict, err
        end
    end

    if nothing and intent.over then
        return ihanoi.db.value("intent_expire", { id = intent.id })
    end
end


-- Does work(row) for each row that a function of the database gives out, one
-- at a time and at most n, while there is time for it: what has been taken and
-- not done would be unclear. A row for which more(row) is true counts as two. A gateway
-- that work() has found hanging is silent (an array of ihanoi.json) and asked no more: the
-- time is the others', too, and a refund sent to it would be unclear. Returns how many
-- there were, no error, and whether more might have been done if n were larger.
function _M.each(n, name, id, silent, work, more)
    local settings = ihanoi.plugin.settings()
    local done = 0

    while n > 0 do
        if ihanoi.request.time_left() < 2 * settings.patience + 1 then
            break
        end

        local row, err = ihanoi.db.one(name,
            { n = 1, step = settings.step, which = id, silent = silent })

        if err then
            return nil, err
        elseif not row then
            break
        end

        local _, failed, hangs = work(row)

        if failed then
            ihanoi.log.error(name .. ": what was heard is not written down", failed)
        end

        if hangs then
            silent[#silent + 1] = row.gateway
        end

        done = done + 1
        n = n - (more and more(row) and 2 or 1)
    end

    return done, nil, n < 1
end


-- Asks the gateways about intents: those that are due, or the one with an id. n is how
-- many questions that may be; the last one may be two. silent: as of each().
function _M.check(n, silent, id)
    return _M.each(n, "intents_due", id, silent, ask, function(intent)
        local twice = gateways.of(intent.gateway).asks_twice

        return twice and twice(intent)
    end)
end


return _M
