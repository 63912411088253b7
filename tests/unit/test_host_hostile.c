/*
 * Copyright (C) iHaNoi contributors
 *
 * Every host function with every kind of argument, and long texts against the
 * memory limit: errors, never a crash, and nothing is left behind.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)


/*
 * Raises for none of them; the order of functions is that of the rows, so a
 * crash comes again.
 */
static const char  storm[] =
    "local cyclic = {} cyclic[1] = cyclic cyclic.x = cyclic\n"
    "local deep = {} for i = 1, 100 do deep = {deep} end\n"
    "local n = nil\n"
    "local V = {n, true, 0, -1, 1, 0.5, 2^31, -2^31, 2^53, -2^53 - 2, 1e308,\n"
    "  -1e308, 1/0, -1/0, 0/0, '', 'a', '1', 'sha256', 'hex', 'raw', 'date',\n"
    "  '2026-11-24', '9999-12-31', 'Hà Nội', '\\0', '\\255\\254',\n"
    "  ('\\204\\163'):rep(500), ('x'):rep(70000), ('='):rep(8), '{}', '[1]',\n"
    "  '{\"a\":[null]}', ('['):rep(40), '1.000.000 ₫', {}, {1, 2}, {a = 1},\n"
    "  {1, nil, 3}, {alg = 'HS256'}, {alg = 'RS256', kid = 'x'},\n"
    "  {alg = 'EdDSA', leeway = 0/0}, {[0/1] = 1}, {0, 0}, {-1, 2^60}, cyclic,\n"
    "  deep, setmetatable({}, {__index = error, __tostring = error,\n"
    "  __metatable = 1}), print or error, coroutine.create(error), ihanoi,\n"
    "  ihanoi.json, ihanoi.json.null, ihanoi.json.raw('[1]'),\n"
    "  ihanoi.json.array()}\n"
    "local max = 58\n"
    "local r = math.random\n"
    "local args = {}\n"
    "for i = 1, 20000 do\n"
    "  local k = r(0, 4)\n"
    "  local ok, err = pcall(f, unpack({V[r(max)], V[r(max)], V[r(max)],\n"
    "    V[r(max)]}, 1, k))\n"
    "  if not ok and type(err) ~= 'string' then return 'no text' end\n"
    "end\n"
    "return 'done'";


static int
is_ours(const char *noun)
{
    unsigned                  i;
    static const char *const  nouns[] = {
        "json", "crypto", "jwt", "time", "money", "uuid", "text", NULL
    };

    for (i = 0; nouns[i]; i++) {
        if (strcmp(nouns[i], noun) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
arguments(void)
{
    char                              text[8192];
    const ihanoi_host_noun_t *const  *noun;
    const ihanoi_host_function_t     *f;

    start(64 * MB);

    for (noun = ihanoi_host_nouns; *noun; noun++) {

        if (!is_ours((*noun)->noun)) {

            /* they need more than a sandbox */

            continue;
        }

        for (f = (*noun)->functions; f->name; f++) {
            snprintf(text, sizeof(text), "local f = ihanoi.%s.%s\n%s",
                     (*noun)->noun, f->name, storm);

            is_int(run_for(text, 20000000), IHANOI_RUN_DONE,
                   "%s.%s() with whatever it is given", (*noun)->noun,
                   f->name);
            is_str(lua_tostring(ihanoi_call_state(call), -1), "done",
                   "no error is anything but a text");
            end();
        }
    }
}


/* 10 MB, and not much more: whatever happens, the sandbox lives on. */

static void
memory(void)
{
    char          text[512];
    size_t        i, before, rest;
    ihanoi_run_e  rc;

    static const char *const  calls[] = {
        "ihanoi.json.encode(s)",
        "ihanoi.json.encode({s, s, s})",
        "ihanoi.json.decode(s)",
        "ihanoi.json.decode('\"' .. s .. '\"')",
        "ihanoi.json.raw('\"' .. s .. '\"')",
        "ihanoi.text.lower(s)",
        "ihanoi.text.nfc(s .. 'ệ')",
        "ihanoi.text.unaccent(s)",
        "ihanoi.text.truncate(s .. 'x', 10000000)",
        "ihanoi.text.length(s)",
        "ihanoi.crypto.sha256(s)",
        "ihanoi.crypto.base64_encode(s:sub(1, 4 * 1024 * 1024))",
        "ihanoi.crypto.hex_encode(s:sub(1, 4 * 1024 * 1024))",
        "ihanoi.crypto.base64_decode(s:sub(1, 4 * 1024 * 1024))",
        "ihanoi.jwt.sign({sub = s}, ('k'):rep(32), {alg = 'HS256'})",
        "ihanoi.jwt.verify(s, ('k'):rep(32), {alg = 'HS256'})",
        "ihanoi.money.parse(s)",
        "ihanoi.time.parse(s)",
        "ihanoi.uuid.valid(s)"
    };

    start(36 * MB);
    (void) run_for("return 1", 5000000);
    end();
    ihanoi_sandbox_collect(sandbox);
    before = ihanoi_sandbox_memory(sandbox);

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
        snprintf(text, sizeof(text), "local s = ('x'):rep(1e4):rep(1000) "
                 "local x = %s return 'done'", calls[i]);

        rc = run_for(text, 20000000);

        ok(rc == IHANOI_RUN_DONE || rc == IHANOI_RUN_ERROR
           || rc == IHANOI_RUN_MEMORY, "%s: %s", calls[i],
           rc == IHANOI_RUN_DONE ? "fits in" : ihanoi_call_error(call));
        end();

        is_str(said("return ihanoi.json.encode({1})"), "[1]",
               "and the sandbox lives on");
    }

    /* LuaJIT halves its own buffer with each collection */

    for (i = 0; i < 10; i++) {
        ihanoi_sandbox_collect(sandbox);
    }

    rest = ihanoi_sandbox_memory(sandbox);
    ok(rest < before + 1024 * 1024, "all was given back: %zu, once %zu", rest,
       before);
}


int
main(void)
{
    (void) ihanoi_sandbox_start_timer(SIGRTMIN, NULL, 60000, stuck);

    arguments();
    memory();

    end();
    ihanoi_sandbox_destroy(sandbox);
    ihanoi_sandbox_stop_timer();

    return done_testing();
}
