/*
 * Copyright (C) iHaNoi contributors
 *
 * Requests of plugins to the backends that the operator has named.
 *
 *     request   Lua's options   ->  ngx_http_ihanoi_capture_request_t
 *     noun      captures        ->  tables for Lua
 */

#ifndef _NGX_HTTP_IHANOI_BACKEND_H_INCLUDED_
#define _NGX_HTTP_IHANOI_BACKEND_H_INCLUDED_


#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_capture.h"


/* The headers that each request of the plugin has.  NGX_ERROR: memory. */
ngx_int_t ngx_http_ihanoi_backend_init(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);

/*
 * Makes a request of a backend's name and a table of options, in the pool of
 * the run's request.  path is where it is on the stack, 0: in options, which may
 * be nil; method is what options may not say otherwise, or NULL.  *backend is its
 * place in plugin->backends.
 *
 * The text of its body is pushed when it is made, or nil: request->body is good as
 * long as that is on the stack.  Each one counts, made or not, as a call of the run.
 *
 * Raises what is a mistake of the plugin's author: types, unknown options, a
 * backend that was not granted.  What may come from a caller's input is
 * returned, a static text: why not; NULL: it is made.
 */
const char *ngx_http_ihanoi_backend_request(lua_State *L,
    ngx_http_ihanoi_run_t *run, int name, int path, int options,
    const char *method, ngx_http_ihanoi_capture_request_t *request,
    ngx_uint_t *backend);

/*
 * Pushes prefix and path, joined and decoded, for ngx_http_subrequest(), and
 * returns NULL; or pushes nothing and says why not.  The value at index is a
 * text, a list of segments or nil.
 */
const char *ngx_http_ihanoi_backend_path(lua_State *L, const char *prefix,
    int index);

/* Pushes the query string of a table; NULL, or why not. */
const char *ngx_http_ihanoi_backend_query(lua_State *L, int index);


/*
 * For "nginx -t": in each server that has the API a location of the plugin's
 * backends is there and is internal.
 */
ngx_int_t ngx_http_ihanoi_backend_check(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin);

/* The first server that has the API, where they are then; NULL: none has. */
ngx_http_core_srv_conf_t *ngx_http_ihanoi_backend_server(ngx_conf_t *cf);


#endif /* _NGX_HTTP_IHANOI_BACKEND_H_INCLUDED_ */
