-- Phone numbers of the country, however people write them.

local pasted = require("lib.pasted")

local _M = {}


-- The number as 84 and nine digits of 0912 345 678, +84 912.345.678, 84912345678 or
-- 0084-912-345-678; nil when it is none. Which digits are whose is data, not here.
function _M.normalise(text)
    local digits, plus = pasted.plain(text):gsub("[ .()-]", ""):gsub("^%+", "")

    if plus == 0 then
        digits = digits:gsub("^00", "")
    end

    local national = digits:match("^84([1-9]%d%d%d%d%d%d%d%d)$")
                     or plus == 0 and not text:match("^%D*00")
                        and digits:match("^0([1-9]%d%d%d%d%d%d%d%d)$")

    return national and "84" .. national or nil
end


return _M
