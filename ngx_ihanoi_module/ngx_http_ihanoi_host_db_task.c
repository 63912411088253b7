/*
 * Copyright (C) iHaNoi contributors
 *
 * What a task has of its plugin's database.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <lauxlib.h>

#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_run.h"
#include "ngx_http_ihanoi_host_db_task.h"
#include "ihanoi_host.h"


static ngx_http_ihanoi_pg_class_e ngx_http_ihanoi_host_db_class(
    ngx_http_ihanoi_run_t *run);
static void ngx_http_ihanoi_host_db_done(void *data,
    ngx_http_ihanoi_pg_outcome_e outcome, ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t usec);
static void ngx_http_ihanoi_host_db_cancel(void *data);
static void ngx_http_ihanoi_host_db_clean_up(void *data);
static void ngx_http_ihanoi_host_db_free(ngx_http_ihanoi_host_db_t *ctx);


ngx_http_ihanoi_host_db_t *
ngx_http_ihanoi_host_db_find(lua_State *L)
{
    return ngx_http_ihanoi_run_cleanup_find(ngx_http_ihanoi_run_of(L),
                                            ngx_http_ihanoi_host_db_clean_up);
}


ngx_http_ihanoi_host_db_t *
ngx_http_ihanoi_host_db_get(lua_State *L, ngx_http_ihanoi_host_db_mode_e mode)
{
    ngx_http_ihanoi_run_t      *run;
    ngx_http_ihanoi_host_db_t  *ctx;

    run = ngx_http_ihanoi_run_may_wait(L);

    if (run->state->plugin->db == NULL) {
        (void) luaL_error(L, "the plugin's manifest asks for no database");
    }

    ctx = ngx_http_ihanoi_host_db_find(L);
    if (ctx == NULL) {

        ctx = ngx_calloc(sizeof(ngx_http_ihanoi_host_db_t), run->log);
        if (ctx == NULL) {
            (void) luaL_error(L, "not enough memory");
        }

        ctx->run = run;
        ctx->task = run->current;
        ctx->cleanup.handler = ngx_http_ihanoi_host_db_clean_up;
        ctx->cleanup.data = ctx;

        ngx_http_ihanoi_run_cleanup_add(run, &ctx->cleanup);
    }

    /* what an error left behind; a session too, when it stopped "begin" */

    ngx_http_ihanoi_host_db_forget(ctx);

    if (ctx->transaction == 0) {
        ngx_http_ihanoi_host_db_close(ctx);
    }

    ctx->mode = mode;

    return ctx;
}


int
ngx_http_ihanoi_host_db_send(lua_State *L, ngx_http_ihanoi_host_db_t *ctx,
    int sql, int nparams)
{
    int                              i, first;
    size_t                           len, size;
    u_char                          *p;
    const char                      *s, **values;
    ngx_http_ihanoi_run_t           *run;
    ngx_http_ihanoi_pgtext_t         text;
    ngx_http_ihanoi_plugin_state_t  *state;

    if (ctx->transaction && ctx->session == NULL) {
        return ngx_http_ihanoi_host_db_refuse(ctx, "transaction",
                                              "the transaction has ended");
    }

    run = ctx->run;
    state = run->state;

    first = lua_gettop(L) - nparams + 1;

    (void) lua_tolstring(L, sql, &len);
    size = nparams * sizeof(const char *) + len + 1;

    for (i = 0; i < nparams; i++) {
        if (!lua_isnil(L, first + i)) {
            (void) lua_tolstring(L, first + i, &len);
            size += len + 1;
        }
    }

    ihanoi_sandbox_make_room(L, size);

    if (ihanoi_sandbox_charge(state->sandbox, (long) size) != 0) {
        return luaL_error(L, "not enough memory");
    }

    ctx->size = size;

    ctx->memory = ngx_alloc(size, run->log);
    if (ctx->memory == NULL) {
        ngx_http_ihanoi_host_db_free(ctx);
        return luaL_error(L, "not enough memory");
    }

    values = (const char **) (void *) ctx->memory;
    p = (u_char *) (values + nparams);

    for (i = -1; i < nparams; i++) {

        if (i >= 0 && lua_isnil(L, first + i)) {
            values[i] = NULL;
            continue;
        }

        s = lua_tolstring(L, i < 0 ? sql : first + i, &len);

        if (i < 0) {
            text.sql.data = p;
            text.sql.len = len;

        } else {
            values[i] = (char *) p;
        }

        p = ngx_cpymem(p, s, len);
        *p++ = '\0';
    }

    text.class = ngx_http_ihanoi_host_db_class(run);
    text.nparams = (ngx_uint_t) nparams;

    ctx->call = ngx_http_ihanoi_pgcall_submit_text(state->plugin->db, &text,
                                         ctx->session, values,
                                         ngx_http_ihanoi_run_left(run),
                                         ngx_http_ihanoi_host_db_done, ctx,
                                         run->log, &ctx->outcome);
    if (ctx->call == NULL) {
        ngx_http_ihanoi_host_db_free(ctx);
        return 0;
    }

    return ngx_http_ihanoi_run_wait(L, run, ngx_http_ihanoi_host_db_cancel,
                                    ctx);
}


/* As a SQL function of the operation would have it; jobs write. */

static ngx_http_ihanoi_pg_class_e
ngx_http_ihanoi_host_db_class(ngx_http_ihanoi_run_t *run)
{
    /* a call of another plugin is of that one's operation, or of a job */

    if (run->phase == IHANOI_PHASE_JOB || run->ctx->operation == NULL) {
        return NGX_HTTP_IHANOI_PG_WRITE;
    }

    return ngx_http_ihanoi_statement_class(run->ctx->operation->contract);
}


int
ngx_http_ihanoi_host_db_refuse(ngx_http_ihanoi_host_db_t *ctx,
    const char *code, const char *why)
{
    ctx->code = code;
    ctx->refused = why;

    return 0;
}


static void
ngx_http_ihanoi_host_db_done(void *data, ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_http_ihanoi_pgresult_t *res, ngx_uint_t usec)
{
    ngx_http_ihanoi_host_db_t *ctx = data;

    ctx->call = NULL;
    ctx->outcome = outcome;

    ngx_http_ihanoi_host_db_free(ctx);

    if (res) {

        if (ihanoi_sandbox_charge(ctx->run->state->sandbox,
                                  (long) ngx_http_ihanoi_pgresult_size(res))
            == 0)
        {
            ctx->res = res;

        } else {
            ngx_http_ihanoi_pgresult_free(res);
            ctx->outcome = NGX_HTTP_IHANOI_PG_TOO_LARGE;
        }
    }

    ngx_http_ihanoi_run_resume(ctx->task, 0);
}


static void
ngx_http_ihanoi_host_db_cancel(void *data)
{
    ngx_http_ihanoi_host_db_t *ctx = data;

    if (ctx->call) {
        ngx_http_ihanoi_pgcall_abandon(ctx->call);
        ctx->call = NULL;
    }

    ngx_http_ihanoi_host_db_free(ctx);
}


static void
ngx_http_ihanoi_host_db_clean_up(void *data)
{
    ngx_http_ihanoi_host_db_t *ctx = data;

    ngx_http_ihanoi_host_db_cancel(ctx);
    ngx_http_ihanoi_host_db_forget(ctx);
    ngx_http_ihanoi_host_db_close(ctx);

    ngx_free(ctx);
}


void
ngx_http_ihanoi_host_db_close(ngx_http_ihanoi_host_db_t *ctx)
{
    ngx_http_ihanoi_pgsession_t  *session;

    session = ctx->session;

    if (session) {
        ctx->session = NULL;
        ngx_http_ihanoi_pgsession_close(session);
    }
}


static void
ngx_http_ihanoi_host_db_free(ngx_http_ihanoi_host_db_t *ctx)
{
    (void) ihanoi_sandbox_charge(ctx->run->state->sandbox, -(long) ctx->size);
    ctx->size = 0;

    if (ctx->memory) {
        ngx_free(ctx->memory);
        ctx->memory = NULL;
    }
}


void
ngx_http_ihanoi_host_db_forget(ngx_http_ihanoi_host_db_t *ctx)
{
    ctx->refused = NULL;

    if (ctx->res) {
        (void) ihanoi_sandbox_charge(ctx->run->state->sandbox,
                            -(long) ngx_http_ihanoi_pgresult_size(ctx->res));
        ngx_http_ihanoi_pgresult_free(ctx->res);
        ctx->res = NULL;
    }
}
