/*
 * Copyright (C) iHaNoi contributors
 *
 * Rows and errors of PostgreSQL as Lua values.
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
 * The only column of the first row, or nil when there is no row or it is null:
 * as a value, in which case the return is as above, or as ihanoi.json.raw(),
 * which raises when it is no json or jsonb.
 */
int ngx_http_ihanoi_host_push_only(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res);
void ngx_http_ihanoi_host_push_document(lua_State *L,
    ngx_http_ihanoi_pgresult_t *res);

/* Pushes the table of an error. */
void ngx_http_ihanoi_host_push_error(lua_State *L, const char *code,
    const char *message);

/* The same of a call that ended so; res: the server's, or NULL. */
void ngx_http_ihanoi_host_push_outcome(lua_State *L,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res);

/* What such a table says: its texts live as long as it.  Absent ones are "". */
typedef struct {
    ngx_str_t                     code;
    ngx_str_t                     sqlstate;
    ngx_str_t                     message;
    ngx_http_ihanoi_pg_outcome_e  outcome;   /* of a call, by its code; else
                                                SQLERROR */
    unsigned                      refused:1; /* by SQL with a problem, which
                                                is the code */
} ngx_http_ihanoi_host_error_t;

/* 0: what is at the index is no such table. */
int ngx_http_ihanoi_host_get_error(lua_State *L, int index,
    ngx_http_ihanoi_host_error_t *err);

/*
 * What it is to a client: the problem that an operation served by SQL answers,
 * and the level of its line in the log.  Not of one that is refused.
 */
const char *ngx_http_ihanoi_host_error_problem(
    ngx_http_ihanoi_host_error_t *err, ngx_uint_t get, ngx_uint_t *level);

/* Its database has no room or is away, which is nobody's failure. */
ngx_uint_t ngx_http_ihanoi_host_error_away(ngx_http_ihanoi_host_error_t *err);

/* Pushes why something failed, for logs, of a text or such a table. */
void ngx_http_ihanoi_host_push_reason(lua_State *L, int index);


#endif /* _NGX_HTTP_IHANOI_HOST_ROWS_H_INCLUDED_ */
