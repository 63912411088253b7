/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.services: all plugins of the gateway as everybody may see them, from
 * their manifests and shared memory.  Nobody is asked, so that it is there
 * when a database is not.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_host.h"
#include "ihanoi_lua_json.h"


static int ngx_http_ihanoi_host_services_list(lua_State *L);
static int ngx_http_ihanoi_host_services_find(lua_State *L);
static void ngx_http_ihanoi_host_services_push(lua_State *L,
    ngx_http_ihanoi_plugin_t *plugin);
static void ngx_http_ihanoi_host_services_purposes(lua_State *L,
    const ihanoi_manifest_t *manifest);
static void ngx_http_ihanoi_host_services_pair(lua_State *L, const char *name,
    const char *first, const char *one, const char *second, const char *other);
static void ngx_http_ihanoi_host_services_names(lua_State *L,
    const ihanoi_names_t *names);


static const ihanoi_host_function_t  ngx_http_ihanoi_host_services_functions[] =
{
    { "services", "list", ngx_http_ihanoi_host_services_list,
      IHANOI_PHASE_CALL, "", "services ihanoi.Service[]",
      "All of them in the order of the operator's configuration, this plugin "
      "too. The version is the one that stands, not a candidate beside it." },

    { "services", "find", ngx_http_ihanoi_host_services_find,
      IHANOI_PHASE_CALL, "name string", "service? ihanoi.Service",
      "The one of that name, or nil." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ngx_http_ihanoi_host_services = {
    "services",
    "The plugins of the gateway as everybody may see them: what their "
    "manifests say, and how they are doing.",
    ngx_http_ihanoi_host_services_functions,
    NULL
};


static int
ngx_http_ihanoi_host_services_list(lua_State *L)
{
    int                        n;
    ngx_http_ihanoi_plugin_t  *plugin;

    ihanoi_lua_push_array(L, 0);

    n = 0;

    for (plugin = ngx_http_ihanoi_plugin_list(); plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        if (plugin->current) {
            continue;
        }

        ihanoi_sandbox_poll(L);

        ngx_http_ihanoi_host_services_push(L, plugin);
        lua_rawseti(L, -2, ++n);
    }

    return 1;
}


static int
ngx_http_ihanoi_host_services_find(lua_State *L)
{
    const char                *name;
    ngx_http_ihanoi_plugin_t  *plugin;

    name = luaL_checkstring(L, 1);

    for (plugin = ngx_http_ihanoi_plugin_list(); plugin;
         plugin = ngx_http_ihanoi_plugin_next(plugin))
    {
        if (plugin->current == NULL
            && ngx_strcmp(plugin->manifest->name, name) == 0)
        {
            ngx_http_ihanoi_host_services_push(L, plugin);
            return 1;
        }
    }

    lua_pushnil(L);

    return 1;
}


static void
ngx_http_ihanoi_host_services_push(lua_State *L,
    ngx_http_ihanoi_plugin_t *plugin)
{
    const ihanoi_manifest_t            *manifest;
    ngx_http_ihanoi_plugin_standing_e   standing;

    manifest = plugin->manifest;

    luaL_checkstack(L, 8, NULL);
    lua_createtable(L, 0, 9);

    lua_pushstring(L, manifest->name);
    lua_setfield(L, -2, "name");

    lua_pushstring(L, manifest->version);
    lua_setfield(L, -2, "version");

    ngx_http_ihanoi_host_services_pair(L, "title", "vi", manifest->title_vi,
                                       "en", manifest->title_en);
    ngx_http_ihanoi_host_services_pair(L, "agency", "name", manifest->agency,
                                       "contact", manifest->contact);

    lua_pushstring(L, manifest->prefix);
    lua_setfield(L, -2, "prefix");

    if (manifest->documentation) {
        lua_pushstring(L, manifest->documentation);
        lua_setfield(L, -2, "documentation");
    }

    ngx_http_ihanoi_host_services_names(L, &manifest->data);
    ngx_http_ihanoi_host_services_purposes(L, manifest);

    /* why it is not served is for operators */

    standing = ngx_http_ihanoi_plugin_standing(plugin);

    if (standing == NGX_HTTP_IHANOI_PLUGIN_REFUSED) {
        standing = NGX_HTTP_IHANOI_PLUGIN_DISABLED;
    }

    lua_pushstring(L, ngx_http_ihanoi_plugin_standings[standing]);
    lua_setfield(L, -2, "state");
}


static void
ngx_http_ihanoi_host_services_purposes(lua_State *L,
    const ihanoi_manifest_t *manifest)
{
    unsigned                          i;
    const ihanoi_manifest_purpose_t  *purpose;

    ihanoi_lua_push_array(L, (int) manifest->npurposes);

    for (i = 0; i < manifest->npurposes; i++) {
        purpose = &manifest->purposes[i];

        lua_createtable(L, 0, 4);

        lua_pushstring(L, purpose->name);
        lua_setfield(L, -2, "name");

        lua_pushinteger(L, (lua_Integer) purpose->version);
        lua_setfield(L, -2, "version");

        ngx_http_ihanoi_host_services_pair(L, "title",
                                           "vi", purpose->title_vi,
                                           "en", purpose->title_en);
        ngx_http_ihanoi_host_services_names(L, &purpose->data);

        lua_rawseti(L, -2, (int) i + 1);
    }

    lua_setfield(L, -2, "purposes");
}


/* A table of two texts into the one on the top of the stack. */

static void
ngx_http_ihanoi_host_services_pair(lua_State *L, const char *name,
    const char *first, const char *one, const char *second, const char *other)
{
    lua_createtable(L, 0, 2);

    lua_pushstring(L, one);
    lua_setfield(L, -2, first);

    lua_pushstring(L, other);
    lua_setfield(L, -2, second);

    lua_setfield(L, -2, name);
}


/* And a list of classes. */

static void
ngx_http_ihanoi_host_services_names(lua_State *L, const ihanoi_names_t *names)
{
    unsigned  i;

    ihanoi_lua_push_array(L, (int) names->n);

    for (i = 0; i < names->n; i++) {
        lua_pushstring(L, names->names[i]);
        lua_rawseti(L, -2, (int) i + 1);
    }

    lua_setfield(L, -2, "data");
}
