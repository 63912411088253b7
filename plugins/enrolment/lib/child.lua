-- A child's personal id number, which is not kept: only what it is keyed to, so
-- that two applications for one child are found and a number that is read from a
-- document can be compared. The key is a secret, because 12 digits are guessed.

local _M = {}


-- The HMAC-SHA256 of a number in hex; the secret is 32 bytes or more.
function _M.key_of(number)
    local secret = assert(ihanoi.plugin.secret("child_key"))

    if #secret < 32 then
        error("the secret child_key has less than 32 bytes")
    end

    return ihanoi.crypto.hmac("sha256", secret, "child|" .. number)
end


return _M
