-- The service's operations: a function for each "x-ihanoi-lua" of
-- openapi.json. It gets the request's values, which have been checked, by
-- their names in the contract, and returns a status and a body.

local words = require("lib.words")

local _M = {}


function _M.greeting(input)
    return 200, { text = words.greeting(input.name) }
end


return _M
