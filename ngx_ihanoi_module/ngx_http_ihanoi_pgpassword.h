/*
 * Copyright (C) iHaNoi contributors
 *
 * The file with the passwords of roles.
 */

#ifndef _NGX_HTTP_IHANOI_PGPASSWORD_H_INCLUDED_
#define _NGX_HTTP_IHANOI_PGPASSWORD_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"


/* The line "password_file name" of a block: reads the file, once. */
char *ngx_http_ihanoi_pgpassword_set(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* The password of a role at a host, NULL if there is none. */
const char *ngx_http_ihanoi_pgpassword_find(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pghost_t *host, ngx_str_t *user);


#endif /* _NGX_HTTP_IHANOI_PGPASSWORD_H_INCLUDED_ */
