/*
 * Copyright (C) iHaNoi contributors
 *
 * Rows of PostgreSQL as Lua values.
 *
 *     int2, int4, oid, float4, float8     number
 *     int8, numeric                       number when it holds all digits,
 *                                         else string
 *     bool                                boolean
 *     json, jsonb                         as ihanoi.json.decode()
 *     null                                absent
 *     other types                         string, as PostgreSQL writes it
 *
 * All of it raises errors (memory, a call that has to die): res is of somebody
 * who outlives that.
 */

#ifndef _NGX_HTTP_IHANOI_HOST_ROWS_H_INCLUDED_
#define _NGX_HTTP_IHANOI_HOST_ROWS_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <lua.h>

#include "ngx_http_ihanoi_pg.h"


/*
 * Pushes a list of all rows, or a row, each a table by column names, and
 * returns 0.  -1: a text why a value cannot be held in Lua is pushed.
 */
int ngx_http_ihanoi_host_push_rows(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res);
int ngx_http_ihanoi_host_push_row(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t row);

/*
 * Pushes the only column of the first row as ihanoi.json.raw(), or nil when
 * there is no row or it is null.  Raises when that is no json or jsonb.
 */
void ngx_http_ihanoi_host_push_document(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res);

/* Pushes the table of an error; res: the server's, or NULL. */
void ngx_http_ihanoi_host_push_error(lua_State *L, const char *code,
    const char *message, ngx_http_ihanoi_pgresult_t *res);


#endif /* _NGX_HTTP_IHANOI_HOST_ROWS_H_INCLUDED_ */
