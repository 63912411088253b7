/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.json: what is written reads back, what is not JSON is refused, and
 * no text or table outlives its call.
 */

#include "host_fixture.h"
#include "ihanoi_lua_json.h"


#define MB  (1024 * 1024)

#define J  "local j = ihanoi.json "

/* the text, or the error */
#define E  J "local function e(v) local s, err = j.encode(v) " \
             "return s or err end "

#define D  J "local function d(s) local v, err = j.decode(s) " \
             "if v == nil then return err end return v end "


static void
encoding(void)
{
    says(J "return j.encode('text')", "\"text\"");
    says(J "return j.encode(true) .. j.encode(false) .. j.encode(nil)",
         "truefalsenull");
    says(J "return j.encode(j.null)", "null");
    says(J "return tostring(j.null)", "null");
    says(J "return j.encode({})", "{}");
    says(J "return j.encode(j.array({})) .. j.encode(j.array())", "[][]");
    says(J "return j.encode({1, 'two', {3}, {a = 4}, j.null, false})",
         "[1,\"two\",[3],{\"a\":4},null,false]");
    says(J "return j.encode({a = {b = {c = {}}}})",
         "{\"a\":{\"b\":{\"c\":{}}}}");
    says(J "local t = {} for i = 3, 1, -1 do t[i] = i end return j.encode(t)",
         "[1,2,3]");
    says(J "return j.encode(setmetatable({1}, {__index = error, "
         "__len = error, __tostring = error}))", "[1]");

    /* text */

    says(J "return j.encode('\\0\\1\\31 \\\"\\\\/\\n\\r\\t\\8\\127')",
         "\"\\u0000\\u0001\\u001f \\\"\\\\/\\n\\r\\t\\u0008\177\"");
    says(J "return j.encode('phường Bạch Mai ₫ 😀')",
         "\"phường Bạch Mai ₫ 😀\"");
    says(E "return e('a\\255')", "$ is not valid UTF-8");
    says(E "return e('\\237\\160\\128')", "$ is not valid UTF-8");
    says(E "return e('\\226\\130')", "$ is not valid UTF-8");
    says(E "return e({['\\255'] = 1})", "$ has a name that is not valid UTF-8");
    says(E "return e({x = {['\\255'] = 1}})",
         "$.x has a name that is not valid UTF-8");

    /* numbers */

    says(J "return j.encode({0, -0, -1, 1e15, 2^53, -2^53, 123456789})",
         "[0,0,-1,1000000000000000,9007199254740992,-9007199254740992,"
         "123456789]");
    says(J "return j.encode({0.1, 1.5, -2.25, 0.1 + 0.2, 1/3, 1e300, 5e-324})",
         "[0.1,1.5,-2.25,0.30000000000000004,0.3333333333333333,1e+300,"
         "4.94065645841247e-324]");
    says(J "return j.encode({10.5, -0.000001, 0.0000015, 21.028511, "
         "999999999.999999, 1234567890.123456, 100.25, 1e-7, 5e14 + 0.5})",
         "[10.5,-0.000001,1.5e-06,21.028511,999999999.999999,"
         "1234567890.123456,100.25,1e-07,500000000000000.5]");
    says(J "for i = 1, 30000 do local v = math.random(-2^31, 2^31 - 1) "
         "/ 10^math.random(0, 9) local s = j.encode(v) "
         "if j.decode(s) ~= v or tonumber(s) ~= v or #s > #('%.15g'):format(v) "
         "+ 3 then return s end end return 'all'", "all");
    says(J "return j.encode(2^54)", "18014398509481984.0");
    says(E "return e(0/0)", "$ is not a number (nan)");
    says(E "return e({a = {1/0}})", "$.a[1] is infinite");

    /* what JSON has not */

    says(E "return e(print or error)", "$ is a function");
    says(E "return e({items = {1, 2, error}})", "$.items[3] is a function");
    says(E "return e({items = {1, 2, {x = ihanoi}}})",
         "$.items[3].x is no value of JSON");
    says(E "return e(coroutine.create(error))", "$ is no value of JSON");
    says(E "return e({1, nil, 3})", "$ is an array with holes");
    says(E "return e({[2] = 1})", "$ is an array with holes");
    says(E "return e({1, 2, n = 2})", "$ is an array with a name in it");
    says(E "return j.encode({x = 1, [true] = 2}) == nil "
         "and j.encode({x = 1, [2] = 2}) == nil", "true");
    says(E "return e({[0] = 1})", "$ has a key that is no index");
    says(E "return e({[1.5] = 1})", "$ has a key that is no index");
    says(E "return e({[1e300] = 1})", "$ has a key that is no index");
    says(E "return e({[{}] = 1})", "$ has a key that is no string");
    says(E "return e({a = j.array({x = 1})})",
         "$.a is an array with a name in it");
    says(E "local t = {} t.t = t return (e(t):gsub('%.t', ''))",
         "$ is nested too deep, or in itself");
    says(E "local t = {} t[1] = t return (e(t):gsub('%[1%]', ''))",
         "$ is nested too deep, or in itself");
    says(J "local t = {} for i = 2, 32 do t = {t} end return j.encode(t)",
         "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    says(E "local t = {} for i = 2, 33 do t = {t} end return #e(t)", "130");
    says(E "return e({[('\xe1\xbb\x87'):rep(99)] = error})",
         "$.ệệệệệệệệệệệệệ... is a function");
    says(E "return e({['a\\nb'] = error})", "$.a?b is a function");

    /* marks */

    says(J "return getmetatable(j.array())", "array");
    says(J "return select(2, pcall(setmetatable, j.array(), {}))",
         "cannot change a protected metatable");
    says(J "local x = j.array(setmetatable({}, {}))",
         "t:1: bad argument #1 to 'array' (a table with a metatable of its "
         "own)");
    says(J "local t = j.array() return j.array(t) == t", "true");
    says(J "local x = j.array(5)",
         "t:1: bad argument #1 to 'array' (table expected, got number)");
    says(J "local x = j.encode()",
         "t:1: bad argument #1 to 'encode' (value expected)");

    /* raw */

    says(J "return j.encode({j.raw(' {\"a\": 12345678901234567890.50} ')})",
         "[ {\"a\": 12345678901234567890.50} ]");
    says(J "return tostring(j.raw('[1]'))", "[1]");
    says(J "return select(2, j.raw('[1'))",
         "a comma or closing bracket is expected at byte 3");
    says(J "return select(2, j.raw('1 2'))", "text after the value at byte 3");
}


static void
decoding(void)
{
    says(D "return d('\"a\"') .. d('12') .. tostring(d(' true '))", "a12true");
    says(D "return tostring(d('false'))", "false");
    says(D "return d('null') == j.null", "true");
    says(D "local t = d('{\"a\":[1,{\"b\":null}],\"c\":\"d\"}') "
         "return t.a[1] .. tostring(t.a[2].b) .. t.c .. #t.a", "1nulld2");
    says(D "return j.encode(d('[]')) .. j.encode(d('{}')) "
         ".. j.encode(d('[[],{}]'))", "[]{}[[],{}]");
    says(D "return d('{\"1\":2}')['1']", "2");
    says(D "for n = 0, 200 do local list, names = {}, {} "
         "for i = 1, n do list[i] = i names[i] = ('\"%d\":%d'):format(i, i) end "
         "list = d('[' .. table.concat(list, ',') .. ']') "
         "names = d('{' .. table.concat(names, ',') .. '}') "
         "local found = #list for i = 1, n do "
         "if list[i] == i and names[tostring(i)] == i then found = found + 1 end "
         "end for _ in pairs(names) do found = found + 1 end "
         "if found ~= 3 * n then return n end end return 'all'", "all");
    says(D "return d('\"\\\\u0041\\\\u1ec7\\\\ud83d\\\\ude00\\\\n\\\\\\\\\\\\/"
         "\\\\\"\\\\b\\\\f\\\\r\\\\t\"')", "Aệ😀\n\\/\"\b\f\r\t");
    says(D "local s = ('\\\\u1ec7\\\\n'):rep(300) "
         "return d('\"' .. s .. '\"') == ('ệ\\n'):rep(300)", "true");

    says(D "return ('%.17g'):format(d('0.30000000000000004'))",
         "0.30000000000000004");
    says(D "return ('%.0f'):format(d('9007199254740992'))", "9007199254740992");
    says(D "return ('%.0f'):format(d('-9007199254740992'))",
         "-9007199254740992");
    says(D "return d('-12.5e-1') .. d('1E2') .. d('-0') .. d('0.0')",
         "-1.2510000");
    says(D "return j.encode(d('[5.0,50e-1,-0.0,-0e3,-1.0,9007199254740992.0]'))",
         "[5,5,0,0,-1,9007199254740992]");

    says(D "return d('9007199254740993')",
         "integer beyond 2^53, which a number cannot hold exactly at byte 1");
    says(D "return d('[1,18446744073709551617]')",
         "integer beyond 2^53, which a number cannot hold exactly at byte 4");
    says(D "return d('1e400')", "number out of range at byte 1");
    says(D "return d('{\"a\":1,\"b\":2,\"a\":3}')",
         "a member stands twice in one object at byte 14");
    says(D "return d('{\"a\":1,\"\\\\u0061\":3}')",
         "a member stands twice in one object at byte 8");
    says(D "return d('{\"a\":null,\"a\":null}')",
         "a member stands twice in one object at byte 11");
    says(D "return d('{\"\\\\u0061\":1,\"a\":3}')",
         "a member stands twice in one object at byte 13");
    says(D "return d('{\"b\":1,\"\\\\u0061\":2,\"c\":3,\"a\":4}')",
         "a member stands twice in one object at byte 25");

    /* beyond what waits for its table, and of names that look alike to a sum */

    says(D "local t = {} for i = 1, 100 do t[i] = ('\"%d\":%d'):format(i, i) end "
         "t[101] = '\"7\":0' return d('{' .. table.concat(t, ',') .. '}')",
         "a member stands twice in one object at byte 786");
    says(D "local t = {} for i = 1, 31 do t[i] = ('\"%d\":%d'):format(i, i) end "
         "t[32] = '\"31\":0' return d('{' .. table.concat(t, ',') .. '}')",
         "a member stands twice in one object at byte 232");
    says(D "return d('\"\\\\u0000\"')",
         "the character NUL is not allowed at byte 2");
    says(D "return d('\"\\255\"')", "invalid UTF-8 at byte 2");
    says(D "return d('')", "the text ends too early at byte 1");
    says(D "return d('[')", "the text ends too early at byte 2");
    says(D "return d('{\"a\"')", "a colon is expected at byte 5");
    says(D "return d('{\"a\":')", "the text ends too early at byte 6");
    says(D "return d('{\"a\":1,}')", "a member's name is expected at byte 8");
    says(D "return d('[1,]')", "a value is expected at byte 4");
    says(D "return d('{\"a\":1} x')", "text after the value at byte 9");
    says(D "return d('nul')", "a value is expected at byte 1");
    says(D "return d('1\\0')", "text after the value at byte 2");
    says(D "return d(('['):rep(33) .. (']'):rep(33))",
         "nested too deep at byte 33");
    says(D "return d(('['):rep(100000))", "nested too deep at byte 33");
    says(D "return #d(('['):rep(32) .. (']'):rep(32))", "1");
    says(J "local x = j.decode()",
         "t:1: bad argument #1 to 'decode' (string expected, got no value)");
}


/* Random values come back as they went. */

static void
round_trips(void)
{
    says(J "for i = 1, 20000 do "
         "local s = ('%s%d.%0' .. math.random(1, 12) .. 'd'):format("
         "math.random(2) == 1 and '-' or '', math.random(0, 10^math.random(8)),"
         "math.random(0, 9)) "
         "if j.decode(s) ~= tonumber(s) then return s end end return 'all'",
         "all");
    says(J "return 1 / j.decode('-0.0')", "-inf");

    /* more objects and arrays than are counted ahead */

    says(J "local t = {} for i = 1, 400 do t[i] = { a = i, b = { i } } end "
         "t = j.decode(j.encode(t)) for i = 1, 400 do "
         "if t[i].a ~= i or t[i].b[1] ~= i then return i end end return #t",
         "400");


    says("local j, r = ihanoi.json, math.random\n"
         "local function make(n)\n"
         "  local k = r(n > 0 and 8 or 6)\n"
         "  if k == 1 then return r(2) == 1 end\n"
         "  if k == 2 then return j.null end\n"
         "  if k == 3 then return r(-2^31, 2^31 - 1) * 2^r(0, 21) end\n"
         "  if k == 4 then return (r() - 0.5) * 10^r(-300, 300) end\n"
         "  if k < 7 then local s = {}\n"
         "    for i = 1, r(0, 40) do s[i] = string.char(r(1, 127)) end\n"
         "    return table.concat(s) end\n"
         "  local t = k == 7 and j.array() or {}\n"
         "  for i = 1, r(0, 6) do\n"
         "    t[k == 7 and i or make(0) .. ''] = make(n - 1) end\n"
         "  return t end\n"
         "local function same(a, b)\n"
         "  if type(a) ~= 'table' then return a == b end\n"
         "  if getmetatable(a) ~= getmetatable(b) then return false end\n"
         "  for k in pairs(a) do\n"
         "    if not same(a[k], b[k]) then return false end end\n"
         "  for k in pairs(b) do\n"
         "    if a[k] == nil then return false end end\n"
         "  return true end\n"
         "local function name(v) return type(v) == 'string' end\n"
         "make = (function(f) return function(n) local v\n"
         "  repeat v = f(n) until n > 0 or name(v) or type(v) == 'number'\n"
         "  return v end end)(make)\n"
         "local many = 0\n"
         "for i = 1, 3000 do local v = make(4)\n"
         "  local s, e = j.encode(v)\n"
         "  if not s then return e end\n"
         "  local w, e = j.decode(s)\n"
         "  if w == nil then return e .. ': ' .. s end\n"
         "  if not same(v, w) then return s end\n"
         "  if not same(w, j.decode(j.encode(w))) then return s end\n"
         "  many = many + #s end\n"
         "return many > 100000", "true");
}


/* Memory and time end in the middle of it: nothing is left behind. */

static void
limits(void)
{
    int     i;
    size_t  before, rest;

    start(8 * MB);
    says("return 1", "1");
    ihanoi_sandbox_collect(sandbox);
    before = ihanoi_sandbox_memory(sandbox);

    says("local s = ('x'):rep(1e6) "
         "local x = ihanoi.json.encode({s, s, s, s, s, s, s, s})",
         "t:1: not enough memory");
    says("local s = ('x'):rep(1e6) return #ihanoi.json.encode(s)", "1000002");
    says("local s = ('x'):rep(1e6) local n = 0 for i = 1, 50 do "
         "n = n + #ihanoi.json.encode({i, s}) end return n > 5e7", "true");
    says("local s = ('\\1'):rep(1e6) for i = 1, 5 do "
         "pcall(ihanoi.json.encode, {s, s, s}) end return 1", "1");
    says("return #ihanoi.json.encode(ihanoi.json.decode('[' .. "
         "('1,'):rep(99999) .. '1]'))", "200001");
    says("local s = ('[\"a\"],'):rep(20000) "
         "for i = 1, 3 do ihanoi.json.decode('[' .. s) end return 1", "1");

    is_int(run_for("local s = '[' .. ('[],'):rep(300000) .. '1]' "
                   "local t = ihanoi.json.decode(s) return 1", 5000000),
           IHANOI_RUN_MEMORY, "more tables than fit in: killed");

    end();
    ihanoi_sandbox_collect(sandbox);
    rest = ihanoi_sandbox_memory(sandbox);
    ok(rest < before + 65536, "all was given back: %zu bytes, once %zu", rest,
       before);

    /* time: encode, decode and raw are ended in the middle */

    start(256 * MB);
    ihanoi_sandbox_collect(sandbox);
    before = ihanoi_sandbox_memory(sandbox);

    for (i = 0; i < 4; i++) {
        is_int(run_for("local t = {} for i = 1, 20000 do t[i] = "
                       "{name = 'phường', n = i + 0.1, list = {1, 2, 3}} end "
                       "while true do pcall(ihanoi.json.encode, t) end",
                       100000 + i * 1700), IHANOI_RUN_CPU,
               "encode in a loop is killed");
        end();

        is_int(run_for("local s = '[' .. ('{\"a\":[1.5,\"\\\\n\"]},'):rep(20000)"
                       ".. '1]' "
                       "while true do pcall(ihanoi.json.decode, s) end",
                       100000 + i * 1700), IHANOI_RUN_CPU,
               "decode in a loop is killed");
        end();
    }

    is_int(run_for("local t = {} for i = 1, 400 do t[i] = t[i - 1] and "
                   "{t[i - 1], t[i - 1]} or {1} end "
                   "pcall(ihanoi.json.encode, t[31]) return 'not killed'",
                   100000), IHANOI_RUN_CPU,
           "a small table that is 2^30 values is killed");
    ok(ihanoi_call_usec(call) < 150000, "in time: %u usec",
       ihanoi_call_usec(call));
    end();

    /* each collection leaves half of the buffer that all texts are made in */

    for (i = 0; i < 4; i++) {
        ihanoi_sandbox_collect(sandbox);
    }

    rest = ihanoi_sandbox_memory(sandbox);
    ok(rest < before + 65536, "all was given back: %zu bytes, once %zu", rest,
       before);

    is_int(run_for("local s = '\"' .. ('\\\\n'):rep(4e6) .. '\"' "
                   "return #ihanoi.json.decode(s)", 5000000),
           IHANOI_RUN_DONE, "one long text of escapes");
    ok(slices > 50, "others have turns while it is read: %u", slices);
    end();
}


/* The C side: texts that end where they end, text that the caller owns. */

static char    *c_text;
static size_t   c_len;


static int
c_encode(lua_State *L)
{
    if (ihanoi_lua_encode_json(L, 1, &c_text, &c_len) != 0) {
        return 1;
    }

    ok(c_text[c_len] == '\0', "a NUL behind %u bytes", (unsigned) c_len);

    lua_pushinteger(L, lua_gettop(L));

    return 1;
}


static int
c_decode(lua_State *L)
{
    size_t       len;
    char        *copy;
    const char  *s, *err;

    /* a block without a byte behind it */

    s = lua_tolstring(L, 1, &len);
    copy = malloc(len);
    memcpy(copy, s, len);

    if (ihanoi_lua_push_json(L, copy, len, &err) != 0) {
        lua_pushstring(L, err);
    }

    free(copy);

    return lua_gettop(L) - 1;
}


/* Collects as often as it helps: LuaJIT halves its buffer in each cycle. */
static size_t
settled(void)
{
    size_t  before, after;

    after = ihanoi_sandbox_memory(sandbox);

    do {
        before = after;
        ihanoi_sandbox_collect(sandbox);
        after = ihanoi_sandbox_memory(sandbox);
    } while (after < before);

    return after;
}


static void
from_c(void)
{
    int         i;
    char        expected[32];
    size_t      before, after;
    lua_State  *L;

    start(8 * MB);
    L = ihanoi_sandbox_state(sandbox);

    lua_pushcfunction(L, c_encode);
    lua_setglobal(L, "encode");
    lua_pushcfunction(L, c_decode);
    lua_setglobal(L, "decode");

    says("return encode({1, 2})", "1");
    snprintf(expected, sizeof(expected), "%.*s", (int) c_len, c_text);
    is_str(expected, "[1,2]", "a small text");
    free(c_text);

    for (i = 0; i < 3; i++) {
        says("return encode({('x'):rep(100000)})", "1");
        free(c_text);
    }

    before = settled();

    says("return encode({('x'):rep(100000)})", "1");
    is_int(c_len, 100004, "a big text");
    ok(c_text[0] == '[' && c_text[c_len - 1] == ']', "all of it");

    after = settled();
    ok(after < before + 4096, "is not charged now: %zu, before %zu", after,
       before);
    free(c_text);

    says("return encode({error})", "$[1] is a function");

    says("return decode('12')", "12");
    says("return decode('12.5')", "12.5");
    says("return decode('-1e2')", "-100");
    says("return tostring(decode('true'))", "true");
    says("return decode('\"a\"')", "a");
    says("return #decode('[1,2]')", "2");
    says("return decode('[1')", "a comma or closing bracket is expected");
    says("return decode('-')", "a value is expected");
}


int
main(void)
{
    (void) ihanoi_sandbox_start_timer(SIGRTMIN, NULL, 20000, stuck);

    start(64 * MB);

    encoding();
    decoding();
    round_trips();
    limits();
    from_c();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
