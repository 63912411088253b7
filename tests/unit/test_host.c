/*
 * Copyright (C) iHaNoi contributors
 *
 * What is under "ihanoi" stays as it is, and is called in its phases only.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)


static int probe(lua_State *L);


static const ihanoi_host_function_t  probe_functions[] = {
    { "probe", "any", probe, IHANOI_PHASE_ANY, "", "n number", "One." },
    { "probe", "request", probe, IHANOI_PHASE_REQUEST, "", "n number", "One." },
    { "probe", "job", probe, IHANOI_PHASE_JOB, "", "n number", "One." },
    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};

static const ihanoi_host_noun_t  probe_noun = {
    "probe", "For tests.", probe_functions, NULL
};

static const ihanoi_host_noun_t *const  probe_nouns[] = {
    &probe_noun, NULL
};


static int
probe(lua_State *L)
{
    static const char *const  names[] = { "one", "two", NULL };

    lua_pushinteger(L, 1 + ihanoi_host_options(L, 1, names));

    return 1;
}


static int
probe_open(lua_State *L)
{
    return ihanoi_host_open(L, probe_nouns);
}


static void
read_only(void)
{
    start(8 * MB);

    says("ihanoi.json = 1", "t:1: ihanoi is read-only");
    says("ihanoi.mine = 1", "t:1: ihanoi is read-only");
    says("ihanoi.json.encode = 1", "t:1: ihanoi.json is read-only");
    says("ihanoi.json.null = nil", "t:1: ihanoi.json is read-only");
    says("return tostring(ihanoi) .. tostring(ihanoi.json)",
         "ihanoiihanoi.json");
    says("return tostring(getmetatable(ihanoi)) "
         ".. tostring(getmetatable(ihanoi.json)) "
         ".. tostring(getmetatable(ihanoi.json.null))", "falsefalsefalse");

    /* nor can the name mean something else */

    says("ihanoi = {}", "t:1: ihanoi is read-only");
    says("_G.ihanoi = nil", "t:1: ihanoi is read-only");
    says("rawset(_G, 'ihanoi', {})", "t:1: ihanoi is read-only");
    says("setmetatable(_G, {})",
         "t:1: cannot change a protected metatable");
    says("return tostring(getmetatable(_G))", "false");
    says("mine = 1 mine = mine + 1 rawset(_G, 'yours', 3)\n"
         "return mine + yours", "5");
    says("return rawset({}, 'ihanoi', 1).ihanoi", "1");
    says("return tostring(nobody)", "nil");

    /* whatever takes tables finds none */

    says("return (select(2, pcall(rawset, ihanoi, 'json', 1)))",
         "bad argument #1 to '?' (table expected, got userdata)");
    says("local n = 0 for _, f in ipairs({\n"
         " function(t) rawset(t, 'encode', 1) end,\n"
         " function(t) table.insert(t, 1) end,\n"
         " function(t) table.remove(t) end,\n"
         " function(t) table.sort(t) end,\n"
         " function(t) setmetatable(t, {}) end,\n"
         " function(t) next(t) end,\n"
         " function(t) rawget(t, 'encode') end,\n"
         " function(t) getmetatable(t).__index = 1 end,\n"
         " function(t) getmetatable(t).__index.encode = 1 end,\n"
         " function(t) t.encode = nil end,\n"
         " function(t) for k in pairs(t) do t[k] = nil end end\n"
         "}) do\n"
         "  for _, t in ipairs({ihanoi, ihanoi.json, ihanoi.json.null}) do\n"
         "    if pcall(f, t) then return 'not refused' end n = n + 1\n"
         "  end end return n", "33");
    says("return ihanoi.json.encode({1})", "[1]");
    says("return type(ihanoi.json.nothing)", "nil");
}


static void
phases(void)
{
    lua_State  *L;

    start(8 * MB);
    L = ihanoi_sandbox_state(sandbox);
    (void) lua_cpcall(L, probe_open, NULL);

    says("return ihanoi.probe.any()", "1");
    says("local x = ihanoi.probe.request()",
         "t:1: ihanoi.probe.request() cannot be called while the plugin is "
         "loaded");

    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_REQUEST);
    says("return ihanoi.probe.any() + ihanoi.probe.request()", "2");
    says("local x = ihanoi.probe.job()",
         "t:1: ihanoi.probe.job() cannot be called in a request");

    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_JOB);
    says("return ihanoi.probe.any() + ihanoi.probe.job()", "2");
    says("return select(2, pcall(ihanoi.probe.request))",
         "ihanoi.probe.request() cannot be called in a job");

    /* options */

    says("return ihanoi.probe.any({one = 1, two = 2})", "2");
    says("return ihanoi.probe.any({})", "2");
    says("local x = ihanoi.probe.any({one = 1, tow = 2})",
         "t:1: bad argument #1 to 'any' (unknown option \"tow\")");
    says("local x = ihanoi.probe.any({'one'})",
         "t:1: bad argument #1 to 'any' (an option without a name)");
    says("local x = ihanoi.probe.any('one')",
         "t:1: bad argument #1 to 'any' (table expected, got string)");
}


/* The reference is generated from the rows. */

static void
rows(void)
{
    const ihanoi_host_noun_t *const  *noun;
    const ihanoi_host_function_t     *f;

    for (noun = ihanoi_host_nouns; *noun; noun++) {
        ok((*noun)->text[0], "%s has a text", (*noun)->noun);

        for (f = (*noun)->functions; f->name; f++) {
            ok(strcmp(f->noun, (*noun)->noun) == 0 && f->function
               && f->phases && f->params && f->returns
               && f->text && f->text[strlen(f->text) - 1] == '.',
               "%s.%s is described", f->noun, f->name);
        }
    }
}


int
main(void)
{
    read_only();
    phases();
    rows();

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
