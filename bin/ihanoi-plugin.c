/*
 * Copyright (C) iHaNoi contributors
 *
 * Looks at a plugin's folder with the gateway's own code: the manifest, the
 * contract, and the Lua, which is loaded as a worker would load it.  The part
 * of the command that needs C; "ihanoi plugin check" is the one for people.
 *
 * usage: ihanoi-plugin LINT.LUA FOLDER
 *        ihanoi-plugin --role
 *
 * Prints a JSON object a line: {"level": "error" or "warning", "file": "...",
 * "line": n or "pointer": "...", "reason": "..."}; and last, when there is a
 * manifest, {"plugin": {...}} with its name, version, hash, files and the SQL
 * functions of its contract.  Exits with 0, or with 1 when there was an error.
 * With --role it prints the question of ihanoi_role.h.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include "ihanoi_contract.h"
#include "ihanoi_host.h"
#include "ihanoi_manifest.h"
#include "ihanoi_operation.h"
#include "ihanoi_role.h"
#include "ihanoi_sandbox.h"


/* Loading reads files and fills tables: the worker's own limit. */
#define LOAD_USEC   1000000
#define STUCK_MSEC  5000


/*
 * Host functions that need nginx, by their names only: made of the tables by
 * bin/host-names.  A noun's rows stand together.
 */
static const struct {
    const char  *noun;
    const char  *name;
} others[] = {
#include "host-names.h"
    { NULL, NULL }
};


/* Codes of problems that no contract may have: the gateway's own. */
static const char *const  taken[] = {
#include "problem-codes.h"
    NULL
};


static int                       errors;
static lua_State                *lint;
static const ihanoi_manifest_t  *checked;
static json_t                   *sql;      /* functions the contract names */

/* names that a plugin finds, in the registry of lint; top of its stack */
static const char                allowed[] = "allowed";


static void finding(const char *level, const char *file, const char *pointer,
    unsigned line, const char *reason);
static int open_lint(const char *file);
static void check_contract(const ihanoi_manifest_t *manifest);
static void check_operation(const ihanoi_manifest_t *manifest,
    const ihanoi_operation_t *op);
static void check_problem(const char *code);
static void check_files(const ihanoi_manifest_t *manifest);
static void check_text(const ihanoi_plugin_file_t *file, int sandboxed);
static void check_handler(const ihanoi_manifest_t *manifest,
    const ihanoi_contract_t *contract);


/* "<text>:12: reason" of Lua's own messages. */

static void
lua_finding(const char *file, const char *text)
{
    char         reason[512];
    unsigned     line;
    const char  *p;

    line = 0;
    p = strchr(text, ':');

    while (p && (sscanf(p, ":%u:", &line) != 1)) {
        p = strchr(p + 1, ':');
    }

    if (p) {
        p = strchr(p + 1, ':') + 1;
        p += *p == ' ';
    }

    snprintf(reason, sizeof(reason), "%s", p ? p : text);
    finding("error", file, NULL, line, reason);
}


static void
finding(const char *level, const char *file, const char *pointer,
    unsigned line, const char *reason)
{
    json_t  *row;

    errors += strcmp(level, "error") == 0;

    row = json_pack("{s:s, s:s, s:s}", "level", level, "file", file,
                    "reason", reason);

    if (pointer) {
        json_object_set_new(row, "pointer", json_string(pointer));
    }

    if (line) {
        json_object_set_new(row, "line", json_integer(line));
    }

    json_dumpf(row, stdout, JSON_COMPACT|JSON_ENSURE_ASCII);
    printf("\n");
    json_decref(row);
}


static void
refusal(const ihanoi_contract_error_t *err)
{
    finding("error", err->file, err->pointer, 0, err->reason);
}


/* lint.lua returns a function: (text, name, allowed) → rows. */

static int
open_lint(const char *file)
{
    lint = luaL_newstate();
    luaL_openlibs(lint);

    if (luaL_loadfile(lint, file) != 0 || lua_pcall(lint, 0, 1, 0) != 0) {
        fprintf(stderr, "ihanoi-plugin: %s\n", lua_tostring(lint, -1));
        return -1;
    }

    lua_newtable(lint);
    lua_setfield(lint, LUA_REGISTRYINDEX, allowed);

    return 0;
}


static void
allow(const char *prefix, const char *name, const char *suffix)
{
    lua_getfield(lint, LUA_REGISTRYINDEX, allowed);
    lua_pushfstring(lint, "%s%s%s", prefix, name, suffix);
    lua_pushboolean(lint, 1);
    lua_rawset(lint, -3);
    lua_pop(lint, 1);
}


/* All names below the value on the top of the sandbox's stack; pops it. */

static void
allow_members(lua_State *L, const char *prefix, unsigned depth)
{
    char  path[128];

    /* what is sealed keeps its members behind __index */

    if (lua_isuserdata(L, -1) && lua_getmetatable(L, -1)) {
        lua_pushliteral(L, "__index");
        lua_rawget(L, -2);
        lua_replace(L, -3);
        lua_pop(L, 1);
    }

    if (!lua_istable(L, -1) || depth == 3) {
        lua_pop(L, 1);
        return;
    }

    lua_pushnil(L);

    while (lua_next(L, -2)) {

        if (lua_type(L, -2) != LUA_TSTRING
            || strcmp(lua_tostring(L, -2), "_G") == 0)
        {
            lua_pop(L, 1);
            continue;
        }

        allow(prefix, lua_tostring(L, -2), "");
        snprintf(path, sizeof(path), "%s%s.", prefix, lua_tostring(L, -2));
        allow_members(L, path, depth + 1);
    }

    lua_pop(L, 1);
}


static void
check_contract(const ihanoi_manifest_t *manifest)
{
    unsigned                          i, n;
    const char                       *files[1];
    ihanoi_contract_t                *contract;
    ihanoi_contract_error_t           err;
    const ihanoi_problem_text_t      *problems;
    const ihanoi_operation_t *const  *operations;

    files[0] = manifest->openapi;
    contract = ihanoi_contract_load(files, 1, &err);

    if (contract == NULL) {
        refusal(&err);

    } else {
        n = ihanoi_contract_operations(contract, &operations);

        for (i = 0; i < n; i++) {
            check_operation(manifest, operations[i]);
        }

        n = ihanoi_contract_problems(contract, &problems);

        for (i = 0; i < n; i++) {
            check_problem(problems[i].code.data);
        }
    }

    check_handler(manifest, contract);
    ihanoi_contract_free(contract);
}


static void
check_problem(const char *code)
{
    char      pointer[128];
    unsigned  i;

    for (i = 0; taken[i]; i++) {
        if (strcmp(taken[i], code) == 0) {
            snprintf(pointer, sizeof(pointer), "/x-ihanoi-problems/%s", code);
            finding("error", "openapi.json", pointer, 0,
                    "is a problem of the gateway's own; a plugin's begin best "
                    "with its name");
        }
    }
}


static void
check_operation(const ihanoi_manifest_t *manifest,
    const ihanoi_operation_t *op)
{
    char        reason[512], pointer[512], *p;
    size_t      i, len;

    static const char *const  methods[IHANOI_METHODS] = {
        "get", "post", "put", "patch", "delete"
    };

    p = pointer + sprintf(pointer, "/paths/");

    for (i = 0; i < op->path.len && p < pointer + 480; i++) {

        if (op->path.data[i] == '/' || op->path.data[i] == '~') {
            *p++ = '~';
            *p++ = op->path.data[i] == '/' ? '1' : '0';
            continue;
        }

        *p++ = op->path.data[i];
    }

    sprintf(p, "/%s", methods[op->method]);

    len = strlen(manifest->prefix);

    if (op->path.len < len
        || strncmp(op->path.data, manifest->prefix, len) != 0
        || (op->path.len > len && op->path.data[len] != '/'
            && op->path.data[len] != '.'))
    {
        snprintf(reason, sizeof(reason), "the path must begin with \"%s\", "
                 "the plugin's prefix", manifest->prefix);
        finding("error", manifest->openapi, pointer, 0, reason);
    }

    if (op->security != IHANOI_SECURITY_TOKEN && !manifest->public_) {
        finding("error", manifest->openapi, pointer, 0, "needs no token: "
                "plugin.json must ask for it, \"permissions\": {\"public\": "
                "true}");
    }

    if (op->sql.data) {
        json_array_append_new(sql, json_stringn(op->sql.data, op->sql.len));
    }

    if (op->sql.data && !manifest->database) {
        finding("error", manifest->openapi, pointer, 0, "\"x-ihanoi-sql\" "
                "needs a database: plugin.json must ask for it, "
                "\"permissions\": {\"database\": true}");
    }

    for (i = 0; i < op->nproduces; i++) {

        if (op->idempotency != IHANOI_IDEMPOTENCY_NONE
            && !ihanoi_media_is_json(op->produces[i].type.data))
        {
            snprintf(reason, sizeof(reason), "takes an Idempotency-Key, so its "
                     "answer is kept, and must be JSON and not \"%s\"",
                     op->produces[i].type.data);
            finding("error", manifest->openapi, pointer, 0, reason);
        }
    }

    if (op->host.data) {
        finding("error", manifest->openapi, pointer, 0,
                "\"x-ihanoi-host\" is not for plugins");
    }

    if (op->lua.data && !manifest->handler) {
        finding("error", manifest->openapi, pointer, 0, "\"x-ihanoi-lua\" "
                "needs a handler.lua");
    }
}


/* Syntax, globals and patterns of each Lua file, tests too. */

static void
check_files(const ihanoi_manifest_t *manifest)
{
    size_t                       len;
    unsigned                     i;
    const ihanoi_plugin_file_t  *file;

    for (i = 0; i < manifest->files.n; i++) {
        file = &manifest->files.all[i];
        len = strlen(file->path);

        if (len > 4 && strcmp(file->path + len - 4, ".lua") == 0) {
            check_text(file, strcmp(file->path, "handler.lua") == 0
                             || strncmp(file->path, "lib/", 4) == 0);
        }
    }
}


static void
check_text(const ihanoi_plugin_file_t *file, int sandboxed)
{
    int       i, n;
    unsigned  line;

    if (luaL_loadbufferx(lint, file->text, file->len, file->path, "t") != 0) {
        lua_finding(file->path, lua_tostring(lint, -1));
        lua_pop(lint, 1);
        return;
    }

    /* tests run in the command, not in the sandbox */

    if (!sandboxed) {
        lua_pop(lint, 1);
        return;
    }

    lua_pushvalue(lint, 1);
    lua_insert(lint, -2);
    lua_getfield(lint, LUA_REGISTRYINDEX, allowed);

    if (lua_pcall(lint, 2, 1, 0) != 0) {
        lua_finding(file->path, lua_tostring(lint, -1));
        lua_pop(lint, 1);
        return;
    }

    n = (int) lua_objlen(lint, -1);

    for (i = 1; i <= n; i++) {
        lua_rawgeti(lint, -1, i);
        lua_rawgeti(lint, -1, 1);
        lua_rawgeti(lint, -2, 2);
        lua_rawgeti(lint, -3, 3);

        line = (unsigned) lua_tointeger(lint, -2);
        finding(lua_tostring(lint, -3), file->path, NULL, line,
                lua_tostring(lint, -1));
        lua_pop(lint, 4);
    }

    lua_pop(lint, 1);
}


/* What may be called of nginx's nouns while handler.lua is loaded. */

static int
host_nothing(lua_State *L)
{
    return 0;
}


static int
host_name(lua_State *L)
{
    lua_pushstring(L, checked->name);

    return 1;
}


static int
host_version(lua_State *L)
{
    lua_pushstring(L, checked->version);

    return 1;
}


/* The defaults: what the operator will set nobody knows here. */

static int
host_settings(lua_State *L)
{
    const char               *text;
    ihanoi_contract_error_t   err;

    text = ihanoi_manifest_settings((ihanoi_manifest_t *) checked, NULL, &err);

    lua_getglobal(L, "ihanoi");
    lua_getfield(L, -1, "json");
    lua_getfield(L, -1, "decode");
    lua_pushstring(L, text ? text : "{}");
    lua_call(L, 1, 1);

    return 1;
}


static int
host_secret(lua_State *L)
{
    lua_pushliteral(L, "a secret of the check");

    return 1;
}


/*
 * The functions of nginx's nouns by their names: those that may be called while
 * handler.lua is loaded are here, the others are refused by their phase.
 */

static int
open_host(lua_State *L)
{
    unsigned                   i, j, n;
    ihanoi_host_noun_t        *noun;
    ihanoi_host_function_t    *function;
    const ihanoi_host_noun_t  *all[64];

    static ihanoi_host_noun_t      nouns[sizeof(others) / sizeof(others[0])];
    static ihanoi_host_function_t  functions[2 * sizeof(others)
                                             / sizeof(others[0])];

    static const struct {
        const char               *noun;
        const char               *name;
        lua_CFunction             function;
    } early[] = {
        { "log", "error", host_nothing },
        { "log", "warn", host_nothing },
        { "log", "info", host_nothing },
        { "plugin", "name", host_name },
        { "plugin", "version", host_version },
        { "plugin", "settings", host_settings },
        { "plugin", "secret", host_secret },
    };

    for (n = 0; ihanoi_host_nouns[n] && n < 40; n++) {
        all[n] = ihanoi_host_nouns[n];
    }

    noun = nouns;
    function = functions;

    for (i = 0; others[i].noun; i++) {

        if (i == 0 || strcmp(others[i].noun, others[i - 1].noun) != 0) {
            function++;                         /* behind the end of a noun's */
            noun->noun = others[i].noun;
            noun->functions = function;
            all[n++] = noun++;
        }

        function->noun = others[i].noun;
        function->name = others[i].name;
        function->function = host_nothing;
        function->phases = IHANOI_PHASE_CALL;

        for (j = 0; j < sizeof(early) / sizeof(early[0]); j++) {
            if (strcmp(early[j].noun, function->noun) == 0
                && strcmp(early[j].name, function->name) == 0)
            {
                function->function = early[j].function;
                function->phases = IHANOI_PHASE_ANY;
            }
        }

        function++;
    }

    all[n] = NULL;

    return ihanoi_host_open(L, all);
}


static void
check_function(lua_State *L, const char *name, const char *by)
{
    char  reason[256];

    lua_pushstring(L, name);
    lua_rawget(L, -2);

    if (!lua_isfunction(L, -1)) {
        snprintf(reason, sizeof(reason), "the table that it returns has no "
                 "function \"%s\", which %s names", name, by);
        finding("error", "handler.lua", NULL, 0, reason);
    }

    lua_pop(L, 1);
}


/* The handlers' table is on the top of the stack. */

static void
check_functions(const ihanoi_manifest_t *m, const ihanoi_contract_t *contract,
    lua_State *L)
{
    char                              by[128], name[128];
    unsigned                          i, j, n;
    const ihanoi_operation_t *const  *operations;

    n = contract ? ihanoi_contract_operations(contract, &operations) : 0;

    for (i = 0; i < n; i++) {

        if (operations[i]->lua.data) {
            snprintf(by, sizeof(by), "operation \"%.*s\"",
                     (int) operations[i]->id.len, operations[i]->id.data);
            snprintf(name, sizeof(name), "%.*s",
                     (int) operations[i]->lua.len, operations[i]->lua.data);
            check_function(L, name, by);
        }
    }

    for (i = 0; i < m->njobs; i++) {
        snprintf(by, sizeof(by), "job \"%s\"", m->jobs[i].name);
        check_function(L, m->jobs[i].handler, by);
    }

    for (i = 0; i < m->nsubscribes; i++) {
        snprintf(by, sizeof(by), "the subscription to \"%s\"",
                 m->subscribes[i].event);
        check_function(L, m->subscribes[i].handler, by);
    }

    for (i = 0; i < m->noffers; i++) {
        for (j = 0; j < m->offers[i].functions.n; j++) {
            snprintf(by, sizeof(by), "interface \"%s\"", m->offers[i].name);
            check_function(L, m->offers[i].functions.names[j], by);
        }
    }
}


static void
stuck(const char *name)
{
    static const char  text[] = "{\"level\":\"error\",\"file\":\"handler.lua\","
                                "\"reason\":\"hangs while it is loaded\"}\n";

    (void) !write(1, text, sizeof(text) - 1);
    _exit(1);
}


/* Loads handler.lua within the limits that it asks for. */

static void
check_handler(const ihanoi_manifest_t *manifest,
    const ihanoi_contract_t *contract)
{
    lua_State              *L;
    ihanoi_run_e            rc;
    ihanoi_call_t          *call;
    ihanoi_sandbox_t       *sandbox;
    ihanoi_sandbox_conf_t   conf;

    checked = manifest;

    memset(&conf, 0, sizeof(ihanoi_sandbox_conf_t));
    conf.name = manifest->name;
    conf.memory = manifest->limits.memory;
    conf.files = manifest->files.lua;
    conf.nfiles = manifest->files.nlua;

    sandbox = ihanoi_sandbox_create(&conf);

    if (sandbox == NULL
        || ihanoi_sandbox_start_timer(SIGRTMIN, NULL, STUCK_MSEC, stuck) != 0
        || lua_cpcall(ihanoi_sandbox_state(sandbox), open_host, NULL) != 0)
    {
        finding("error", "handler.lua", NULL, 0, "there is no sandbox to load "
                "it in");
        return;
    }

    L = ihanoi_sandbox_state(sandbox);
    lua_pushvalue(L, LUA_GLOBALSINDEX);
    allow_members(L, "", 0);

    /* "ihanoi", which is found behind them */

    (void) lua_getmetatable(L, LUA_GLOBALSINDEX);
    lua_getfield(L, -1, "__index");
    allow_members(L, "", 0);
    lua_pop(L, 1);

    check_files(manifest);

    if (!manifest->handler || errors) {
        goto done;
    }

    call = ihanoi_call_create(sandbox, LOAD_USEC);
    L = ihanoi_call_state(call);

    lua_getglobal(L, "require");
    lua_pushliteral(L, "handler");

    fflush(stdout);

    for (rc = ihanoi_call_run(call, 1);
         rc == IHANOI_RUN_SLICE;
         rc = ihanoi_call_run(call, 0))
    { /* void */ }

    L = ihanoi_call_state(call);

    if (rc == IHANOI_RUN_MEMORY) {
        finding("error", "handler.lua", NULL, 0, "takes more memory to load "
                "than \"limits\" ask for");

    } else if (rc == IHANOI_RUN_CPU) {
        finding("error", "handler.lua", NULL, 0, "takes more than a second to "
                "load; compute it later, or once");

    } else if (rc != IHANOI_RUN_DONE) {
        lua_finding("handler.lua", ihanoi_call_error(call)
                                   ? ihanoi_call_error(call) : "waits");

    } else if (!lua_istable(L, -1)) {
        finding("error", "handler.lua", NULL, 0, "must return a table of "
                "functions");

    } else {
        check_functions(manifest, contract, L);
    }

    ihanoi_call_destroy(call);

done:

    ihanoi_sandbox_stop_timer();
    ihanoi_sandbox_destroy(sandbox);
}


static void
print_plugin(const ihanoi_manifest_t *m)
{
    json_t    *row, *files, *publishes;
    unsigned   i;

    files = json_array();
    publishes = json_array();

    for (i = 0; i < m->publishes.n; i++) {
        json_array_append_new(publishes, json_string(m->publishes.names[i]));
    }

    for (i = 0; i < m->files.n; i++) {
        json_array_append_new(files, json_pack("{s:s, s:s, s:I}",
                              "path", m->files.all[i].path,
                              "sha256", m->files.all[i].sha256,
                              "size", (json_int_t) m->files.all[i].len));
    }

    row = json_pack("{s:{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:O, s:o, "
                    "s:o}}",
                    "plugin", "name", m->name, "version", m->version,
                    "hash", m->files.hash, "code", m->code,
                    "folder", m->files.folder,
                    "agency", m->agency, "contact", m->contact,
                    "public", (int) m->public_,
                    "database", (int) m->database, "sql", sql,
                    "publishes", publishes, "files", files);

    json_dumpf(row, stdout, JSON_COMPACT|JSON_ENSURE_ASCII);
    printf("\n");
    json_decref(row);
}


int
main(int argc, char **argv)
{
    char                      name[128];
    unsigned                  i;
    ihanoi_manifest_t        *manifest;
    ihanoi_contract_error_t   err;

    if (argc == 2 && strcmp(argv[1], "--role") == 0) {
        printf("%s\n", ihanoi_role_sql);
        return 0;
    }

    if (argc != 3) {
        fprintf(stderr, "usage: ihanoi-plugin LINT.LUA FOLDER | --role\n");
        return 2;
    }

    if (open_lint(argv[1]) != 0) {
        return 2;
    }

    for (i = 0; others[i].noun; i++) {
        snprintf(name, sizeof(name), "ihanoi.%s.%s", others[i].noun,
                 others[i].name);
        allow("", name, "");
    }

    manifest = ihanoi_manifest_load(argv[2], &err);

    if (manifest == NULL) {
        refusal(&err);
        lua_close(lint);
        return 1;
    }

    sql = json_array();
    check_contract(manifest);

    /* last: handler.lua is not loaded after an error */

    if (!ihanoi_manifest_in_place(manifest, &err)) {
        refusal(&err);
    }

    print_plugin(manifest);
    json_decref(sql);

    ihanoi_manifest_free(manifest);
    lua_close(lint);

    return errors ? 1 : 0;
}
