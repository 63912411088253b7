-- Protocol Buffers, as far as GTFS-realtime needs them
-- (protobuf.dev/programming-guides/encoding): messages into tables by a schema.
--
--   local fields = {
--       [1] = { "id", "string" },
--       [2] = { "stops", { [1] = { "delay", "int32" } }, repeated = true },
--   }
--   local message, err = protobuf.decode(bytes, fields)
--
-- Kinds are string, int32, uint64 (exact up to 2^53), bool and tables of fields.
-- Unknown fields are passed over. nil and a text when the bytes are no message.
--
-- It waits now and then, so that others go on while a large one is read.

local _M = {}

local DEPTH = 8

-- Fields between two waits, half a millisecond's: of all that is read in this worker.
local FIELDS = 1000

local read = 0

local byte, sub = string.byte, string.sub


-- The value, its low 32 bits and the position behind it.
local function varint(text, at)
    local value, low, factor = 0, 0, 1

    for i = 0, 9 do
        local b = byte(text, at + i)

        if not b then
            return nil
        end

        value = value + (b % 128) * factor

        if i < 5 then
            low = value % 4294967296
        end

        if b < 128 then
            return value, low, at + i + 1
        end

        factor = factor * 128
    end
end


local function message(text, at, last, fields, depth)
    local values = {}

    if depth > DEPTH then
        return nil, "messages are nested too deep"
    end

    while at <= last do
        local tag, _, behind = varint(text, at)

        if not tag then
            return nil, "it ends within a field"
        end

        local number, wire = math.floor(tag / 8), tag % 8
        local field = fields[number]
        local kind = field and field[2]
        local value, low, stop

        read = read + 1

        if read % FIELDS == 0 then
            ihanoi.run.sleep(0)
        end

        if wire == 0 then
            value, low, at = varint(text, behind)

            if not value then
                return nil, "it ends within a number"
            end

            if kind == "int32" then
                value = low >= 2147483648 and low - 4294967296 or low
            elseif kind == "bool" then
                value = value ~= 0
            elseif kind ~= "uint64" then
                field = nil
            end

        elseif wire == 2 then
            local length, _, start = varint(text, behind)
            stop = length and start + length - 1

            if not stop or stop > last then
                return nil, "a field is longer than its message"
            end

            if type(kind) == "table" then
                local err
                value, err = message(text, start, stop, kind, depth + 1)

                if not value then
                    return nil, err
                end
            elseif kind == "string" then
                value = sub(text, start, stop)
            else
                field = nil
            end

            at = stop + 1

        elseif wire == 1 or wire == 5 then
            at = behind + (wire == 1 and 8 or 4)
            field = nil

            if at > last + 1 then
                return nil, "it ends within a number"
            end

        else
            return nil, "a field is of no known wire type"
        end

        if field and field.repeated then
            local list = values[field[1]]

            if list then
                list[#list + 1] = value
            else
                values[field[1]] = { value }
            end
        elseif field then
            values[field[1]] = value
        end
    end

    return values
end


function _M.decode(text, fields)
    return message(text, 1, #text, fields, 1)
end


return _M
