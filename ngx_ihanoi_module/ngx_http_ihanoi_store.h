/*
 * Copyright (C) iHaNoi contributors
 *
 * The stores of plugins: a shared memory zone for each.
 *
 * A zone of its own means a mutex of its own, so that a plugin which is busy
 * with its store keeps no other waiting; and it is one that nginx's master
 * frees when the worker which held it has died.
 */

#ifndef _NGX_HTTP_IHANOI_STORE_H_INCLUDED_
#define _NGX_HTTP_IHANOI_STORE_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ihanoi_host_store.h"


/*
 * Declares the store of a plugin at configuration time.  size is what its
 * entries and their tables may take, at least IHANOI_STORE_SIZE_MIN (checked).
 * The same name and size give the same store, so that versions of a plugin
 * share it.  It is kept over reloads; one that changes the size begins empty.
 *
 * NULL when it has said why.
 */
ihanoi_host_store_t *ngx_http_ihanoi_store_declare(ngx_conf_t *cf,
    ngx_str_t *name, size_t size);

/* In a worker; for metrics. */
void ngx_http_ihanoi_store_stat(ihanoi_host_store_t *store,
    ihanoi_store_stat_t *stat);


/* For ihanoi_host_store_of; defined by who runs plugins. */
ihanoi_host_store_t *ngx_http_ihanoi_plugin_store(lua_State *L);


#endif /* _NGX_HTTP_IHANOI_STORE_H_INCLUDED_ */
