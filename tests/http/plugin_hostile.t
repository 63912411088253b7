# Plugins that mean harm, beside the core: whatever a handler does, its own call
# fails, the core's calls never do, and no worker ends.
#
# Each case is a plugin of its own, so that its circuit is its own: called
# three times at once and once more, one less than what opens it.

use lib 'tests/lib';
use IHanoi::Test;
use IHanoi::Test::HTTP;
use IHanoi::Test::Load;
use IHanoi::Test::Plugin;
use Time::HiRes qw(sleep time);

use constant {
    CLIENTS  => 2,
    CITIZENS => 12,
    GROWTH   => 96 * 1024,   # KiB a worker may have grown by in all of it
};

my $CPU    = '503 plugin-limit CPU budget used up';
my $LIMIT  = '503 plugin-limit (CPU budget used up|memory limit reached)';
my $MEMORY = $LIMIT;   # what comes first is the machine's affair
my $SLOW   = '504 plugin-timeout no answer in 1000ms';

# What a case must come to: "STATUS TYPE a pattern for the plugin's line in the
# log", or the value of "said" in an answer of 200.
my @cases = (

    # Loops. In their names, what they hold on to.
    loop          => 'while true do end' => $CPU,
    loop_for      => 'for i = 1, math.huge do end' => $CPU,
    loop_repeat   => 'repeat until false' => $CPU,
    loop_goto     => '::again:: goto again' => $CPU,
    loop_tail     => 'local function f() return f() end f()' => $CPU,
    loop_two      => 'local f, g
                      function f() return g() end
                      function g() return f() end f()' => $CPU,
    loop_pcall    => 'while true do
                          pcall(function() while true do end end)
                      end' => $CPU,
    loop_xpcall   => 'local function f() while true do end end
                      while true do xpcall(f, f) end' => $CPU,
    loop_handler  => 'local function h() while true do end end
                      while true do xpcall(error, h) end' => $CPU,
    loop_rethrow  => 'local function f() error(f) end
                      while true do pcall(f) xpcall(f, f) end' => $CPU,
    loop_coro     => 'local function f() while true do end end
                      while true do
                          coroutine.resume(coroutine.create(f))
                      end' => $CPU,
    loop_wrap     => 'local function f() while true do pcall(f) end end
                      while true do pcall(coroutine.wrap(f)) end' => $CPU,
    loop_nest     => 'local function f()
                          pcall(coroutine.wrap(f)) while true do end
                      end f()' => $CPU,
    loop_yield    => 'local co = coroutine.wrap(function()
                          while true do coroutine.yield() end end)
                      while true do co() end' => $CPU,
    loop_stack    => 'local function f() pcall(f) while true do end end
                      while true do f() end' => $CPU,
    loop_stack_x  => 'local function f() xpcall(f, f) while true do end end
                      while true do f() end' => $CPU,
    loop_sort     => 'while true do
                          pcall(table.sort, { 3, 2, 1 },
                                function() while true do end end)
                      end' => $CPU,
    loop_sort_deep => 'local function f()
                          table.sort({ 1, 2 }, f) while true do end
                      end
                      while true do pcall(f) end' => $CPU,
    loop_sort_handler => 'local function f() while true do end end
                      table.sort({ 1, 2 }, function() xpcall(f, f) end)' => $CPU,
    stack_handler => 'local function h() pcall(error) local x = nil return x.y end
                      xpcall(error, h) return 200, {}' => '(200|503) ',
    stack_handler_gsub => 'local function h() pcall(error) ("a"):gsub("a", "b") end
                      local f f = function() ("a"):gsub("a", f) end
                      return 200, { said = tostring(xpcall(f, h)) }'
                     => [ qr/\Afalse\z/ ],
    loop_gsub     => 'while true do
                          pcall(string.gsub, "aaa", "a",
                                function() while true do end end)
                      end' => $CPU,
    loop_gsub_deep => 'local function f()
                          pcall(string.gsub, "a", "a", f) while true do end
                      end
                      while true do f() end' => $CPU,
    loop_gmatch   => 'while true do
                          for w in ("a"):rep(1000):gmatch("") do end
                      end' => $CPU,
    loop_index    => 'local m = {}
                      m.__index = function(t, k) return t[k + 1] end
                      local t = setmetatable({}, m)
                      while true do pcall(function() return t[1] end) end'
                     => $CPU,
    loop_newindex => 'local t = setmetatable({}, { __newindex =
                          function(t, k, v) while true do end end })
                      t.x = 1' => $CPU,
    loop_tostring => 'local t = setmetatable({}, { __tostring =
                          function() while true do end end })
                      while true do pcall(tostring, t) end' => $CPU,
    loop_tostring_deep => 'local m = {}
                      m.__tostring = function(t) return tostring(t) end
                      local t = setmetatable({}, m)
                      while true do pcall(tostring, t) end' => $CPU,
    loop_format   => 'local m = {}
                      m.__tostring = function(t) return ("%s"):format(t) end
                      local t = setmetatable({}, m)
                      while true do pcall(string.format, "%s", t) end' => $CPU,
    loop_compare  => 'local m = { __lt = function() while true do end end }
                      local a = setmetatable({}, m)
                      local b = setmetatable({}, m)
                      while true do
                          pcall(function() return a < b end)
                          pcall(table.sort, { a, b, a })
                      end' => $CPU,
    loop_operators => 'local f = function() while true do end end
                      local t = setmetatable({}, { __add = f, __concat = f,
                          __eq = f, __call = f, __unm = f, __len = f })
                      pcall(function() return t + 1 end)
                      pcall(function() return t .. "" end)
                      t()' => $CPU,
    loop_pairs    => 'local t = {} for i = 1, 1e4 do t[i] = i end
                      while true do for k, v in pairs(t) do end end' => $CPU,
    loop_next     => 'local t = {} for i = 1, 3e4 do t["k" .. i] = 1 end
                      for k in pairs(t) do t[k] = nil end
                      while true do next(t) end' => $CPU,
    loop_require  => 'while true do pcall(require, "no.such") end' => $CPU,
    loop_host     => 'while true do
                          pcall(ihanoi.json.decode, "[1,2,{}]")
                          pcall(ihanoi.crypto.random, 1024)
                      end' => $CPU,
    loop_sleep    => 'while true do pcall(ihanoi.run.sleep, 0) end'
                     => '50[34] plugin-(limit|timeout) (CPU|no answer)',
    loop_steps    => 'while true do
                          for i = 1, 1e5 do end ihanoi.run.sleep(0)
                      end' => $CPU,
    loop_task     => 'ihanoi.run.spawn(function() while true do end end)
                      ihanoi.run.sleep(5)' => $CPU,
    loop_bomb     => 'local function f()
                          while ihanoi.run.spawn(f) do end
                          ihanoi.run.sleep(0) return f()
                      end f()'
                     => '50[34] plugin-(limit|timeout) (CPU|no answer)',
    loop_waits    => 'local a
                      a = ihanoi.run.spawn(function() ihanoi.run.sleep(5)
                          ihanoi.run.wait(a) end)
                      ihanoi.run.wait(a)' => $SLOW,
    loop_headers  => 'return 200, {}, setmetatable({ Link = "a" }, {
                          __index = function() while true do end end,
                          __newindex = function() while true do end end })'
                     => '200',

    loop_options  => 'local function f() while true do end end
                      ihanoi.store.set("a", 1, setmetatable({}, { __index =
                          function() while true do pcall(f) end end }))'
                     => $CPU,
    loop_gsub_table => 'local t = setmetatable({}, { __index =
                          function() while true do pcall(error) end end })
                      return ("abc"):gsub("%w", t)' => $CPU,
    loop_chain    => 'local n, co = 0
                      local function f()
                          n = n + 1
                          return coroutine.resume(coroutine.create(f))
                      end
                      f() while true do f() end' => $CPU,

    # In C, where no hook runs.
    hang_dash     => 'return (("a"):rep(20000)):find(".-b")' => $CPU,
    hang_star     => 'return (("a"):rep(20000)):find(".*b")' => $CPU,
    hang_captures => 'return (("a"):rep(200)):find("(.-)(.-)(.-)(.-)b")'
                     => $CPU,
    hang_many     => 'return (("a"):rep(60)):find(("a*"):rep(6) .. "b")'
                     => $CPU,
    hang_balance  => 'return (("("):rep(100000)):find("%b()")' => $CPU,
    hang_backref  => 'return (("a"):rep(20000)):find("(a*)%1b")' => $CPU,
    hang_frontier => 'return (("a"):rep(300000)):gsub("%f[b].-c", "")
                      and (("a"):rep(20000)):find("%f[a].-%f[b].-c.-d")'
                     => '(404|503) ',
    hang_pcall    => 'while true do
                          pcall(string.find, ("a"):rep(20000), ".-b")
                      end' => $CPU,
    hang_gmatch   => 'for w in (("a"):rep(20000)):gmatch(".-b") do end'
                     => $CPU,
    hang_gsub     => 'return (("a"):rep(20000)):gsub(".-b", "")' => $CPU,
    hang_sort     => 'local t = {} for i = 1, 60000 do t[i] = -i end
                      while true do table.sort(t) end' => $CPU,
    hang_concat   => 'local t = {} for i = 1, 60000 do t[i] = "x" end
                      while true do table.concat(t) end' => $CPU,
    hang_insert   => 'table.insert({}, -2^31, 1)'
                     => '50[03] plugin-(limit|failed) ',
    hang_insert_full => 'local t = {} for i = 1, 100000 do t[i] = i end
                      while true do table.insert(t, 1, 0) table.remove(t, 1) end'
                     => $CPU,
    hang_rep      => 'while true do ("x"):rep(1e6) end' => $LIMIT,
    hang_rep_none => 'while true do (""):rep(1e9) end' => $CPU,
    hang_unpack   => 'while true do pcall(unpack, {}, 1, 2^31 - 1)
                          pcall(unpack, {}, -2^31, 2^31 - 1) end' => $CPU,
    hang_maxn     => 'local t = {} for i = 1, 60000 do t[i] = i end
                      while true do table.maxn(t) end' => $CPU,
    hang_encode   => 'local t = {}
                      for i = 1, 30 do t = { t, t } end
                      ihanoi.json.encode(t)' => '50[03] plugin-(limit|failed) ',
    hang_answer   => 'local t = {}
                      for i = 1, 30 do t = { t, t } end
                      return 200, t' => '50[03] plugin-(limit|failed) ',
    hang_decode   => 'local s = "[" .. ("1,"):rep(200000) .. "1]"
                      while true do ihanoi.json.decode(s) end' => $LIMIT,
    hang_nfc      => 'local s = ("\204\163\204\129"):rep(20000)
                      while true do ihanoi.text.nfc(s) end' => $CPU,
    hang_digest   => 'local s = ("x"):rep(1e6)
                      while true do ihanoi.crypto.sha256(s) end' => $CPU,

    # Memory.
    eat_rep       => 'local s = ("x"):rep(2^27)' =>
                     '50[03] plugin-(limit|failed) (not enough|memory)',
    eat_double    => 'local s = "x" while true do s = s .. s end' => $MEMORY,
    eat_caught    => 'local s = "x"
                      while true do pcall(function() s = s .. s end) end'
                     => $LIMIT,
    eat_table     => 'local t = {} for i = 1, 1e9 do t[i] = i end' => $MEMORY,
    eat_tables    => 'local t = {} for i = 1, 1e9 do t[i] = {} end' => $MEMORY,
    eat_keys      => 'local t = {} for i = 1, 1e9 do t["k" .. i] = i end'
                     => $MEMORY,
    eat_list      => 'local t while true do t = { t } end' => $MEMORY,
    eat_concat    => 'local t = {}
                      for i = 1, 20 do t[i] = ("x"):rep(100000) end
                      for i = 1, 9 do t[i] = table.concat(t) end'
                     => '50[03] plugin-(limit|failed) (not enough|memory)',
    eat_closures  => 'local t = {}
                      for i = 1, 1e9 do t[i] = function() return i end end'
                     => $MEMORY,
    eat_coros     => 'local t = {}
                      for i = 1, 1e6 do
                          t[i] = coroutine.create(function() end)
                      end' => $MEMORY,
    eat_started   => 'local t = {}
                      for i = 1, 1e6 do
                          t[i] = coroutine.wrap(function()
                              coroutine.yield(i) end)
                          t[i]()
                      end' => $MEMORY,
    eat_gsub      => 'local s = ("x"):rep(1000)
                      while true do s = s:gsub("x", "xxxx") end' => $LIMIT,
    eat_format    => 'local s = "x"
                      while true do s = ("%s%s"):format(s, s) end' => $MEMORY,
    eat_pcall     => 'local t = {}
                      while true do
                          pcall(function()
                              for i = 1, 1e9 do t[#t + 1] = {} end
                          end)
                      end' => $MEMORY,
    eat_stack     => 'local function f(...) return f(1, ...) end
                      while true do pcall(f) end' => $LIMIT,
    eat_recurse   => 'local function f() return 1 + f() end
                      while true do pcall(f) end' => $CPU,
    eat_options   => 'local function f()
                          ihanoi.store.set("a", 1,
                              setmetatable({}, { __index = f }))
                      end f()' => '500 plugin-failed stack overflow',
    eat_options_index => 'local t = {}
                      ihanoi.store.increment("a", 1, setmetatable({}, { __index =
                          function() for i = 1, 1e9 do t[i] = { i } end end }))'
                     => $MEMORY,
    eat_rep_between => 'local said = {}
                      for i, n in ipairs({ 65537, 2^30, 2^31 - 1 }) do
                          said[i] = select(2, pcall(string.rep, "x", n, ("y"):rep(65535)))
                      end
                      return 200, { said = table.concat(said, ", ") }'
                     => [ qr/\Anot enough memory(, not enough memory){2}\z/ ],
    eat_gsub_whole => 'return (("x"):rep(1000):gsub("x", ("%0"):rep(50000)))' => $LIMIT,
    eat_box       => 'local s = ("x"):rep(1e6)
                      local t = {} for i = 1, 1000 do t[i] = s end
                      return 200, t' => '50[03] plugin-(limit|failed) ',
    eat_raw       => 'local t = {}
                      for i = 1, 1e6 do
                          t[i] = ihanoi.json.raw(\'"\' .. ("x"):rep(1e5) .. \'"\')
                      end' => $LIMIT,
    eat_global    => 'kept = kept or {}
                      for i = 1, 60000 do kept[#kept + 1] = {} end
                      return 200, {}' => '(200|503) ',
    eat_members   => 'local t = {}
                      for i = 1, 50000 do t[i] = ihanoi.json.null end
                      return ihanoi.response.problem("not-found", { all = t })'
                     => '502 plugin-reply-invalid at most',
    eat_yielded   => 'local co = coroutine.create(function()
                          coroutine.yield(unpack({}, 1, 7000)) end)
                      local ok, said = coroutine.resume(co)
                      return 200, { said = said }'
                     => [ qr/\Atoo many results/ ],
    eat_results   => 'local co = coroutine.create(function()
                          while true do coroutine.yield(unpack({}, 1, 250))
                          end end)
                      local function f() coroutine.resume(co) return 1 + f() end
                      return 200, { said = tostring(pcall(f)) }'
                     => '(200|503) ',

    # Ways out.
    out_globals   => 'local found = {}
                      for _, name in ipairs { "debug", "ffi", "io", "os",
                          "jit", "package", "load", "loadstring", "loadfile",
                          "dofile", "newproxy", "getfenv", "setfenv", "module",
                          "collectgarbage", "gcinfo", "print" } do
                          if rawget(_G, name) ~= nil then
                              found[#found + 1] = name
                          end
                      end
                      return 200, { said = table.concat(found, " ")
                          .. tostring(string.dump)
                          .. tostring(math.randomseed) }'
                     => [ qr/\Anilnil\z/ ],
    out_require   => 'local said = {}
                      for _, name in ipairs { "os", "ffi", "string.buffer",
                          "../other/handler", "/etc/passwd", "lib/x",
                          "..", "\0", ("x"):rep(10000) } do
                          said[#said + 1] = tostring(pcall(require, name))
                      end
                      return 200, { said = table.concat(said, " ") }'
                     => [ qr/\Afalse( false){8}\z/ ],
    out_string    => 'if was then return 200, { said = was } end
                      local ok = pcall(setmetatable, "", {})
                      local m = getmetatable("")
                      string.format = nil string.rep = function() return 7 end
                      string.find = error string.sub = error
                      tostring, type, error, pairs, next = nil
                      pcall, require, setmetatable, getmetatable = nil
                      was = m == false and not ok and "held" or "open"
                      return 200, { said = was }'
                     => [ qr/\Aheld\z/ ],
    out_global    => 'if not pcall then
                          return 200, { said = ihanoi and "still there" }
                      end
                      local G, next = _G, next
                      local ok, err = pcall(setmetatable, _G, {
                          __index = function() return 7 end,
                          __newindex = function() while true do end end,
                          __metatable = 7 })
                      local done = pcall(rawset, _G, "ihanoi", {})
                      local said = tostring(ok) .. tostring(done) .. err
                      for k in next, G do G[k] = nil end
                      return 200, { said = said }'
                     => [ qr/\A(?:falsefalsecannot change a protected metatable|still there)\z/ ],
    out_ihanoi    => 'local said = {}
                      for _, f in ipairs {
                          function() ihanoi.request = {} end,
                          function() ihanoi.request.caller = error end,
                          function() rawset(ihanoi, "request", {}) end,
                          function() rawset(ihanoi.request, "id", error) end,
                          function() setmetatable(ihanoi, {}) end,
                          function() getmetatable(ihanoi).__index = {} end,
                          function() setmetatable(ihanoi.json.null, {}) end,
                          function() setmetatable(ihanoi.json.array(), {}) end,
                          function() for k in pairs(ihanoi) do end end,
                      } do said[#said + 1] = tostring(pcall(f)) end
                      return 200, { said = table.concat(said, " ") }'
                     => [ qr/\Afalse( false){8}\z/ ],
    out_address   => 'local t = {}
                      for _, v in ipairs { {}, error, ihanoi, ihanoi.json,
                          coroutine.create(error), ihanoi.json.null } do
                          t[#t + 1] = tostring(v) .. ("%s"):format(v)
                              .. tostring(select(2, pcall(("").rep, v)))
                              .. tostring(select(2, pcall(ipairs, v)))
                      end
                      return 200, { said = table.concat(t) }'
                     => [ qr/\A(?!.*0x[0-9a-f]{4})/s ],
    out_forge     => 'local caller = ihanoi.request.caller() or { claims = {} }
                      caller.sub = "minister" caller.claims.sub = "minister"
                      caller.scopes = { "admin" }
                      return 200, { said = ihanoi.request.caller().sub }'
                     => [ qr/\Acitizen\z/ ],
    out_kept      => 'kept = kept or { id = ihanoi.request.id,
                                       was = ihanoi.request.id() }
                      local co = again or coroutine.wrap(function()
                          while true do coroutine.yield(ihanoi.request.id())
                          end end)
                      again = co
                      local id = ihanoi.request.id()
                      return 200, { said = kept.id() == id and co() == id
                                           and "mine" }'
                     => [ qr/\Amine\z/ ],
    out_other     => 'return 200, { said = tostring(
                              ihanoi.store.get("secret")) .. " "
                          .. tostring(ihanoi.plugin.secret("key")) .. " "
                          .. tostring(ihanoi.plugin.settings().motto) }'
                     => [ qr/\Anil nil nil\z/ ],
    out_path      => 'return 200, { said = tostring(ihanoi.plugin.secret(
                          "../victim/key")) .. tostring(ihanoi.plugin.secret(
                          "key\0")) }' => [ qr/\Anilnil\z/ ],
    out_wait      => 'local said = {}
                      local sleep = ihanoi.run.sleep
                      for _, f in ipairs {
                          function() table.sort({ 2, 1 }, sleep) end,
                          function() ("a"):gsub("a", sleep) end,
                          function() tostring(setmetatable({},
                              { __tostring = function() sleep(0) end })) end,
                          function() sleep(0/0) end,
                          function() sleep(-1) end,
                          function() sleep(1e308) end,
                      } do said[#said + 1] = tostring(pcall(f)) end
                      return 200, { said = table.concat(said, " ") }'
                     => [ qr/\Afalse( false){5}\z/ ],

    # Answers and errors.
    say_nil       => 'error(nil)' => '500 plugin-failed not a string',
    say_table     => 'error({})' => '500 plugin-failed not a string',
    say_evil      => 'error(setmetatable({}, { __tostring =
                          function() while true do end end }))'
                     => '500 plugin-failed not a string',
    say_self      => 'error(coroutine.create(error))'
                     => '500 plugin-failed not a string',
    say_long      => 'error(("x"):rep(1e6))' => '500 plugin-failed xxxx',
    say_lines     => 'error("a\n2026/11/24 00:00:00 [error] 1#1: forged", 0)'
                     => '500 plugin-failed a 2026/11/24 00:00:00 .error. 1#1: forged',
    say_name      => 'return 200, { ["\n[error] 1#1: forged"] = {
                          function() end } }'
                     => '502 plugin-reply-invalid cannot be sent',
    say_function  => 'return 200, function() end'
                     => '502 plugin-reply-invalid is a function',
    say_inner     => 'return 200, { a = { b = coroutine.create(error) } }'
                     => '502 plugin-reply-invalid \$\.a\.b is no value',
    say_host      => 'return 200, ihanoi' => '502 plugin-reply-invalid no value',
    say_nan       => 'return 200, { a = 0/0 }'
                     => '502 plugin-reply-invalid is not a number',
    say_infinite  => 'return 200, { a = 1/0 }'
                     => '502 plugin-reply-invalid is infinite',
    say_cycle     => 'local t = {} t.t = t return 200, t'
                     => '502 plugin-reply-invalid nested too deep',
    say_deep      => 'local t = {} for i = 1, 1e4 do t = { t } end
                      return 200, t'
                     => '502 plugin-reply-invalid nested too deep',
    say_bytes     => 'return 200, { a = "\255\254" }'
                     => '502 plugin-reply-invalid not valid UTF-8',
    say_holes     => 'return 200, { 1, nil, 3, [1e6] = 4 }'
                     => '502 plugin-reply-invalid array with holes',
    say_status    => 'return 0/0' => '502 plugin-reply-invalid a status of 200',
    say_huge      => 'return 2^63' => '502 plugin-reply-invalid a status of 200',
    say_half      => 'return 200.5' => '502 plugin-reply-invalid a status of 200',
    say_text      => 'return "200"' => '502 plugin-reply-invalid a status of 200',
    say_true      => 'return true' => '502 plugin-reply-invalid a status of 200',
    say_many      => 'return unpack({}, 1, 7000)' => '404',
    say_coro      => 'return coroutine.create(error)'
                     => '502 plugin-reply-invalid a status of 200',
    say_split     => 'return 200, {}, { Link = "a\r\nSet-Cookie: b" }'
                     => '502 plugin-reply-invalid control character',
    say_zero      => 'return 200, {}, { Link = "a\0b" }'
                     => '502 plugin-reply-invalid control character',
    say_location  => 'return 201, {}, { Location = "/a\r\n\r\nx" }'
                     => '502 plugin-reply-invalid control character',
    say_etag      => 'return 200, {}, { ETag = "\"a\", \"b\"" }'
                     => '502 plugin-reply-invalid strong tag',
    say_long_name => 'return 200, {}, { Link = ("x"):rep(4097) }'
                     => '502 plugin-reply-invalid longer than 4096',
    say_cookie    => 'return 200, {}, { ["Set-Cookie"] = "a=b" }'
                     => '502 plugin-reply-invalid may not set',
    say_length    => 'return 200, {}, { ["Content-Length"] = "9" }'
                     => '502 plugin-reply-invalid may not set',
    say_header    => 'return 200, {}, { ["a: b\n[error] 1#1: forged"] = "9" }'
                     => '502 plugin-reply-invalid may not set',
    say_headers   => 'local t = {}
                      for i = 1, 1000 do t["X-" .. i] = "a" end
                      return 200, {}, t' => '502 plugin-reply-invalid ',
    say_problem   => 'return ihanoi.response.problem("no-such-problem")'
                     => '50[02] ',
    say_members   => 'return ihanoi.response.problem("not-found", {
                          status = 200, type = "x", title = "ok" })' => '404',
    say_code      => 'return ihanoi.response.problem("\r\n\0" ..
                          ("x"):rep(1e5))' => '50[02] ',
    say_flood     => 'for i = 1, 1e9 do
                          ihanoi.log.error(("flood"):rep(300))
                      end' => $CPU,

    # Waiting.
    wait_long     => 'ihanoi.run.sleep(86000)' => $SLOW,
    wait_ever     => 'while true do pcall(ihanoi.run.sleep, 0.01) end'
                     => $SLOW,
    wait_many     => 'for i = 1, 1000 do ihanoi.run.sleep(0.001) end
                      return 200, {}' => '(200|504) ',
    wait_coros    => 'local t = {}
                      for i = 1, 30 do
                          t[i] = coroutine.create(function()
                              ihanoi.run.sleep(60) end)
                      end
                      for i = 1, 30 do coroutine.resume(t[i]) end' => $SLOW,
    wait_flight   => 'local co = coroutine.create(function()
                          return ihanoi.cache.get(ihanoi.request.id(), 60,
                              function() coroutine.yield() return 1 end) end)
                      ihanoi.run.wait(ihanoi.run.spawn(function()
                          coroutine.resume(co) end))
                      return 200, { said = tostring(coroutine.resume(co)) }'
                     => [ qr/\Atrue\z/ ],
    wait_dropped  => 'if co then
                          local ok, said = coroutine.resume(co, 1, 2, 3)
                          return 200, { said = tostring(said) }
                      end
                      co = coroutine.create(function()
                          ihanoi.run.sleep(60) end)
                      coroutine.resume(co)'
                     => '(200|504) ',

    # The store.
    store_fill    => 'local big = ("x"):rep(60000)
                      for i = 1, 1e9 do
                          pcall(ihanoi.store.set, "k" .. i, big)
                          pcall(ihanoi.store.set, ("k"):rep(200) .. i, i)
                      end' => $CPU,
    store_keys    => 'for i = 1, 1e9 do
                          pcall(ihanoi.store.set, ("k"):rep(1e5) .. i, 1)
                          pcall(ihanoi.store.set, "", 1)
                          pcall(ihanoi.store.set, "\0" .. i, { { {} } })
                          pcall(ihanoi.store.increment, "n", 0/0)
                          pcall(ihanoi.store.increment, "n", 2^1000)
                      end' => $CPU,
    lock_all      => 'for i = 1, 1e9 do
                          pcall(ihanoi.lock.acquire, "l" .. i, 3600)
                      end' => $CPU,
);

# Instrumented code takes some times as long to do what it is to be caught at.
my $sanitized = ($ENV{BUILD} // '') eq 'sanitize';
my $limits = { memory => '4m', cpu => $sanitized ? '50ms' : '20ms', concurrency => 8,
               store => '256k' };
my (%plugin, %want, @names);

while (my ($name, $lua, $want) = splice @cases, 0, 3) {
    # What burns is killed for what it burns: a busy machine may need long to give it
    # that much. The others wait for their time to be over.
    my $timeout = !ref $want && $want =~ /504|timeout/ ? '1s' : '15s';

    push @names, $name;
    $want{$name} = $want;
    $plugin{$name} = plugin_folder(
        name       => $name,
        lua        => { go => $lua },
        manifest   => { limits => { %$limits, timeout => $timeout } },
        operations => { go => { security => [{}, { bearer => [] }] } },
    );
}

# What others want to have.
my $victim = plugin_folder(
    name     => 'victim',
    lua      => { go => 'ihanoi.store.set("secret", "mine")
                         return 200, { said = ihanoi.store.get("secret") ..
                             #ihanoi.plugin.secret("key") }' },
    manifest => {
        limits      => { store => '256k' },
        permissions => { public => JSON::PP::true, secrets => ['key'] },
    },
);
my $secret = $victim->write('../key', "0123456789\n");
chmod 0600, $secret;

my $db = database();
my @tokens = tokens(map { { sub => "citizen-$_" } } 1 .. CITIZENS);
my $token = token(sub => 'citizen');
my %case = (category => 'road_damage', lat => 21.032, long => 105.8504);
my $gw;


# The core's calls, until the file "enough" is there: a line for each, with its
# status, or "none".
sub client {
    my ($number, $notes) = @_;
    my $http = IHanoi::Test::HTTP->new(port => $gw->port, timeout => 20);

    for (my $i = 1; !-e $gw->dir . '/enough'; $i++) {
        my $token = $tokens[$i % CITIZENS];
        my $r = eval {
            $i % 4 == 0
            ? $http->request('POST', '/v1/feedback', token => $token,
                             key => "load-$$-$i",
                             json => { %case, text => "load $$ $i" })
            : $i % 4 == 1
            ? $http->request('GET', '/v1/me/feedback?limit=5', token => $token)
            : $http->request('GET', '/v1/feedback?commune=00070&limit=5');
        };

        print $notes $r ? "$r->{status}\n" : "none\n";
        $http->close if !$r;
    }

    return;
}


# Three calls at once, then one more.
sub call {
    my ($name) = @_;
    my @clients = map { $gw->connection(timeout => 20) } 1 .. 3;

    $_->send($_->format('GET', "/v1/$name/go", token => $token, close => 1))
        for @clients;

    return (map { $_->response } @clients),
           $gw->get("/v1/$name/go", token => $token, timeout => 20);
}


# Whether answers are what a case has to come to; else what they are.
sub wrong {
    my ($want, @answers) = @_;
    my ($status, $type) = ref $want ? 200 : split / /, $want;
    my @wrong;

    for my $r (@answers) {
        if (!$r) {
            push @wrong, 'no answer';
            next;
        }

        my $said = $r->{json}{said} // '';
        my $problem = ($r->{json}{type} // '') =~ s{.*[/:]}{}r;

        next if $r->{status} =~ /\A$status\z/
             && (ref $want ? $said =~ $want->[0]
                           : !length($type // '') || $problem =~ /\A$type\z/);
        push @wrong, "$r->{status} $problem $said";
    }

    return join ', ', @wrong;
}


sub resident {
    my ($pid) = @_;
    open my $fh, '<', "/proc/$pid/status" or return 0;
    return (map { /^VmRSS:\s+(\d+)/ ? $1 : () } <$fh>)[0] // 0;
}


# Some of the cases on a gateway, under load.
sub beside_the_core {
    my (@names) = @_;

    $gw = gateway(
        db        => $db,
        workers   => 2,
        responses => 0,
        http      => $victim->block('public;', 'store 256k;',
                                    "secret key $secret;")
                   . join('', map { $plugin{$_}->block('public;', 'store 256k;', 'timeout 15s;') }
                              @names),
    );

    wait_until(sub {
        my $r = $gw->post('/v1/feedback', token => $token, key => "first-$names[0]",
                          json => { %case, text => 'first' });
        $r && $r->{status} == 201;
    }) or die 'no write goes through', "\n";

    is($gw->get('/v1/victim/go')->{json}{said}, 'mine10', 'a plugin has its own');

    my @workers = sort $gw->workers;
    my %before = map { $_ => resident($_) } @workers;
    my %lines;

    $lines{$_}++ for under_load(
        dir     => $gw->dir,
        clients => CLIENTS,
        client  => \&client,
        during  => sub {
            for my $name (@names) {
                my $start = time;

                is(wrong($want{$name}, call($name)), '', $name);
                diag sprintf '%s: %.1f s', $name, time - $start
                    if $ENV{HOSTILE_TIMES};
            }

            $gw->write('enough', '');
        },
    );

    my $good = ($lines{200} // 0) + ($lines{201} // 0);
    delete @lines{200, 201};
    is_deeply(\%lines, {}, "the core answered all of $good calls");
    cmp_ok($good, '>', 50, 'and not few');
    is_deeply([sort $gw->workers], \@workers, 'no worker has ended');

    SKIP: {
        skip 'AddressSanitizer keeps what is freed', scalar @workers
            if $sanitized;

        for my $pid (@workers) {
            my $grown = resident($pid) - ($before{$pid} // 0);
            cmp_ok($grown, '<', GROWTH, "a worker has not grown: $grown KiB");
        }
    }

    is($gw->get('/v1/victim/go')->{json}{said}, 'mine10', 'nobody took anything');

    my $log = $gw->error_log;

    for my $name (@names) {
        my (undef, undef, $text) = ref $want{$name} ? ()
                                                    : split / /, $want{$name}, 3;
        like($log, qr/plugin "$name" 1\.0\.0: .*$text/, "$name: the log says so")
            if length($text // '');
    }

    is(join("\n", grep { /forged/ && !/plugin "say_/ } split /\n/, $log), '',
       'no line in the log is forged');
    cmp_ok(scalar(() = $log =~ /plugin "say_flood" 1\.0\.0 says/g), '<=', 404,
           'nor is it flooded');
    $gw->stop;
    return;
}


# 64 contracts are the most that a gateway has.
beside_the_core(splice @names, 0, 48) while @names;

done_testing;
