/*
 * Copyright (C) iHaNoi contributors
 *
 * All nouns of "ihanoi".
 */

#include "ngx_http_ihanoi_host.h"


const ihanoi_host_noun_t *const  ngx_http_ihanoi_host_nouns[] = {
    &ngx_http_ihanoi_host_request,
    &ngx_http_ihanoi_host_response,
    &ngx_http_ihanoi_host_plugin,
    &ngx_http_ihanoi_host_run,
    &ngx_http_ihanoi_host_log,
    &ngx_http_ihanoi_host_backend,
    &ngx_http_ihanoi_host_interface,
    &ngx_http_ihanoi_host_services,
    &ngx_http_ihanoi_host_db,
    &ngx_http_ihanoi_host_events,
    &ngx_http_ihanoi_host_metric,
    &ihanoi_host_json,
    &ihanoi_host_store,
    &ihanoi_host_lock,
    &ngx_http_ihanoi_host_cache,
    &ihanoi_host_crypto,
    &ihanoi_host_jwt,
    &ihanoi_host_time,
    &ihanoi_host_money,
    &ihanoi_host_uuid,
    &ihanoi_host_text,
    NULL
};
