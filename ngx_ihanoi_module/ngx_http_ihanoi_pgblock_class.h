/*
 * Copyright (C) iHaNoi contributors
 *
 * The lines "read", "write", "slow" and "control" of an "ihanoi_database"
 * block: how its pools are.
 */

#ifndef _NGX_HTTP_IHANOI_PGBLOCK_CLASS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGBLOCK_CLASS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pgdb.h"


/* Before the block: all is unset.  NGX_ERROR: no memory. */
ngx_int_t ngx_http_ihanoi_pgblock_class_init(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db);

/* Sets what a line of the block says; cmd->offset is its class. */
char *ngx_http_ihanoi_pgblock_class_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* At the end of the block, when the users are known: defaults for the rest. */
void ngx_http_ihanoi_pgblock_class_finish(ngx_http_ihanoi_pgdb_t *db);


#endif /* _NGX_HTTP_IHANOI_PGBLOCK_CLASS_H_INCLUDED_ */
