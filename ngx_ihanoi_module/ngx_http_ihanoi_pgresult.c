/*
 * Copyright (C) iHaNoi contributors
 *
 * One answer of PostgreSQL: libpq's result, read without seeing libpq.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>

#include <libpq-fe.h>

#include "ngx_http_ihanoi_pg.h"
#include "ngx_http_ihanoi_pgresult.h"


struct ngx_http_ihanoi_pgresult_s {
    PGresult  *res;
    size_t     size;
    size_t    *pinned;
};


static ngx_str_t ngx_http_ihanoi_pgresult_field(
    ngx_http_ihanoi_pgresult_t *res, int code);
static ngx_uint_t ngx_http_ihanoi_pgresult_names(ngx_str_t *sqlstate);


ngx_http_ihanoi_pgresult_t *
ngx_http_ihanoi_pgresult_create(PGresult *res, size_t *pinned, ngx_log_t *log)
{
    ngx_http_ihanoi_pgresult_t  *result;

    result = ngx_alloc(sizeof(ngx_http_ihanoi_pgresult_t), log);
    if (result == NULL) {
        PQclear(res);
        return NULL;
    }

    result->res = res;
    result->size = PQresultMemorySize(res);
    result->pinned = pinned;
    *pinned += result->size;

    return result;
}


ngx_uint_t
ngx_http_ihanoi_pgresult_rows(ngx_http_ihanoi_pgresult_t *res)
{
    return (ngx_uint_t) PQntuples(res->res);
}


ngx_str_t
ngx_http_ihanoi_pgresult_value(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row, ngx_uint_t column)
{
    ngx_str_t  value;

    ngx_str_null(&value);

    if (row >= (ngx_uint_t) PQntuples(res->res)
        || column >= (ngx_uint_t) PQnfields(res->res)
        || PQgetisnull(res->res, (int) row, (int) column))
    {
        return value;
    }

    value.data = (u_char *) PQgetvalue(res->res, (int) row, (int) column);
    value.len = (size_t) PQgetlength(res->res, (int) row, (int) column);

    return value;
}


time_t
ngx_http_ihanoi_pgresult_number(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t row, ngx_uint_t column)
{
    time_t     n;
    ngx_str_t  value;

    value = ngx_http_ihanoi_pgresult_value(res, row, column);

    n = ngx_atotm(value.data, value.len);

    return (n == NGX_ERROR) ? 0 : n;
}


ngx_uint_t
ngx_http_ihanoi_pgresult_columns(ngx_http_ihanoi_pgresult_t *res)
{
    return (ngx_uint_t) PQnfields(res->res);
}


ngx_str_t
ngx_http_ihanoi_pgresult_name(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t column)
{
    ngx_str_t  name;

    name.data = (u_char *) PQfname(res->res, (int) column);
    name.len = name.data ? ngx_strlen(name.data) : 0;

    return name;
}


ngx_uint_t
ngx_http_ihanoi_pgresult_type(ngx_http_ihanoi_pgresult_t *res,
    ngx_uint_t column)
{
    return (ngx_uint_t) PQftype(res->res, (int) column);
}


ngx_uint_t
ngx_http_ihanoi_pgresult_affected(ngx_http_ihanoi_pgresult_t *res)
{
    char       *text;
    ngx_int_t   n;

    text = PQcmdTuples(res->res);
    n = ngx_atoi((u_char *) text, ngx_strlen(text));

    return (n == NGX_ERROR) ? 0 : (ngx_uint_t) n;
}


const char *
ngx_http_ihanoi_pgresult_tag(ngx_http_ihanoi_pgresult_t *res)
{
    return PQcmdStatus(res->res);
}


/* Tags of commands whose effect on the session stays behind. */

ngx_uint_t
ngx_http_ihanoi_pgresult_stains(ngx_http_ihanoi_pgresult_t *res)
{
    const char        *tag;
    const char *const *word;

    static const char *const  words[] = {
        "SET", "RESET", "DISCARD", "LISTEN", "LOAD", "PREPARE", "DEALLOCATE",
        "DECLARE", NULL
    };

    tag = ngx_http_ihanoi_pgresult_tag(res);

    for (word = words; *word; word++) {
        if (ngx_strncmp(tag, *word, ngx_strlen(*word)) == 0) {
            return 1;
        }
    }

    return 0;
}


ngx_str_t
ngx_http_ihanoi_pgresult_sqlstate(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_SQLSTATE);
}


ngx_str_t
ngx_http_ihanoi_pgresult_message(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_MESSAGE_PRIMARY);
}


ngx_str_t
ngx_http_ihanoi_pgresult_detail(ngx_http_ihanoi_pgresult_t *res)
{
    return ngx_http_ihanoi_pgresult_field(res, PG_DIAG_MESSAGE_DETAIL);
}


static ngx_str_t
ngx_http_ihanoi_pgresult_field(ngx_http_ihanoi_pgresult_t *res, int code)
{
    char       *text;
    ngx_str_t   value;

    text = PQresultErrorField(res->res, code);

    value.data = (u_char *) (text ? text : "");
    value.len = ngx_strlen(value.data);

    return value;
}


/*
 * Without the message, where it was raised: the innermost line of the context
 * that names a function, and not what the function had in hand.
 */

ngx_str_t
ngx_http_ihanoi_pgresult_loggable(ngx_http_ihanoi_pgresult_t *res)
{
    u_char     *p, *end, *last;
    ngx_str_t   state, message, context;

    static const char  function[] = "PL/pgSQL function ";

    state = ngx_http_ihanoi_pgresult_sqlstate(res);
    message = ngx_http_ihanoi_pgresult_message(res);

    if (ngx_http_ihanoi_pgresult_names(&state)) {
        return message;
    }

    context = ngx_http_ihanoi_pgresult_field(res, PG_DIAG_CONTEXT);

    p = context.data;
    last = p + context.len;

    while (p < last) {

        end = ngx_strlchr(p, last, LF);
        end = end ? end : last;

        if (ngx_strncmp(p, function, sizeof(function) - 1) == 0) {
            context.data = p;
            context.len = end - p;
            return context;
        }

        p = end + 1;
    }

    return ngx_http_ihanoi_pg_loggable(&state, &message);
}


ngx_str_t
ngx_http_ihanoi_pg_loggable(ngx_str_t *sqlstate, ngx_str_t *message)
{
    ngx_str_t  withheld = ngx_string("(message withheld)");

    return ngx_http_ihanoi_pgresult_names(sqlstate) ? *message : withheld;
}


/*
 * Messages of the server may hold values that people sent, and so may what a
 * function raises.  These classes name objects and conditions only; IH has a
 * problem's code.
 */

static ngx_uint_t
ngx_http_ihanoi_pgresult_names(ngx_str_t *sqlstate)
{
    const char *const *class;

    static const char *const  classes[] = {
        "08", "0A", "23", "25", "26", "28", "3D", "3F", "40", "42", "53",
        "54", "55", "57", "58", "IH", NULL
    };

    if (sqlstate->len != 5) {
        return 0;
    }

    for (class = classes; *class; class++) {
        if (ngx_strncmp(sqlstate->data, *class, 2) == 0) {
            return 1;
        }
    }

    return 0;
}


size_t
ngx_http_ihanoi_pgresult_size(ngx_http_ihanoi_pgresult_t *res)
{
    return res->size;
}


void
ngx_http_ihanoi_pgresult_free(ngx_http_ihanoi_pgresult_t *res)
{
    *res->pinned -= res->size;

    PQclear(res->res);
    ngx_free(res);
}
