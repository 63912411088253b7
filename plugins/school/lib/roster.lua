-- A roster as a school's system sends it: who signed it, and the rows in it.

local _M = {}

-- What a row may have. A roster in CSV has these names in its first line, in any order, and
-- what stands between them there, a comma, a semicolon (as Excel writes where a comma is in
-- numbers) or a tab, stands between fields everywhere.
local FIELDS = {
    kind = true, code = true, name = true, grade = true, class = true,
    birth_date = true, staff = true, subject = true, account = true,
}


-- Whether a value is a whole number from least on.
local function whole(value, least)
    return type(value) == "number" and value % 1 == 0 and value >= least and value < 2 ^ 53
end


-- The claims of a signature over the content: a token (RFC 7519) by the school's Ed25519
-- key, with sub (the school's code), year, sequence, sha256 (of the content, hex) and
-- may_end, if more may end than usual. nil and a reason when it is not of this content,
-- school and year.
function _M.verify(signature, key, content, school, year)
    local claims, err = ihanoi.jwt.verify(signature, key, { alg = "EdDSA", leeway = 60 })

    if not claims then
        return nil, err
    end

    if claims.sub ~= school or claims.year ~= year then
        return nil, "of another school or year"
    end

    if claims.sha256 ~= ihanoi.crypto.sha256(content) then
        return nil, "of another content"
    end

    if not whole(claims.sequence, 1) then
        return nil, "no sequence"
    end

    if claims.may_end ~= nil and not whole(claims.may_end, 0) then
        return nil, "may_end"
    end

    return claims
end


-- The fields of a line of CSV that begins at a byte (RFC 4180), and where the next one
-- begins; nil and a reason.
local function record(text, at, separator)
    local fields = {}
    local ends = "[" .. separator .. "\r\n]"

    while true do
        local value, stop

        if text:byte(at) == 34 then                         -- "
            local parts = {}
            local from = at + 1

            repeat
                local close = text:find('"', from, true)

                if not close then
                    return nil, "quote"
                end

                parts[#parts + 1] = text:sub(from, close - 1)
                from = close + 1
                local again = text:byte(from) == 34

                if again then
                    parts[#parts + 1] = '"'
                    from = from + 1
                end
            until not again

            value, stop = table.concat(parts), from
        else
            stop = text:find(ends, at) or #text + 1
            value = text:sub(at, stop - 1)
        end

        fields[#fields + 1] = value
        local byte = text:byte(stop)

        if byte == separator:byte() then
            at = stop + 1
        elseif byte == 13 and text:byte(stop + 1) == 10 then
            return fields, stop + 2
        elseif byte == 10 then
            return fields, stop + 1
        elseif not byte then
            return fields, stop
        else
            return nil, "quote"
        end
    end
end


-- Rows of CSV; nil, the line and what is wrong with it. A record that goes over lines is
-- told by the line where it begins.
local function from_csv(content)
    local rows, names = {}, nil
    local at, line = 1, 1

    if content:sub(1, 3) == "\239\187\191" then             -- a byte order mark
        at = 4
    end

    local separator = content:match("^[^,;\t\r\n]*([,;\t])", at) or ","

    while at <= #content do
        local fields, after = record(content, at, separator)

        if not fields then
            return nil, line, after
        end

        if not names then
            names = fields

            local seen = {}

            for _, name in ipairs(names) do
                if not FIELDS[name] or seen[name] then
                    return nil, line, "header"
                end

                seen[name] = true
            end
        elseif #fields > 1 or fields[1] ~= "" then
            if #fields ~= #names then
                return nil, line, "fields"
            end

            local row = { line = line }

            for i, name in ipairs(names) do
                row[name] = ihanoi.text.nfc(fields[i])
            end

            rows[#rows + 1] = row
        end

        local _, lines = content:sub(at, after - 1):gsub("\n", "")
        at, line = after, line + lines
    end

    return rows
end


-- Rows of JSON, a list of objects with texts; the line of a row is its place in the list.
local function from_json(content)
    local list = ihanoi.json.decode(content)

    if type(list) ~= "table" or getmetatable(list) ~= "array" then
        return nil, 1, "json"
    end

    local rows = {}

    for i, item in ipairs(list) do
        if type(item) ~= "table" or getmetatable(item) == "array" then
            return nil, i, "json"
        end

        local row = { line = i }

        for name, value in pairs(item) do
            if not FIELDS[name] then
                return nil, i, "header"
            elseif type(value) == "number" then
                value = tostring(value)
            elseif type(value) ~= "string" then
                return nil, i, "fields"
            end

            row[name] = ihanoi.text.nfc(value)
        end

        rows[i] = row
    end

    return rows
end


-- The rows of a content; nil, a line and what is wrong there. An empty one is wrong.
function _M.rows(format, content)
    local rows, line, fault

    if format == "csv" then
        rows, line, fault = from_csv(content)
    else
        rows, line, fault = from_json(content)
    end

    if rows and not rows[1] then
        return nil, 1, "empty"
    end

    return rows, line, fault
end


return _M
