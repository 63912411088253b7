/*
 * Copyright (C) iHaNoi contributors
 *
 * What SQLSTATEs, and calls without an answer, mean to a client.
 */

#include "ngx_http_ihanoi_problem.h"


static const ngx_http_ihanoi_problem_sqlstate_t
    ngx_http_ihanoi_problem_sqlstates[] =
{
    { "40001", "overloaded",           NGX_LOG_WARN, 1 },  /* serialization */
    { "40P01", "overloaded",           NGX_LOG_WARN, 1 },  /* deadlock */
    { "55P03", "overloaded",           NGX_LOG_WARN, 1 },  /* lock_timeout */
    { "57014", "database-timeout",     NGX_LOG_WARN, 1 },  /* took too long */
    { "25006", "database-unavailable", NGX_LOG_WARN, 2 },  /* a standby */
    { "53",    "database-unavailable", NGX_LOG_ERR,  5 },  /* resources */
    { "57P",   "database-unavailable", NGX_LOG_WARN, 2 },  /* shutting down */
    { "58",    "database-unavailable", NGX_LOG_CRIT, 5 },  /* system error */
    { NULL,    NULL,                   0,            0 }
};


ngx_uint_t
ngx_http_ihanoi_problem_is_refusal(ngx_str_t *sqlstate)
{
    return sqlstate->len == 5 && ngx_strncmp(sqlstate->data, "IH001", 5) == 0;
}


const ngx_http_ihanoi_problem_sqlstate_t *
ngx_http_ihanoi_problem_sqlstate(ngx_str_t *sqlstate, ngx_uint_t get)
{
    size_t                                     len;
    const ngx_http_ihanoi_problem_sqlstate_t  *row;

    /* reads are for a standby, too: a GET that writes is a mistake of its own */

    if (get && sqlstate->len == 5
        && ngx_strncmp(sqlstate->data, "25006", 5) == 0)
    {
        return NULL;
    }

    for (row = ngx_http_ihanoi_problem_sqlstates; row->prefix; row++) {

        len = ngx_strlen(row->prefix);

        if (sqlstate->len >= len
            && ngx_strncmp(sqlstate->data, row->prefix, len) == 0)
        {
            return row;
        }
    }

    return NULL;
}


const char *
ngx_http_ihanoi_problem_outcome(ngx_http_ihanoi_pg_outcome_e outcome,
    ngx_uint_t get)
{
    switch (outcome) {

    case NGX_HTTP_IHANOI_PG_MISSING:
        return "operation-unavailable";

    case NGX_HTTP_IHANOI_PG_BUSY:
        return "overloaded";

    case NGX_HTTP_IHANOI_PG_DOWN:
        return "database-unavailable";

    case NGX_HTTP_IHANOI_PG_TOO_LARGE:
        return get ? "plugin-limit" : "outcome-unknown";

    case NGX_HTTP_IHANOI_PG_TIMEOUT:
        return get ? "database-timeout" : "outcome-unknown";

    case NGX_HTTP_IHANOI_PG_UNKNOWN:
        return get ? "database-unavailable" : "outcome-unknown";

    default:
        return NULL;
    }
}
