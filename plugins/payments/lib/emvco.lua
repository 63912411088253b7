-- Texts of QR codes as EMVCo has them: tag, length, value, and a checksum.

local bit = bit

local _M = {}


-- One field: two digits of tag, two of length in bytes, the value, which may be
-- a list of fields { tag, value }. Raises when it is longer than 99.
function _M.field(tag, value)
    if type(value) == "table" then
        value = _M.fields(value)
    end

    if #value > 99 then
        error("a field of a QR code has at most 99 bytes")
    end

    return ("%02d%02d%s"):format(tag, #value, value)
end


function _M.fields(list)
    local parts = {}

    for i, field in ipairs(list) do
        parts[i] = _M.field(field[1], field[2])
    end

    return table.concat(parts)
end


-- CRC-16/CCITT: polynomial 1021, initial FFFF, not reflected.
function _M.crc(text)
    local crc = 0xffff

    for i = 1, #text do
        crc = bit.bxor(crc, bit.lshift(text:byte(i), 8))

        for _ = 1, 8 do
            crc = bit.lshift(crc, 1)

            if crc >= 0x10000 then
                crc = bit.band(bit.bxor(crc, 0x1021), 0xffff)
            end
        end
    end

    return ("%04X"):format(crc)
end


-- The text of a code of these fields, in order, with its checksum (63) last.
function _M.code(list)
    local text = _M.fields(list) .. "6304"

    return text .. _M.crc(text)
end


return _M
