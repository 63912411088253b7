-- Phone numbers of the country, however people write them.

local _M = {}

-- What comes with a number that is copied from a phone's contacts: spaces that do not
-- break, marks of direction, dashes (U+00A0, U+2000 to 2015, 2028 to 202F, 2060 to 206F).
local UNSEEN = { "\194\160", "\226\128[\128-\149\168-\175]", "\226\129[\160-\175]" }


-- The number as 84 and nine digits of 0912 345 678, +84 912.345.678, 84912345678 or
-- 0084-912-345-678; nil when it is none. Which digits are whose is data, not here.
function _M.normalise(text)
    local digits = text:gsub("[ .()-]", "")
    local plus

    for _, each in ipairs(UNSEEN) do
        digits = digits:gsub(each, "")
    end

    digits, plus = digits:gsub("^%+", "")

    if plus == 0 then
        digits = digits:gsub("^00", "")
    end

    local national = digits:match("^84([1-9]%d%d%d%d%d%d%d%d)$")
                     or plus == 0 and not text:match("^%D*00")
                        and digits:match("^0([1-9]%d%d%d%d%d%d%d%d)$")

    return national and "84" .. national or nil
end


return _M
