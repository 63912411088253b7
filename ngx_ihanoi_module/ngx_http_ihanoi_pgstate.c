/*
 * Copyright (C) iHaNoi contributors
 *
 * Which statements a database has not: what the log and /readyz say of one, and
 * when it is tried again.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgdb.h"
#include "ngx_http_ihanoi_pgstate.h"


/* a missing statement is tried again after this, should a migrate bring it */
#define NGX_HTTP_IHANOI_PGSTATE_RECHECK  3000


static void ngx_http_ihanoi_pgstate_tell(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstate_t *state, ngx_str_t *sentence);


void
ngx_http_ihanoi_pgstate_prepared(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt)
{
    ngx_http_ihanoi_pgstate_t  *state;

    state = &db->states[stmt->index];

    if (state->missing) {
        state->missing = 0;

        ngx_log_error(NGX_LOG_NOTICE, db->log, 0,
                      "database \"%V\": statement of operation \"%V\" is "
                      "there now", &db->name, &stmt->operation);
    }

    if (!state->blamed) {
        state->sentence.len = 0;
    }
}


void
ngx_http_ihanoi_pgstate_refused(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *sentence)
{
    ngx_http_ihanoi_pgstate_t  *state;

    state = &db->states[stmt->index];

    state->missing = 1;
    state->retry = ngx_current_msec + NGX_HTTP_IHANOI_PGSTATE_RECHECK;

    if (!state->blamed) {
        ngx_http_ihanoi_pgstate_tell(db, state, sentence);
    }
}


void
ngx_http_ihanoi_pgstate_listed(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt)
{
    ngx_http_ihanoi_pgstate_t  *state;

    state = &db->states[stmt->index];

    if (!state->blamed) {
        return;
    }

    /* it changed for the better: prepare it with its next call */

    state->blamed = 0;
    state->sentence.len = 0;
    state->retry = ngx_current_msec;
}


void
ngx_http_ihanoi_pgstate_unlisted(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstmt_t *stmt, ngx_str_t *sentence)
{
    ngx_http_ihanoi_pgstate_t  *state;

    state = &db->states[stmt->index];

    state->blamed = 1;

    ngx_http_ihanoi_pgstate_tell(db, state, sentence);
}


/* The log is told what is new; /readyz finds it in the state. */

static void
ngx_http_ihanoi_pgstate_tell(ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_pgstate_t *state, ngx_str_t *sentence)
{
    u_char      *p;
    ngx_uint_t   level;

    if (sentence->len == state->sentence.len
        && ngx_memcmp(sentence->data, state->sentence.data, sentence->len)
           == 0)
    {
        return;
    }

    /* one worker tells; all know */

    level = (ngx_worker == 0) ? NGX_LOG_ERR : NGX_LOG_INFO;

    if (db->plugin.len) {
        ngx_log_error(level, db->log, 0,
                      "plugin \"%V\", database \"%V\", release \"%V\": %V",
                      &db->plugin, &db->name, &db->release, sentence);

    } else {
        ngx_log_error(level, db->log, 0,
                      "database \"%V\", release \"%V\": %V",
                      &db->name, &db->release, sentence);
    }

    if (sentence->len > state->size) {

        p = ngx_alloc(sentence->len, db->log);
        if (p == NULL) {
            return;
        }

        if (state->sentence.data) {
            ngx_free(state->sentence.data);
        }

        state->sentence.data = p;
        state->size = sentence->len;
    }

    ngx_memcpy(state->sentence.data, sentence->data, sentence->len);
    state->sentence.len = sentence->len;
}


void
ngx_http_ihanoi_pgstate_free(ngx_http_ihanoi_pgdb_t *db)
{
    ngx_uint_t  n;

    for (n = 0; n < db->stmts.nelts; n++) {
        if (db->states[n].sentence.data) {
            ngx_free(db->states[n].sentence.data);
            ngx_str_null(&db->states[n].sentence);
            db->states[n].size = 0;
        }
    }
}
