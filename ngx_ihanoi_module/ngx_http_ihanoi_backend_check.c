/*
 * Copyright (C) iHaNoi contributors
 *
 * Are the locations there that an operator has given to a plugin's backends?
 */

#include "ngx_http_ihanoi_backend.h"
#include "ngx_http_ihanoi_inject.h"


static ngx_uint_t ngx_http_ihanoi_backend_serves(
    ngx_http_core_loc_conf_t *clcf);
static ngx_uint_t ngx_http_ihanoi_backend_tree_serves(
    ngx_http_location_tree_node_t *node);
static ngx_int_t ngx_http_ihanoi_backend_check_one(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_http_ihanoi_grant_t *grant,
    ngx_http_core_srv_conf_t *cscf);


ngx_http_core_srv_conf_t *
ngx_http_ihanoi_backend_server(ngx_conf_t *cf)
{
    ngx_uint_t                   i;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;

    for (i = 0; i < cmcf->servers.nelts; i++) {
        if (ngx_http_ihanoi_backend_serves(
                   cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index]))
        {
            return cscf[i];
        }
    }

    return NULL;
}


ngx_int_t
ngx_http_ihanoi_backend_check(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                   i, k;
    ngx_http_ihanoi_grant_t     *grant;
    ngx_http_core_srv_conf_t   **cscf;
    ngx_http_core_loc_conf_t    *clcf;
    ngx_http_core_main_conf_t   *cmcf;

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);
    cscf = cmcf->servers.elts;
    grant = plugin->backends.elts;

    for (i = 0; i < cmcf->servers.nelts && plugin->backends.nelts; i++) {
        clcf = cscf[i]->ctx->loc_conf[ngx_http_core_module.ctx_index];

        if (!ngx_http_ihanoi_backend_serves(clcf)) {
            continue;
        }

        for (k = 0; k < plugin->backends.nelts; k++) {
            if (ngx_http_ihanoi_backend_check_one(cf, plugin, &grant[k],
                                                  cscf[i])
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* Has it the API, or a location of its? */

static ngx_uint_t
ngx_http_ihanoi_backend_serves(ngx_http_core_loc_conf_t *clcf)
{
#if (NGX_PCRE)
    ngx_http_core_loc_conf_t        **regex;
#endif
    ngx_http_ihanoi_api_loc_conf_t   *alcf;

    /* a server's own has no pointer to the others */

    alcf = clcf->loc_conf ? clcf->loc_conf[ngx_http_ihanoi_api_module.ctx_index]
                          : NULL;

    if ((alcf && alcf->enable == 1)
        || ngx_http_ihanoi_backend_tree_serves(clcf->static_locations))
    {
        return 1;
    }

#if (NGX_PCRE)

    for (regex = clcf->regex_locations; regex && *regex; regex++) {
        if (ngx_http_ihanoi_backend_serves(*regex)) {
            return 1;
        }
    }

#endif

    return 0;
}


static ngx_uint_t
ngx_http_ihanoi_backend_tree_serves(ngx_http_location_tree_node_t *node)
{
    return node
           && ((node->exact && ngx_http_ihanoi_backend_serves(node->exact))
               || (node->inclusive
                   && ngx_http_ihanoi_backend_serves(node->inclusive))
               || ngx_http_ihanoi_backend_tree_serves(node->left)
               || ngx_http_ihanoi_backend_tree_serves(node->right)
               || ngx_http_ihanoi_backend_tree_serves(node->tree));
}


static ngx_int_t
ngx_http_ihanoi_backend_check_one(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin, ngx_http_ihanoi_grant_t *grant,
    ngx_http_core_srv_conf_t *cscf)
{
    size_t                     len;
    u_char                    *slash;
    ngx_str_t                 *value;
    ngx_http_core_loc_conf_t  *clcf;

    value = &grant->value;

    if (value->len == 0 || value->data[0] != '/' || value->len > 200) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\": backend \"%V\": \"%V\" is not the path "
                           "of a location", &plugin->name, &grant->name, value);
        return NGX_ERROR;
    }

    /* as a request finds it, with nothing after the prefix or something */

    clcf = ngx_http_ihanoi_inject_location(cscf, value->data, value->len);
    len = value->len;

    if (clcf == NULL || clcf->name.len < len) {
        slash = ngx_pnalloc(cf->temp_pool, len + 1);
        if (slash == NULL) {
            return NGX_ERROR;
        }

        *ngx_cpymem(slash, value->data, len) = '/';

        clcf = ngx_http_ihanoi_inject_location(cscf, slash, len + 1);

        if (clcf && clcf->name.len < len) {
            clcf = NULL;
        }
    }

    if (clcf == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\": backend \"%V\": location \"%V\" not "
                           "found in server \"%V\"", &plugin->name, &grant->name,
                           value, &cscf->server_name);
        return NGX_ERROR;
    }

    if (!clcf->internal) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "plugin \"%V\": backend \"%V\": location \"%V\" in "
                           "server \"%V\" is not \"internal\", clients could use "
                           "it", &plugin->name, &grant->name, value,
                           &cscf->server_name);
        return NGX_ERROR;
    }

    return NGX_OK;
}
