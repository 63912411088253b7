/*
 * Copyright (C) iHaNoi contributors
 *
 * A JSON text to a value of a sandbox and back.
 *
 * What becomes a value is what jansson reads, and is written as what it was;
 * what does not is refused by the strict reader too, or has an integer that a
 * number does not hold.
 */

#include <string.h>

#include "expect.h"
#include "ihanoi_json.h"
#include "ihanoi_lua_json.h"
#include "ihanoi_sandbox.h"


typedef struct {
    const char  *data;
    size_t       len;
} input_t;


/* The value on the top of the stack, which stays, and what jansson read. */

static void
compare(lua_State *L, const json_t *json)
{
    size_t       i, n;
    json_t      *value;
    const char  *name, *s;

    luaL_checkstack(L, 4, NULL);

    switch (json_typeof(json)) {

    case JSON_NULL:
        expect(ihanoi_lua_is_null(L, -1), "null is something else");
        break;

    case JSON_TRUE:
    case JSON_FALSE:
        expect(lua_isboolean(L, -1)
               && lua_toboolean(L, -1) == json_is_true(json),
               "a boolean is something else");
        break;

    case JSON_INTEGER:
    case JSON_REAL:
        expect(lua_type(L, -1) == LUA_TNUMBER
               && lua_tonumber(L, -1) == json_number_value(json),
               "a number is something else");
        break;

    case JSON_STRING:
        s = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, &n) : NULL;
        expect(s && n == json_string_length(json)
               && memcmp(s, json_string_value(json), n) == 0,
               "a string is something else");
        break;

    case JSON_ARRAY:
        expect(lua_istable(L, -1) && lua_objlen(L, -1) == json_array_size(json),
               "an array is something else");

        for (i = 0; i < json_array_size(json); i++) {
            lua_rawgeti(L, -1, (int) i + 1);
            compare(L, json_array_get(json, i));
            lua_pop(L, 1);
        }

        break;

    case JSON_OBJECT:
        expect(lua_istable(L, -1), "an object is something else");
        n = 0;

        for (lua_pushnil(L); lua_next(L, -2); n++) {
            lua_pop(L, 1);
        }

        expect(n == json_object_size(json), "an object has other members");

        json_object_foreach((json_t *) json, name, value) {
            lua_getfield(L, -1, name);
            compare(L, value);
            lua_pop(L, 1);
        }

        break;
    }
}


static void
accepted(lua_State *L, const char *data, size_t len)
{
    char         *text;
    json_t       *json;
    const char   *err;

    json = json_loadb(data, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, NULL);
    expect(json != NULL, "accepted, and refused by a second reader");

    compare(L, json);

    expect(ihanoi_lua_encode_json(L, -1, &text, &len) == 0,
           "a value of JSON is not written");
    expect(ihanoi_lua_push_json(L, text, len, &err) == 0,
           "what was written is not read");

    compare(L, json);

    json_decref(json);
    json = json_loadb(text, len, JSON_REJECT_DUPLICATES|JSON_DECODE_ANY, NULL);
    expect(json != NULL, "written, and refused by a second reader");

    compare(L, json);

    json_decref(json);
    free(text);
}


static int
run(lua_State *L)
{
    int                   rc;
    json_t               *json;
    input_t              *in;
    const char           *err;
    ihanoi_json_error_t   error, refused;

    in = lua_touserdata(L, 1);

    if (ihanoi_lua_read_json(L, in->data, in->len, &refused) == 0) {
        accepted(L, in->data, in->len);

        /* it is UTF-8, so that need not be looked at */

        expect(ihanoi_lua_push_json(L, in->data, in->len, &err) == 0,
               "accepted, and refused when it is known to be UTF-8");
        accepted(L, in->data, in->len);

        return 0;
    }

    expect(refused.reason[0] != '\0', "refused without words");
    expect(refused.offset <= in->len, "refused for what is behind the text");

    /* whatever it is, nothing is read behind it */

    (void) ihanoi_lua_push_json(L, in->data, in->len, &err);

    rc = ihanoi_json_read(in->data, in->len, IHANOI_JSON_DEPTH, NULL, &json,
                          &error);

    if (rc == IHANOI_OK) {
        json_decref(json);
        expect(strncmp(refused.reason, "integer beyond 2^53", 19) == 0,
               "refused, and accepted by the strict reader");
    }

    return 0;
}


static int
open(lua_State *L)
{
    ihanoi_lua_json_open(L);

    return 0;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    input_t                   in;
    lua_State                *L;
    ihanoi_sandbox_conf_t     conf;
    static ihanoi_sandbox_t  *sandbox;

    if (sandbox == NULL) {
        memset(&conf, 0, sizeof(ihanoi_sandbox_conf_t));
        conf.name = "fuzz";
        conf.memory = 256 << 20;

        sandbox = ihanoi_sandbox_create(&conf);
        expect(sandbox != NULL, "no sandbox");
        expect(lua_cpcall(ihanoi_sandbox_state(sandbox), open, NULL) == 0,
               "no values");
    }

    L = ihanoi_sandbox_state(sandbox);
    in.data = (const char *) data;
    in.len = size;

    if (lua_cpcall(L, run, &in) != 0) {
        fprintf(stderr, "%s\n", lua_tostring(L, -1));
        abort();
    }

    lua_settop(L, 0);

    return 0;
}
