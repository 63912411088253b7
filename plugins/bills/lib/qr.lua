-- Texts of QR codes as EMVCo has them, read: tag (two digits), length (two digits, in
-- bytes), value, and a checksum (63) as the last field. The texts come from anybody.

local bit = bit

local _M = {}

local MAX_BYTES = 512


-- CRC-16/CCITT: polynomial 1021, initial FFFF, not reflected.
local function crc(text)
    local sum = 0xffff

    for i = 1, #text do
        sum = bit.bxor(sum, bit.lshift(text:byte(i), 8))

        for _ = 1, 8 do
            sum = bit.lshift(sum, 1)

            if sum >= 0x10000 then
                sum = bit.band(bit.bxor(sum, 0x1021), 0xffff)
            end
        end
    end

    return ("%04X"):format(sum)
end


-- The fields of a text by their tags, and the last one's tag; nil and why when they do
-- not fill it exactly or one stands twice.
local function fields(text)
    local found, at, last = {}, 1, nil

    while at <= #text do
        local tag, length = text:match("^(%d%d)(%d%d)", at)

        if not tag then
            return nil, "form"
        end

        local value = text:sub(at + 4, at + 3 + tonumber(length))

        if #value ~= tonumber(length) or value == "" then
            return nil, "form"
        elseif found[tag] then
            return nil, "twice"
        end

        found[tag] = value
        at = at + 4 + #value
        last = tag
    end

    return found, last
end


-- The fields of a code, with those of 62 in a table; nil and "size", "checksum",
-- "form", "twice", "version" or "currency".
function _M.read(text)
    if #text > MAX_BYTES or not ihanoi.text.valid(text) then
        return nil, "size"
    end

    local covered, sum = text:match("^(.*6304)(%x%x%x%x)$")

    if not covered or crc(covered) ~= sum:upper() then
        return nil, "checksum"
    end

    local found, last = fields(text)

    if not found then
        return nil, last
    elseif text:sub(1, 6) ~= "000201" then
        return nil, "version"
    elseif last ~= "63" then
        return nil, "checksum"
    elseif found["53"] and found["53"] ~= "704" or found["58"] and found["58"] ~= "VN" then
        return nil, "currency"
    end

    if found["62"] then
        local why

        found["62"], why = fields(found["62"])

        if not found["62"] then
            return nil, why
        end
    end

    return found
end


return _M
