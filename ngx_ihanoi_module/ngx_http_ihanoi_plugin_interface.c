/*
 * Copyright (C) iHaNoi contributors
 *
 * Interfaces: which functions of which plugins a plugin may call.
 *
 * Both manifests and the operator have to agree, and nginx does not start when
 * they do not: the caller's "uses", the other one's "offers", and a line
 * "interface PLUGIN.NAME;" in the caller's block.
 */

#include "ngx_http_ihanoi_plugin.h"


static char *ngx_http_ihanoi_plugin_interface(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugins, ngx_http_ihanoi_plugin_t *plugin,
    const ihanoi_interface_t *use, ngx_http_ihanoi_interface_t *interface);
static char *ngx_http_ihanoi_plugin_interface_granted(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);
static ngx_uint_t ngx_http_ihanoi_plugin_interface_used(
    ngx_http_ihanoi_plugin_t *plugin, ngx_str_t *name);
static ngx_uint_t ngx_http_ihanoi_plugin_interface_named(ngx_str_t *name,
    const ihanoi_interface_t *use);


char *
ngx_http_ihanoi_plugin_offers(ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                 i, k;
    const ihanoi_interface_t  *offer;

    plugin->offered = plugin->functions.nelts;

    for (i = 0; i < plugin->manifest->noffers; i++) {
        offer = &plugin->manifest->offers[i];

        for (k = 0; k < offer->functions.n; k++) {

            if (ngx_http_ihanoi_plugin_function(plugin,
                                                offer->functions.names[k],
                                                "the interface", offer->name,
                                                ngx_http_ihanoi_plugin_returned)
                != NGX_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


/* Of one plugin, when all are known. */

char *
ngx_http_ihanoi_plugin_interfaces(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugins, ngx_http_ihanoi_plugin_t *plugin)
{
    char                     *rv;
    ngx_uint_t                i;
    const ihanoi_manifest_t  *manifest;

    manifest = plugin->manifest;

    rv = ngx_http_ihanoi_plugin_interface_granted(cf, plugin);
    if (rv != NGX_CONF_OK || manifest->nuses == 0) {
        return rv;
    }

    plugin->interfaces = ngx_pcalloc(cf->pool, manifest->nuses
                                      * sizeof(ngx_http_ihanoi_interface_t));
    if (plugin->interfaces == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < manifest->nuses; i++) {

        rv = ngx_http_ihanoi_plugin_interface(cf, plugins, plugin,
                                              &manifest->uses[i],
                                              &plugin->interfaces[i]);
        if (rv != NGX_CONF_OK) {
            return rv;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_plugin_interface(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugins, ngx_http_ihanoi_plugin_t *plugin,
    const ihanoi_interface_t *use, ngx_http_ihanoi_interface_t *interface)
{
    ngx_uint_t                 i, function, version;
    const ihanoi_interface_t  *offer;
    ngx_http_ihanoi_plugin_t  *other;

    for (other = plugins; other; other = other->next) {
        if (ngx_strcmp(other->name.data, use->plugin) == 0) {
            break;
        }
    }

    if (other == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" uses the interface \"%s.%s\", but there "
                           "is no plugin \"%s\"", &plugin->name, use->plugin,
                           use->name, use->plugin);
        return NGX_CONF_ERROR;
    }

    version = 0;
    function = other->offered;

    for (i = 0; i < other->manifest->noffers; i++) {
        offer = &other->manifest->offers[i];

        if (ngx_strcmp(offer->name, use->name) == 0) {

            if (offer->version == use->version) {
                interface->plugin = other;
                interface->offer = offer;
                interface->function = function;
                return NGX_CONF_OK;
            }

            version = offer->version;
        }

        function += offer->functions.n;
    }

    if (version) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" uses version %ui of the interface "
                           "\"%s.%s\", the plugin \"%V\" offers version %ui",
                           &plugin->name, (ngx_uint_t) use->version, use->plugin,
                           use->name, &other->name, version);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\" uses the interface \"%s.%s\", the plugin "
                           "\"%V\" does not offer it", &plugin->name, use->plugin,
                           use->name, &other->name);
    }

    return NGX_CONF_ERROR;
}


/* Both ways, as all grants; a version beside it has the same ones. */

static char *
ngx_http_ihanoi_plugin_interface_granted(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                 i, k;
    ngx_http_ihanoi_grant_t   *grant;
    const ihanoi_interface_t  *use;
    ngx_http_ihanoi_plugin_t  *other;

    grant = plugin->granted.elts;

    for (i = 0; i < plugin->manifest->nuses; i++) {
        use = &plugin->manifest->uses[i];

        for (k = 0; k < plugin->granted.nelts; k++) {
            if (ngx_http_ihanoi_plugin_interface_named(&grant[k].name, use)) {
                break;
            }
        }

        if (k == plugin->granted.nelts) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" uses the interface \"%s.%s\", the "
                               "operator does not grant it: a line \"interface "
                               "%s.%s;\" is missing", &plugin->name, use->plugin,
                               use->name, use->plugin, use->name);
            return NGX_CONF_ERROR;
        }
    }

    other = plugin->candidate ? plugin->candidate : plugin->current;

    for (k = 0; k < plugin->granted.nelts; k++) {

        if (!ngx_http_ihanoi_plugin_interface_used(plugin,
                                                   &grant[k].name)
            && (other == NULL
                || !ngx_http_ihanoi_plugin_interface_used(other,
                                                          &grant[k].name)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "plugin \"%V\" is granted the interface \"%V\", its "
                               "manifest does not use it", &plugin->name,
                               &grant[k].name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_ihanoi_plugin_interface_used(ngx_http_ihanoi_plugin_t *plugin,
    ngx_str_t *name)
{
    ngx_uint_t  i;

    for (i = 0; i < plugin->manifest->nuses; i++) {
        if (ngx_http_ihanoi_plugin_interface_named(name,
                                                   &plugin->manifest->uses[i]))
        {
            return 1;
        }
    }

    return 0;
}


/* "PLUGIN.NAME", which ends with a NUL. */

static ngx_uint_t
ngx_http_ihanoi_plugin_interface_named(ngx_str_t *name,
    const ihanoi_interface_t *use)
{
    size_t  len;

    len = ngx_strlen(use->plugin);

    return name->len > len + 1
           && ngx_strncmp(name->data, use->plugin, len) == 0
           && name->data[len] == '.'
           && ngx_strcmp(name->data + len + 1, use->name) == 0;
}
