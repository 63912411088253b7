-- What the service says.

local _M = {}


function _M.greeting(name)
    return "Xin chào " .. (name or "Hà Nội") .. "!"
end


return _M
