/*
 * Copyright (C) iHaNoi contributors
 *
 * Programs of plugins at random: of all that calls back, waits, fails, computes
 * or needs memory, one inside the other.
 *
 * The bytes of the input are the choices; when they are used up, numbers that
 * follow from them are.
 */

#ifndef _FUZZ_PROGRAMS_H_INCLUDED_
#define _FUZZ_PROGRAMS_H_INCLUDED_


#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>


#define TEXT  16384            /* of a program */


typedef struct {
    const uint8_t     *data;
    size_t             size;
    uint64_t           seed;
    char              *p, *end;        /* of the program that is being made */
    unsigned           names;
    int                exact;          /* it says the same each time */
} choices_t;


static void block(choices_t *c, unsigned depth);


static unsigned
pick(choices_t *c, unsigned n)
{
    if (c->size) {
        c->size--;
        return *c->data++ % n;
    }

    c->seed = c->seed * 6364136223846793005u + 1442695040888963407u;

    return (unsigned) (c->seed >> 33) % n;
}


static void __attribute__((format(printf, 2, 3)))
put(choices_t *c, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(c->p, (size_t) (c->end - c->p), fmt, args);
    va_end(args);

    c->p += n < c->end - c->p ? n : 0;
}


/* A function of one or two arguments, which are p and q. */

static void
function(choices_t *c, unsigned depth, const char *result)
{
    put(c, "function(p, q)\n");
    block(c, depth);
    put(c, "do return %s end end", result);
}


static const char *
value(choices_t *c)
{
    static const char *const  values[] = {
        "nil", "true", "1", "-0.5", "2^53", "0/0", "''", "'a'", "'12'",
        "('Hà Nội'):rep(9)", "{}", "{ 1, 2, { 3 } }", "{ x = 1 }", "error",
        "coroutine.create(error)", "ihanoi.json.null", "ihanoi",
        "{ 1, nil, 3 }",
        "setmetatable({}, { __index = _G })"
    };

    return values[pick(c, sizeof(values) / sizeof(values[0]))];
}


static const char *
pattern(choices_t *c)
{
    static const char *const  patterns[] = {
        "a", "(%w)(%w*)", ".-b", "(a*)%1", "%f[%w]%w+", "^.", "%b()", "(())",
        "[^a]*", "x*", "(.-)(.-)%2c", "%", "[a"
    };

    return patterns[pick(c, sizeof(patterns) / sizeof(patterns[0]))];
}


static const char *
event(choices_t *c)
{
    static const char *const  events[] = {
        "__lt", "__le", "__eq", "__concat", "__index", "__newindex", "__call",
        "__add", "__unm", "__tostring"
    };

    return events[pick(c, sizeof(events) / sizeof(events[0]))];
}


static const char *
host(choices_t *c)
{
    static const char *const  functions[] = {
        "json.encode", "json.decode", "json.array", "json.raw", "text.lower",
        "text.nfc", "text.unaccent", "text.length", "crypto.sha256",
        "crypto.hex_encode", "money.parse", "time.parse", "uuid.valid",
        "store.set", "store.get", "store.increment", "jwt.sign", "jwt.verify"
    };

    return functions[pick(c, sizeof(functions) / sizeof(functions[0]))];
}


static void
statement(choices_t *c, unsigned depth)
{
    unsigned  n, id;

    id = ++c->names;

    switch (pick(c, 34)) {

    case 0:
        put(c, "say(%s)\n", value(c));
        break;

    case 1:
        put(c, "x = 1 for i = 1, %u do x = (x * 31 + i) %% 1000003 end"
            " say(x)\n", 1u << pick(c, 15));
        break;

    case 2:
        put(c, "for i = 1, %u do\n", 1 + pick(c, 4));
        block(c, depth);
        put(c, "end\n");
        break;

    case 3:
    case 4:
        put(c, "say(pcall(");
        function(c, depth, value(c));
        put(c, "))\n");
        break;

    case 5:
    case 6:
        put(c, "say(xpcall(");
        function(c, depth, "p");
        put(c, ", ");

        if (pick(c, 4) == 0) {
            put(c, "ihanoi.%s", host(c));

        } else {
            function(c, depth, "p");
        }

        put(c, "))\n");
        break;

    case 7:
        put(c, "error(%s, %u)\n", value(c), pick(c, 3));
        break;

    case 8:
        put(c, "local co%u = coroutine.wrap(", id);
        function(c, depth, "coroutine.yield(p)");
        put(c, ")\nsay(pcall(co%u, 1)) say(pcall(co%u, 2)) say(pcall(co%u))\n",
            id, id, id);
        break;

    case 9:
        put(c, "local co%u = coroutine.create(", id);
        function(c, depth, "p");
        put(c, ")\nfor i = 1, 3 do say(coroutine.resume(co%u, i))"
            " say(coroutine.status(co%u)) end\n", id, id);
        break;

    case 10:
        put(c, "say(pcall(coroutine.yield, %s))\n", value(c));
        break;

    case 11:
        put(c, "local t%u = { 3, 1, 2, 5, 4 } say(pcall(table.sort, t%u, ", id,
            id);
        function(c, depth, pick(c, 2) ? "p < q" : "true");
        put(c, ")) say(table.concat(t%u, ' '))\n", id);
        break;

    case 12:
        put(c, "say(pcall(string.gsub, ('ab(c) '):rep(%u), '%s', ",
            1 + pick(c, 9), pattern(c));
        function(c, depth, value(c));
        put(c, "))\n");
        break;

    case 13:
        put(c, "say(pcall(string.gsub, ('xyz'):rep(%u), '%s',"
            " setmetatable({}, { __index = ", 1 + pick(c, 9), pattern(c));
        function(c, depth, "q");
        put(c, " })))\n");
        break;

    case 14:
        put(c, "say(pcall(%s, %s, setmetatable({}, { __tostring = ",
            pick(c, 2) ? "string.format" : "tostring",
            pick(c, 2) ? "'%s %5.1s|'" : "'%d'");
        function(c, depth, value(c));
        put(c, " }), 1))\n");
        break;

    case 15:
    case 16:
        put(c, "local m%u = {}\n", id);

        for (n = 1 + pick(c, 2); n; n--) {
            put(c, "m%u.%s = ", id, event(c));
            function(c, depth, pick(c, 2) ? "rawequal(p, q)" : value(c));
            put(c, "\n");
        }

        put(c, "local a%u = setmetatable({}, m%u)\n"
            "local b%u = setmetatable({}, m%u)\n", id, id, id, id);
        put(c, "say(pcall(function() return a%u < b%u end))\n"
            "say(pcall(function() return a%u == b%u end))\n"
            "say(pcall(function() return 'x' .. a%u .. 1 end))\n"
            "say(pcall(function() return a%u.y + b%u end))\n"
            "say(pcall(function() a%u.z = 1 return -a%u end))\n"
            "say(pcall(a%u, b%u))\n"
            "say(pcall(table.sort, { a%u, b%u, a%u }))\n",
            id, id, id, id, id, id, id, id, id, id, id, id, id, id);
        break;

    case 17:
        n = 1u << pick(c, 13);
        put(c, "local t%u = {} for i = 1, %u do t%u[i] = %s end\n", id, n, id,
            pick(c, 2) ? "-i" : "'k' .. i");
        put(c, "say(#table.concat(t%u, ', ')) table.insert(t%u, 1, 0)\n"
            "say(pcall(table.sort, t%u)) say(#t%u)\n", id, id, id, id);
        break;

    case 18:
        put(c, "say(pcall(string.%s, ('a'):rep(%u), '%s'))\n",
            pick(c, 2) ? "find" : "match", 1u << pick(c, 12), pattern(c));
        break;

    case 19:
        put(c, "for w in ('a b(c) '):rep(%u):gmatch('%s') do\n",
            1 + pick(c, 3), pick(c, 2) ? "%w" : "(a)");
        block(c, depth);
        put(c, "end\n");
        break;

    case 20:
        put(c, "local t%u = {} for i = 1, %u do t%u[i] = %s end\n", id,
            1u << pick(c, 12), id,
            pick(c, 2) ? "{ i, 'x', {} }" : "'Hà Nội'");
        put(c, "local s%u = ihanoi.json.encode(t%u) say(#s%u)\n"
            "say(#ihanoi.json.decode(s%u)) say(#ihanoi.json.raw(s%u)"
            " == nil)\n", id, id, id, id, id);
        break;

    case 21:
        put(c, "say(pcall(ihanoi.%s, %s, %s, setmetatable({}, { __index = ",
            host(c), value(c), value(c));
        function(c, depth, "nil");
        put(c, " })))\n");
        break;

    case 22:
        put(c, "local s%u = ('Hà Nội (%u) '):rep(%u)\n"
            "say(pcall(ihanoi.%s, s%u, s%u))\n", id, id, 1u << pick(c, 12),
            host(c), id, id);
        break;

    case 23:
        put(c, "say(pcall(require, 'lib.%c'))\n", 'a' + (char) pick(c, 5));
        break;

    case 24:
    case 25:
        put(c, "say(pcall(wait))\n");
        break;

    case 26:
        put(c, "say(wait())\n");
        break;

    case 27:
    case 28:
        put(c, "spawn(");
        function(c, depth, value(c));
        put(c, ")\n");
        break;

    case 29:
        c->exact = 0;
        put(c, "local s%u = ('x'):rep(%u)\n", id, 1u << (16 + pick(c, 8)));

        if (pick(c, 2)) {
            put(c, "keep = s%u .. s%u\n", id, id);
        }

        break;

    case 30:
        c->exact = 0;
        put(c, "keep%u = {} for i = 1, %u do keep%u[i] = { i } end\n"
            "keep%u = nil\n", id % 3, 1u << (10 + pick(c, 9)), id % 3,
            pick(c, 3));
        break;

    case 31:
        c->exact = 0;
        put(c, "local function f%u(p, q)\n", id);
        block(c, depth);

        switch (pick(c, 6)) {

        case 0:
            put(c, "return 1 + f%u()", id);
            break;

        case 1:
            put(c, "return pcall(f%u), xpcall(f%u, f%u)", id, id, id);
            break;

        case 2:
            put(c, "table.sort({ 1, 2 }, f%u)", id);
            break;

        case 3:
            put(c, "return ('a'):gsub('a', f%u)", id);
            break;

        case 4:
            put(c, "return ihanoi.store.set('a', 1,"
                " setmetatable({}, { __index = f%u }))", id);
            break;

        default:
            put(c, "return coroutine.wrap(f%u)()", id);
            break;
        }

        put(c, " end say(pcall(f%u))\n", id);
        break;

    case 32:
        put(c, "collect(%u)\n", pick(c, 2) ? 64 << 20 : 0);
        break;

    default:

        /* never ends, where nothing in it does */

        if (pick(c, 3)) {
            put(c, "say(select('#', unpack({}, 1, %u)))\n", 1u << pick(c, 13));
            break;
        }

        put(c, "while true do\n");
        block(c, depth);
        put(c, "end\n");
        break;
    }
}


static void
block(choices_t *c, unsigned depth)
{
    unsigned  n;

    if (depth == 0 || c->end - c->p < TEXT / 3) {
        return;
    }

    for (n = pick(c, depth > 3 ? 5 : 3); n; n--) {
        put(c, "do\n");
        statement(c, depth - 1);
        put(c, "end\n");
    }
}


/* 1: it says the same each time. */

static int
make(choices_t *c, char *text)
{
    c->p = text;
    c->end = text + TEXT;
    c->exact = 1;

    do {
        put(c, "do\n");
        statement(c, 4);
        put(c, "end\n");
    } while (c->p - text < 400 || pick(c, 4));

    return c->exact;
}


#endif /* _FUZZ_PROGRAMS_H_INCLUDED_ */
