/*
 * Copyright (C) iHaNoi contributors
 *
 * The nouns of "ihanoi" that need nginx, and the list of all.
 */

#ifndef _NGX_HTTP_IHANOI_HOST_H_INCLUDED_
#define _NGX_HTTP_IHANOI_HOST_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_host.h"


extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_request;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_response;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_plugin;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_run;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_log;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_backend;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_db;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_events;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_metric;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_cache;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_interface;
extern const ihanoi_host_noun_t  ngx_http_ihanoi_host_services;


/*
 * A line in the log as of the plugin.
 * Of a call's lines the first 100 are written: nobody fills the disk.
 */
void ngx_http_ihanoi_host_say(lua_State *L, ngx_uint_t level,
    const char *text, size_t len);

/* Ended by NULL. */
extern const ihanoi_host_noun_t *const  ngx_http_ihanoi_host_nouns[];


#endif /* _NGX_HTTP_IHANOI_HOST_H_INCLUDED_ */
