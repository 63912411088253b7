/*
 * Copyright (C) iHaNoi contributors
 *
 * The sandbox's patterns, format(), sort() and concat(): they say what LuaJIT's
 * own say, and none of them outlives its call.
 */

#include <stdlib.h>

#include <lualib.h>

#include "tap.h"
#include "sandbox_fixture.h"


static lua_State *stock;


/* Before each text: a line for each try(), the same from everybody. */
static const char  prelude[] =
    "local lines = {}\n"
    "local function show(v)\n"
    "  if type(v) ~= 'string' then return tostring(v) end\n"
    "  local t = {}\n"
    "  for i = 1, #v do\n"
    "    t[i] = v:byte(i)\n"
    "    if t[i] < 32 or t[i] > 126 or t[i] == 92 then t[i] = '\\\\' .. t[i]\n"
    "    else t[i] = string.char(t[i]) end end\n"
    "  local s = '' for i = 1, #t do s = s .. t[i] end\n"
    "  return '\"' .. s .. '\"' end\n"
    "local function line(name, ...)\n"
    "  local s = name\n"
    "  for i = 1, select('#', ...) do\n"
    "    s = s .. ' ' .. show((select(i, ...))) end\n"
    "  lines[#lines + 1] = s end\n"
    "local function label(f, ...)\n"
    "  local s = f\n"
    "  for i = 1, select('#', ...) do\n"
    "    local v = select(i, ...)\n"
    "    s = s .. ' ' .. (type(v) == 'table' and 'table'\n"
    "      or type(v) == 'function' and 'function' or show(v)) end\n"
    "  return s .. ' ->' end\n"
    "local function try(f, ...)\n"
    "  line(label(f, ...), pcall(string[f], ...)) end\n"
    "local function all(s, p)\n"
    "  local n, o = 0, ''\n"
    "  for a, b in s:gmatch(p) do\n"
    "    o = o .. show(a) .. show(b) .. ';' n = n + 1\n"
    "    if n > 50 then break end end\n"
    "  return o end\n"
    "local seed = 12345\n"
    "local function random(n)\n"
    "  seed = (seed * 16807) % 2147483647\n"
    "  return seed % n + 1 end\n"
    "local function each(s, p)\n"
    "  for _, init in ipairs({1, 3, -2, 0, 100, -100}) do\n"
    "    try('find', s, p, init) try('match', s, p, init) end\n"
    "  try('find', s, p, 1, true)\n"
    "  line(label('gmatch', s, p), pcall(all, s, p))\n"
    "  for _, r in ipairs({'<%0>', '%1', '%2%%', '', 'x%', 7}) do\n"
    "    try('gsub', s, p, r) end\n"
    "  try('gsub', s, p, '-', 1) try('gsub', s, p, '-', -1)\n"
    "  try('gsub', s, p, {a = 'A', b = false, ab = 12, [1] = 'one'})\n"
    "  try('gsub', s, p, function(a, b)\n"
    "    if a == 'b' then return end return show(b) .. show(a) end) end\n";


static const char  patterns[] =
    "local P = {'', 'a', 'b', 'ab', '.', '.*', '.-', '.+', '.?', 'a*', 'a+',\n"
    " 'a-', 'a?', 'a-b', 'a*b', '^a', '^', '$', '^$', '^.*$', 'a$', 'a$b',\n"
    " '^^a', '$$', '%', 'x%', '%%', '%.', '%a', '%A+', '%c', '%C', '%d+',\n"
    " '%D', '%g+', '%G', '%l+', '%L', '%p+', '%P', '%s', '%S+', '%u', '%U+',\n"
    " '%w+', '%W', '%x+', '%X', '%z', '%Z+', '%y', '%-', '[', '[^', '[]',\n"
    " '[]]', '[^]]+', '[a', '[%', '[a%', '[a%]', '[a-', '[a-]', '[-a]',\n"
    " '[a-c]+', '[^a-c]+', '[z-a]', '[--a]', '[%a-z]', '[%-a]', '[a-%%]',\n"
    " '[a-%]', '[%w_]+', '[^%s]+', '[%]]', '[^^]', '[^%^]', '[.]', '[$]',\n"
    " '[a]*', '[a]-b', '[^b]?', '(a)', '(a*)', '((a)(b))', '()', '()a()',\n"
    " '(a', 'a)', '(', ')', '())', '(()', '(.)%1', '(.*)%1', '(.-)b%1',\n"
    " '%1', '%0', '(%1)', '()%1', '%9', '(a)(b)%2', '%b', '%bx', '%b()',\n"
    " '%b((', '%bab', '%b()b', '%f', '%fa', '%f[', '%f[a]', '%f[%w]%w+',\n"
    " '%f[%W]', '%f[%z]', '%f[^a]', 'a%f[b]', 'a**', '*', '+', '?', '-',\n"
    " 'a+-', 'a?+', '%a*b', '%b()*', '(a)*', '(a)+', '(a)?', '^(a)', '(^a)',\n"
    " '(a$)', 'a\\0b', '\\0', '%\\0', '[\\0]', '^a\\0', '.\\0x', '%b\\0',\n"
    " '%f[\\0]', '(.)(.)', '(.-)(.-)(b)', '([^,]*),?', '%s*(.-)%s*$',\n"
    " '(%w+)=(%w+)', '^%s*$', '\\200+', '[\\128-\\255]+', '%\\200',\n"
    " ('(a)'):rep(33), ('()'):rep(32), ('a?'):rep(199), ('a?'):rep(250),\n"
    " ('a*'):rep(9), ('(a?)'):rep(20), ('('):rep(40), '%q', 'a.b', 'a%.b'}\n"
    "local S = {'', 'a', 'b', 'aaa', 'aab', 'abab', 'ba', 'xaab b',\n"
    " 'a\\0b', '\\0', '(a(b)c)', '((', 'k=v, kk=vv', '  trim  ',\n"
    " 'a.b%c-d]^$',\n"
    " 'THE (quick) fox', 'vi\\225\\187\\135t', '0x1F a_9\\n\\t', '(a))b'}\n"
    "for _, p in ipairs(P) do for _, s in ipairs(S) do each(s, p) end end\n";

static const char  classes[] =
    "for c = 0, 255 do for b = 1, 255 do\n"
    "  local p = string.char(b)\n"
    "  if ('acdglpsuwxzACDGLPSUWXZ'):find(p, 1, true) or c % 32 == 5 then\n"
    "    try('find', string.char(c), '%' .. p)\n"
    "    try('find', string.char(c), '[%' .. p .. ']') end end end\n";

static const char  pseudo[] =
    "local I = {'a', 'b', '.', '%a', '%d', '[ab]', '[^a]', '(', ')', '()',\n"
    " '%1', '%2', '%b()', '%f[a]', '^', '$', '[', ']', '%', 'c', '(', ')'}\n"
    "local Q = {'', '', '', '*', '+', '-', '?'}\n"
    "local C = {'a', 'b', 'c', '(', ')', '1', '\\0', 'a', 'b'}\n"
    "for n = 1, 3000 do\n"
    "  local p, s = '', ''\n"
    "  for i = 1, random(7) do p = p .. I[random(#I)] .. Q[random(#Q)] end\n"
    "  for i = 1, random(12) do s = s .. C[random(#C)] end\n"
    "  each(s, p) end\n";

static const char  arguments[] =
    "for _, f in ipairs({'find', 'match', 'gmatch', 'gsub', 'format'}) do\n"
    "  try(f) try(f, nil) try(f, {}) try(f, 'a') try(f, 'a', {})\n"
    "  try(f, 12) try(f, true, 'a') end\n"
    "try('find', 123, 2) try('match', 123, 2) try('gsub', 121, 1, 3)\n"
    "try('find', 'a', 'a', {}) try('find', 'aaa', 'a', '2')\n"
    "try('find', 'aaa', 'a', 2.9) try('find', 'a', 'a', nil, nil)\n"
    "try('gsub', 'a', 'a') try('gsub', 'a', 'a', nil)\n"
    "try('gsub', 'a', 'a', true) try('gsub', 'a', 'a', 'b', {})\n"
    "try('gsub', 'abc', '.', 'b', 1.9) try('gsub', 'abc', '.', 'b', '2')\n"
    "try('gsub', 'a', 'a', function() return {} end)\n"
    "try('gsub', 'a', 'a', function() return true end)\n"
    "try('gsub', 'a', 'a', function() error('mine', 0) end)\n"
    "try('gsub', 'a', 'a', {a = true})\n"
    "try('gsub', 'abc', '%w', setmetatable({}, {__index = function(_, k)\n"
    "  return k .. k end}))\n"
    "try('gsub', 'a', 'a', '%2') try('gsub', 'a', 'a', '%z%')\n"
    "try('gsub', 'a', '(a)', '%1%1%0\\0')\n"
    "line('big', (('x'):rep(30000):gsub('x', 'yz')))\n"
    "line('big', (('x'):rep(30000):gsub('x', function() return 'yzz' end)))\n"
    "line('called', pcall(function() return string.find({}, 'x') end))\n"
    "line('called', pcall(function() return ('x'):find() end))\n"
    "line('called', pcall(function() return ('x'):find('[') end))\n"
    "line('called', pcall(function() return ('x'):gsub('x', '%2') end))\n"
    "line('called', pcall(function() return ('x').find() end))\n"
    "line('called', pcall(function() return ('%d'):format('x') end))\n"
    "line('called', pcall(function() return ('%y'):format('x') end))\n"
    "line('called', pcall(function() table.sort({1, 'x'}) end))\n"
    "line('called', pcall(function() table.sort(1) end))\n"
    "line('called', pcall(function() return table.concat({{}}) end))\n";

static const char  formats[] =
    "local F = {'%', '%%', '%y', '%123d', '%.123d', '%10.123f', '%-+ #0d',\n"
    " '%------5d', '%*d', '%i', '%d', '%u', '%5', '%.d', '%5.2s', '%-5q',\n"
    " '%q', '%c', '%5c', '%ld', '%F', '%f', '%e', '%E', '%g', '%G', '%a',\n"
    " '%A', '%x', '%X', '%o', '%#x', '%.3f', '%+.3e', '%99.99f', '%5%',\n"
    " '% %', '%s', '%.3s', '%20s', '%-20s|', 'a%db%sc', '%s%s', '%d%%%s',\n"
    " '%\\0', '%5\\0d', 'a\\0b%s\\0', '', '%.0f', '%.20s', '%+s', '%05d'}\n"
    "local V = {0, 1, -1, 65, 1.5, -0.1, 1e20, -1e300, 2^31, 2^53, 1/0, -1/0,\n"
    " '12', '0x10', 'abc', '', 'a\\0b\\n\"\\\\', true, false}\n"
    "for _, f in ipairs(F) do\n"
    "  try('format', f) try('format', f, nil)\n"
    "  for i, v in ipairs(V) do\n"
    "    try('format', f, v) try('format', f, v, V[i % #V + 1]) end end\n"
    "local m = setmetatable({}, {__tostring = function() return 'me' end})\n"
    "line('meta', pcall(string.format, '%s %10s', m, m))\n"
    "line('meta', pcall(string.format, '%d', m))\n"
    "line('meta', pcall(string.format, '%s', setmetatable({},\n"
    "  {__tostring = function() error('mine', 0) end})))\n"
    "line('meta', pcall(string.format, '%s', setmetatable({},\n"
    "  {__tostring = function() return 5 end})))\n";

static const char  tables[] =
    "local function sorted(t, f)\n"
    "  local ok, e = pcall(table.sort, t, f)\n"
    "  if not ok then return e end\n"
    "  local o = '' for i = 1, #t do o = o .. show(t[i]) .. ' ' end\n"
    "  return o end\n"
    "for n = 0, 70 do\n"
    "  local t, u, s = {}, {}, {}\n"
    "  for i = 1, n do t[i] = random(n * 2) u[i] = t[i]\n"
    "    s[i] = string.char(64 + random(26), 64 + random(26)) end\n"
    "  line('sort ' .. n, sorted(t)) line('again ' .. n, sorted(t))\n"
    "  line('sort > ' .. n, sorted(u, function(a, b) return a > b end))\n"
    "  line('strings ' .. n, sorted(s)) end\n"
    "local t = {} for i = 1, 3000 do t[i] = random(1000000) end\n"
    "line('many', sorted(t))\n"
    "line('lt', sorted((function() local m, t = {}, {}\n"
    "  m.__lt = function(a, b) return a.n < b.n end\n"
    "  m.__tostring = function(a) return a.n end\n"
    "  for i = 1, 20 do t[i] = setmetatable({n = i * 7 % 20}, m) end\n"
    "  return t end)()))\n"
    "line('mixed', sorted({1, 'x'})) line('tables', sorted({{}, {}}))\n"
    "line('nil', sorted({1, 2}, nil)) line('5', sorted({1, 2}, 5))\n"
    "line('false', sorted({1, 2}, false)) line('raises', sorted({2, 1},\n"
    "  function() error('mine', 0) end))\n"
    "line('none', pcall(table.sort)) line('string', pcall(table.sort, 'x'))\n"
    "line('hole', sorted({3, nil, 1, n = 1}))\n"
    "local function cat(...) line('concat', pcall(table.concat, ...)) end\n"
    "cat() cat({}) cat({1, {}, 3}) cat({1, 2, 3}, ', ', 2) cat({1, 2}, {})\n"
    "cat({1, 2}, ',', 1, 3) cat({1, 2}, nil, nil, 1) cat({1, 2}, ',', 3, 2)\n"
    "cat({1.5, 1e20, 'x', -0}, 1) cat({1}, ',', nil, 5) cat(5) cat({'a'})\n"
    "cat({'a', 'b', 'c'}) cat({'a\\0', '\\0b'}, '\\0') cat({'', '', ''})\n"
    "cat({[-1] = 'x', [0] = 'y', 'z'}, '-', -1) cat({true}) cat({'a'}, ',',\n"
    "  'x') cat({'a', 'b'}, ',', '1', '2') cat({'', ''}, ',')\n"
    "cat({}, ',', 1, 0) cat({}, ',', 2147483647, 2147483646)\n"
    "local t = {} for i = 1, 5000 do t[i] = i end\n"
    "cat(t) cat(t, ', ') cat(t, ', ', 7, 4000)\n";


static const char  result[] =
    "\nlocal s, half = lines\n"
    "while #s > 1 do\n"
    "  half = {}\n"
    "  for i = 1, #s, 2 do\n"
    "    half[#half + 1] = s[i + 1] and s[i] .. '\\n' .. s[i + 1] or s[i] end\n"
    "  s = half end\n"
    "return s[1]\n";


static void
same(const char *name, const char *body)
{
    int          n, differ;
    char        *text;
    size_t       mine_len, its_len;
    const char  *mine, *its, *mine_eol, *its_eol;

    text = malloc(sizeof(prelude) + strlen(body) + sizeof(result));
    sprintf(text, "%s%s%s", prelude, body, result);

    lua_settop(stock, 0);

    if (luaL_loadbufferx(stock, text, strlen(text), "=t", "t") != 0
        || lua_pcall(stock, 0, 1, 0) != 0)
    {
        ok(0, "%s: %s", name, lua_tostring(stock, -1));
        free(text);
        return;
    }

    n = run_for(text, 300000000);
    free(text);

    if (n != IHANOI_RUN_DONE) {
        ok(0, "%s: %s", name, ihanoi_call_error(call));
        return;
    }

    mine = lua_tostring(ihanoi_call_state(call), -1);
    its = lua_tostring(stock, -1);
    n = 0;
    differ = 0;

    while (mine && its) {
        mine_eol = strchr(mine, '\n');
        its_eol = strchr(its, '\n');
        mine_len = mine_eol ? (size_t) (mine_eol - mine) : strlen(mine);
        its_len = its_eol ? (size_t) (its_eol - its) : strlen(its);
        n++;

        if ((mine_len != its_len || memcmp(mine, its, mine_len) != 0)
            && differ++ < 10)
        {
            printf("#   mine: %.*s\n#  stock: %.*s\n", (int) mine_len, mine,
                   (int) its_len, its);
        }

        mine = mine_eol ? mine_eol + 1 : NULL;
        its = its_eol ? its_eol + 1 : NULL;
    }

    ok(mine == its && differ == 0, "%s: %d of %d differ", name, differ, n);
    end();
}


/* Sorted and joined below: to make it takes longer than a call there has. */
static const char  big[] =
    "big = {} for i = 1, 5e5 do big[i] = i * 7919 % 1000003 end";

/* None of them ends in time by itself with the stock functions. */
static const char  *hangs[] = {
    "return ('a'):rep(200):find('(.-)(.-)(.-)(.-)b')",
    "return ('a'):rep(1000):find('(.-)(.-)(.-)(.-)b')",
    "return ('a'):rep(1e5):find('.*b')",
    "return ('a'):rep(1e5):find('.-b')",
    "return ('a'):rep(2e5):match('a-a-b')",
    "return ('a'):rep(1e5):gsub('.-b', '')",
    "return ('a'):rep(4e6):gsub('', {})",
    "for x in ('a'):rep(1e6):gmatch('.-b') do end",
    "return ('('):rep(1e6):find('%b()')",
    "return ('a'):rep(60):find(('a*'):rep(6) .. 'b')",
    "return ('a'):rep(60):find(('a?'):rep(60) .. ('a'):rep(60) .. 'b')",
    "return ('b'):rep(1e5):find('[' .. ('a'):rep(1e5) .. ']')",
    "return ('a'):rep(1e5):find(('a'):rep(5e4) .. '-b')",
    "return ('a'):rep(1e5):find('(a*)%1b')",
    "return ('a'):rep(1e5):find('a-%f[b]')",
    "return ('a'):rep(1e5):gsub('()', ('%1'):rep(1e5))",
    "return ('a'):rep(1e5):gsub('(b?)', ('%1'):rep(1e5))",
    "while true do pcall(string.find, ('a'):rep(1e5), '.-b') end",
    "while true do pcall(string.gsub, ('a'):rep(1e4), '.', string.len) end",
    "return ('b'):rep(1e5):find('[^' .. ('a'):rep(1e5) .. ']*')",
    "table.sort(big)",
    "table.sort(big, rawequal)",
    "table.sort(big, function() return true end)",
    "return table.concat(big, ', ')",
    "local function f() while true do end end\n"
    "while true do pcall(string.format, '%s', setmetatable({},\n"
    "  {__tostring = f})) end",
};


static void
test_hangs(void)
{
    size_t        i;
    double        begin, took;
    ihanoi_run_e  rc;

    is_int(run_for(big, 10000000), IHANOI_RUN_DONE, "a big table");

    for (i = 0; i < sizeof(hangs) / sizeof(hangs[0]); i++) {
        begin = now();
        rc = run_for(hangs[i], 20000);
        took = now() - begin;

        is_int(rc, IHANOI_RUN_CPU, "killed: %s", hangs[i]);
        ok(ihanoi_call_usec(call) < 150000 && took < 10,
           "in time: %u us, %.3f s", ihanoi_call_usec(call), took);
        end();
    }

    is_str(said("big = nil return 1 + 1"), "2", "others go on");
}


/* LuaJIT's own gsub() ends the process here. */
static void
test_recursion(void)
{
    is_str(said("local f function f() return (('a'):gsub('a', f)) end\n"
                "return select(2, pcall(f)):match('stack overflow')"),
           "stack overflow", "gsub() in gsub() in gsub() is an error");
    is_str(said("local t = {} t = setmetatable(t, {__index = function(t, k)\n"
                "  return (k:gsub('a', t)) end})\n"
                "return select(2, pcall(string.gsub, 'a', 'a', t))\n"
                "  :match('stack overflow')"),
           "stack overflow", "with a table too");
    is_str(said("local function h() pcall(error) return (('a'):gsub('a', 'b')) end\n"
                "local f function f() return (('a'):gsub('a', f)) end\n"
                "return tostring(xpcall(f, h))"),
           "false", "a handler of xpcall() does not go on where the stack is full");
    is_str(said("local function h() pcall(error) local x = nil return x.y end\n"
                "return tostring(xpcall(error, h))"),
           "false", "nor one that is called for its own errors");
    is_str(said("return select(2, xpcall(error, function(x) return x .. 1 end, 'a'))"),
           "a1", "one that does not is as ever");
    is_str(said("return select(2, pcall(xpcall, error, 1)):match('function expected')"),
           "function expected", "and has to be a function");
    is_str(said("local f function f() table.sort({1, 2, 3}, f) end\n"
                "return select(2, pcall(f)):match('stack overflow')"),
           "stack overflow", "sort()");
    is_str(said("local m = setmetatable({}, {__tostring = tostring})\n"
                "return select(2, pcall(tostring, m)):match('overflow')"),
           "overflow", "tostring()");
    is_str(said("local m m = setmetatable({}, {__tostring = function()\n"
                "  return ('%s'):format(m) end})\n"
                "return select(2, pcall(tostring, m)):match('overflow')"),
           "overflow", "format()");
    is_str(said("return ('a'):rep(9)"), "aaaaaaaaa", "and all goes on");
}


static void
test_no_address(void)
{
    size_t      i;
    char        text[256];

    static const char *const  values[] = {
        "{}", "print or tostring", "function() end",
        "coroutine.create(function() end)", "nil", "true",
        "setmetatable({}, {__tostring = function() return {} end})",
        "setmetatable({}, {__tostring = function() return tostring end})",
        "('x').gmatch('a', 'a')"
    };

    static const char *const  calls[] = {
        "string.format('%%s', v)", "string.format('%%20s', v)",
        "string.format('%%q', v)", "string.format('%%p', v)",
        "string.format('%%d', v)", "string.format('%%x', v)",
        "tostring(v)", "table.concat({v})", "table.sort({v, v, 1})",
        "string.gsub('a', 'a', v)",
        ("string.gsub('a', 'a', function()\n"
         "  return v end)"),
        "('a'):find(v)", "error(v)"
    };

    size_t      j;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        for (j = 0; j < sizeof(calls) / sizeof(calls[0]); j++) {
            snprintf(text, sizeof(text), "local v = %s\n"
                     "local _, s = pcall(function() return (", values[i]);
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     calls[j], "");
            snprintf(text + strlen(text), sizeof(text) - strlen(text),
                     ") end) return type(s) == 'string' and s or type(s)");

            ok(strstr(said(text), "0x") == NULL, "no address: %s", text);
        }
    }

    is_str(said("local s = string.format('%p', {}) return s"),
           "t:1: invalid option '%p' to 'format'", "%%p is refused");
    is_str(said("return string.format('%s %s %s', {}, tostring, nil)"),
           "table function nil", "%%s is as tostring()");
    is_str(said("local m = setmetatable({}, {__tostring = function() return {} end})\n"
                "return string.format('%s %s %d', m, m, 7)"),
           "table table 7", "of what gives no text, too");
}


static void
test_sort(void)
{
    is_str(said("local n = 0 local t = {}\n"
                "for i = 1, 1000 do t[i] = i * 7919 % 1009 end\n"
                "table.sort(t, function(a, b) n = n + 1\n"
                "  return n * 31 % 7 < 3 end)\n"
                "table.sort(t) for i = 2, 1000 do\n"
                "  if t[i] < t[i - 1] then return 'wrong' end end\n"
                "return n < 11000 and 'all there'"), "all there",
           "a comparator without sense loses nothing");
    is_str(said("local t = {5, 4, 3, 2, 1, 0}\n"
                "table.sort(t, function(a, b)\n"
                "  for i = 1, 6 do t[i] = nil end return a < b end)\n"
                "return table.concat(t)"), "012345",
           "nor one that empties the table");
    is_str(said("local t = {0/0, 1, 0/0, 3, 2, 0/0}\n"
                "table.sort(t) return #t"), "6", "NaN is no harm");
    is_str(said("local t = {} for i = 1, 100 do t[i] = {i % 5, i} end\n"
                "table.sort(t, function(a, b) return a[1] < b[1] end)\n"
                "for i = 2, 100 do local a, b = t[i - 1], t[i]\n"
                "  if a[1] == b[1] and a[2] > b[2] then\n"
                "    return 'wrong' end end\n"
                "return 'stable'"), "stable", "equals stay in order");
}


int
main(void)
{
    ihanoi_sandbox_conf_t  conf;

    if (ihanoi_sandbox_start_timer(SIGRTMIN + 3, NULL, 0, NULL) != 0) {
        return 1;
    }

    memset(&conf, 0, sizeof(conf));
    conf.name = "test";
    conf.memory = 256 * 1024 * 1024;

    sandbox = ihanoi_sandbox_create(&conf);
    stock = luaL_newstate();

    if (sandbox == NULL || stock == NULL) {
        return 1;
    }

    luaL_openlibs(stock);

    same("patterns", patterns);
    same("classes", classes);
    same("pseudo-random patterns", pseudo);
    same("arguments", arguments);
    same("formats", formats);
    same("tables", tables);

    test_hangs();
    test_recursion();
    test_no_address();
    test_sort();

    end();
    lua_close(stock);
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
