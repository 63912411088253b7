/*
 * Copyright (C) iHaNoi contributors
 *
 * What a task has of its plugin's database: one call at a time, and at most
 * one transaction, a session of the pool, which the task's end rolls back
 * however it ends.
 */

#ifndef _NGX_HTTP_IHANOI_HOST_DB_TASK_H_INCLUDED_
#define _NGX_HTTP_IHANOI_HOST_DB_TASK_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <lua.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_run.h"


typedef enum {
    NGX_HTTP_IHANOI_HOST_DB_ROWS = 0,
    NGX_HTTP_IHANOI_HOST_DB_ONE,
    NGX_HTTP_IHANOI_HOST_DB_VALUE,
    NGX_HTTP_IHANOI_HOST_DB_JSON,
    NGX_HTTP_IHANOI_HOST_DB_EXECUTE,
    NGX_HTTP_IHANOI_HOST_DB_BEGIN,
    NGX_HTTP_IHANOI_HOST_DB_COMMIT
} ngx_http_ihanoi_host_db_mode_e;


/* Of a task that has used the database, until its end. */
typedef struct {
    ngx_http_ihanoi_run_cleanup_t    cleanup;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_task_t          *task;
    ngx_http_ihanoi_pgsession_t     *session;
    ngx_http_ihanoi_pgcall_t        *call;        /* it waits for it */
    ngx_http_ihanoi_host_db_mode_e   mode;

    u_char                          *memory;      /* the call's texts */
    size_t                           size;

    ngx_http_ihanoi_pg_outcome_e     outcome;
    ngx_http_ihanoi_pgresult_t      *res;         /* charged */
    const char                      *refused;     /* why it was not sent */
    const char                      *code;        /* of that */
    uint64_t                         transaction; /* whose function runs; 0 */
    ngx_uint_t                       savepoints;  /* that it has at most */
} ngx_http_ihanoi_host_db_t;


/* The current task's, NULL when it has used no database. */
ngx_http_ihanoi_host_db_t *ngx_http_ihanoi_host_db_find(lua_State *L);

/* The same for a call of this mode, made when there is none; or raises. */
ngx_http_ihanoi_host_db_t *ngx_http_ihanoi_host_db_get(lua_State *L,
    ngx_http_ihanoi_host_db_mode_e mode);

/*
 * "return ngx_http_ihanoi_host_db_send(L, ...)": sends the text at index sql,
 * its values being the last nparams on the stack, and waits.  What became of
 * it is in ctx when Lua goes on.
 */
int ngx_http_ihanoi_host_db_send(lua_State *L, ngx_http_ihanoi_host_db_t *ctx,
    int sql, int nparams);

/* Instead of it: the call ends with this error. */
int ngx_http_ihanoi_host_db_refuse(ngx_http_ihanoi_host_db_t *ctx,
    const char *code, const char *why);

/* Gives the session back, what is open in it is rolled back. */
void ngx_http_ihanoi_host_db_close(ngx_http_ihanoi_host_db_t *ctx);

/* What the last call left. */
void ngx_http_ihanoi_host_db_forget(ngx_http_ihanoi_host_db_t *ctx);


#endif /* _NGX_HTTP_IHANOI_HOST_DB_TASK_H_INCLUDED_ */
