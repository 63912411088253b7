/*
 * Copyright (C) iHaNoi contributors
 *
 * Nouns that are a few lines each: ihanoi.plugin and ihanoi.log.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host.h"
#include "ngx_http_ihanoi_host_rows.h"
#include "ihanoi_lua_json.h"


/* Lines of a run: a plugin must not fill the disk in its CPU time. */
#define NGX_HTTP_IHANOI_HOST_LINES  100


static int ngx_http_ihanoi_host_name(lua_State *L);
static int ngx_http_ihanoi_host_version(lua_State *L);
static int ngx_http_ihanoi_host_settings(lua_State *L);
static int ngx_http_ihanoi_host_secret(lua_State *L);
static int ngx_http_ihanoi_host_log_error(lua_State *L);
static int ngx_http_ihanoi_host_log_warn(lua_State *L);
static int ngx_http_ihanoi_host_log_info(lua_State *L);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_plugin_functions[] = {

    { "plugin", "name", ngx_http_ihanoi_host_name,
      IHANOI_PHASE_ANY, "", "name string",
      "The plugin's name." },

    { "plugin", "version", ngx_http_ihanoi_host_version,
      IHANOI_PHASE_ANY, "", "version string",
      "The version of its manifest." },

    { "plugin", "settings", ngx_http_ihanoi_host_settings,
      IHANOI_PHASE_ANY, "", "settings table",
      "The operator's settings as the manifest's schema types them, with its "
      "defaults: a new table each time." },

    { "plugin", "secret", ngx_http_ihanoi_host_secret,
      IHANOI_PHASE_ANY, "name string", "secret? string\nerr? string",
      "A secret that the operator granted, byte for byte as in its file but "
      "for line ends after it. nil and \"not granted\" for any other name." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


static const ihanoi_host_function_t  ngx_http_ihanoi_host_log_functions[] = {

    { "log", "error", ngx_http_ihanoi_host_log_error,
      IHANOI_PHASE_ANY, "text string\nerr? string|ihanoi.DbError", "",
      "Writes into the gateway's error log, with the plugin's name and "
      "version; nginx adds the request's id, its client and its first line. "
      "At most 1024 bytes; control characters become spaces. Behind the text "
      "stands why, when err is given: of an error of ihanoi.db its SQLSTATE "
      "and message, which is left out when it may quote values. Of a call's "
      "lines the first 100 are written. Leave out what is personal." },

    { "log", "warn", ngx_http_ihanoi_host_log_warn,
      IHANOI_PHASE_ANY, "text string\nerr? string|ihanoi.DbError", "",
      "The same, at level warn." },

    { "log", "info", ngx_http_ihanoi_host_log_info,
      IHANOI_PHASE_ANY, "text string\nerr? string|ihanoi.DbError", "",
      "The same, at level info." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_plugin = {
    "plugin", "The plugin itself, and what its operator gave it.",
    ngx_http_ihanoi_host_plugin_functions, NULL
};

const ihanoi_host_noun_t  ngx_http_ihanoi_host_log = {
    "log", "The gateway's error log.",
    ngx_http_ihanoi_host_log_functions, NULL
};


static int
ngx_http_ihanoi_host_name(lua_State *L)
{
    lua_pushstring(L, ihanoi_sandbox_name(ihanoi_sandbox_of(L)));
    return 1;
}


static int
ngx_http_ihanoi_host_version(lua_State *L)
{
    lua_pushstring(L, ngx_http_ihanoi_plugin_state_of(L)
                          ->plugin->manifest->version);
    return 1;
}


static int
ngx_http_ihanoi_host_settings(lua_State *L)
{
    ngx_str_t   *settings;
    const char  *err;

    settings = &ngx_http_ihanoi_plugin_state_of(L)->plugin->settings;

    if (ihanoi_lua_push_json(L, (char *) settings->data, settings->len, &err)
        != 0)
    {
        return luaL_error(L, "the settings cannot be held in Lua: %s", err);
    }

    return 1;
}


static int
ngx_http_ihanoi_host_secret(lua_State *L)
{
    size_t                    len;
    ngx_uint_t                i;
    const char               *name;
    ngx_array_t              *secrets;
    ngx_http_ihanoi_grant_t  *secret;

    name = luaL_checklstring(L, 1, &len);

    secrets = &ngx_http_ihanoi_plugin_state_of(L)->plugin->secrets;
    secret = secrets->elts;

    for (i = 0; i < secrets->nelts; i++) {
        if (secret[i].name.len == len
            && ngx_memcmp(secret[i].name.data, name, len) == 0)
        {
            lua_pushlstring(L, (char *) secret[i].value.data,
                            secret[i].value.len);
            return 1;
        }
    }

    lua_pushnil(L);
    lua_pushliteral(L, "not granted");

    return 2;
}


static int
ngx_http_ihanoi_host_log_write(lua_State *L, ngx_uint_t level)
{
    size_t       len;
    const char  *text;

    luaL_checkstring(L, 1);

    if (!lua_isnoneornil(L, 2)) {
        lua_settop(L, 2);
        lua_pushvalue(L, 1);
        lua_pushliteral(L, ": ");
        ngx_http_ihanoi_host_push_reason(L, 2);
        lua_concat(L, 3);
        lua_replace(L, 1);
    }

    text = lua_tolstring(L, 1, &len);

    ngx_http_ihanoi_host_say(L, level, text, len);

    return 0;
}


static int
ngx_http_ihanoi_host_log_error(lua_State *L)
{
    return ngx_http_ihanoi_host_log_write(L, NGX_LOG_ERR);
}


static int
ngx_http_ihanoi_host_log_warn(lua_State *L)
{
    return ngx_http_ihanoi_host_log_write(L, NGX_LOG_WARN);
}


static int
ngx_http_ihanoi_host_log_info(lua_State *L)
{
    return ngx_http_ihanoi_host_log_write(L, NGX_LOG_INFO);
}


void
ngx_http_ihanoi_host_say(lua_State *L, ngx_uint_t level, const char *text,
    size_t len)
{
    u_char                           line[NGX_HTTP_IHANOI_PLUGIN_TEXT];
    unsigned                        *lines;
    ngx_log_t                       *log;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_plugin_t        *plugin;
    ngx_http_ihanoi_plugin_state_t  *state;

    run = ngx_http_ihanoi_run_of(L);
    state = ngx_http_ihanoi_plugin_state_of(L);
    plugin = state->plugin;

    lines = run ? &run->lines : &state->lines;
    log = run ? run->log : ngx_cycle->log;

    if (*lines > NGX_HTTP_IHANOI_HOST_LINES) {
        return;
    }

    if (++*lines > NGX_HTTP_IHANOI_HOST_LINES) {
        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "plugin \"%V\" %s says too much: the rest of this "
                      "call's lines is not written", &plugin->name,
                      plugin->manifest->version);
        return;
    }

    len = ngx_http_ihanoi_plugin_text(line, text, len);

    ngx_log_error(level, log, 0, "plugin \"%V\" %s says: %*s", &plugin->name,
                  plugin->manifest->version, len, line);
}
