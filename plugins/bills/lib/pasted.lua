-- Numbers that people paste from a message or a phone's contacts.

local _M = {}

-- What comes with them: spaces that do not break or have no width, marks of direction, dashes
-- (U+00A0, U+2000 to 2015, 2028 to 202F, 2060 to 206F, FEFF).
local UNSEEN = { "\194\160", "\226\128[\128-\149\168-\175]", "\226\129[\160-\175]", "\239\187\191" }


-- The text without it.
function _M.plain(text)
    for _, each in ipairs(UNSEEN) do
        text = text:gsub(each, "")
    end

    return text
end


return _M
