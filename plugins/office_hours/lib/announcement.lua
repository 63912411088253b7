-- The Ministry's announcement of a year's days: fetched, and believed for its
-- signature only.

local _M = {}


-- { day, vi, en, like } of a year, or nil and why there is none. The body is
-- signed: X-Signature is its HMAC-SHA256 in hex by the key that both have.
function _M.fetch(year)
    local answer, err = ihanoi.backend.get("announcements", { tostring(year) },
                                           { timeout = 10 })

    if not answer then
        return nil, err
    elseif answer.status == 404 then
        return {}
    elseif answer.status ~= 200 then
        return nil, "status " .. answer.status
    end

    local key = ihanoi.plugin.secret("announcements_key")
    local signature = answer.headers["x-signature"] or ""

    if not ihanoi.crypto.equal(signature,
                               ihanoi.crypto.hmac("sha256", key, answer.body))
    then
        return nil, "the signature is not the Ministry's"
    end

    local document
    document, err = answer.json()

    if type(document) ~= "table" or type(document.days) ~= "table" then
        return nil, err or "it has no list of days"
    end

    return document.days
end


return _M
