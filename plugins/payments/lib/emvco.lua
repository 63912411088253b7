-- Texts of QR codes as EMVCo has them: tag, length, value, and a checksum.

local bit = bit

local _M = {}


-- Fields, each { tag, value }: two digits of tag, two of length in bytes, the value,
-- which may be a list of fields. Raises when one is longer than 99.
local function fields(list)
    local parts = {}

    for i, field in ipairs(list) do
        local tag, value = field[1], field[2]

        if type(value) == "table" then
            value = fields(value)
        end

        if #value > 99 then
            error("a field of a QR code has at most 99 bytes")
        end

        parts[i] = ("%02d%02d%s"):format(tag, #value, value)
    end

    return table.concat(parts)
end


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


-- The text of a code of these fields, in order, with its checksum (63) last.
function _M.code(list)
    local text = fields(list) .. "6304"

    return text .. crc(text)
end


return _M
