/*
 * Copyright (C) iHaNoi contributors
 *
 * Statement: the SQL that calls an operation's function, made once from the
 * contract (docs/conventions.md, "How the engine calls SQL").
 */

#include "ngx_http_ihanoi_api.h"


static u_char *ngx_http_ihanoi_statement_call(u_char *p,
    const ihanoi_operation_t *op, const char *caller);
static char *ngx_http_ihanoi_statement_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_pgdb_t *db, ngx_http_ihanoi_operation_t *operation,
    ngx_str_t *sql, ngx_uint_t nparams, ngx_http_ihanoi_pgstmt_t **stmt);


/*
 * The claim, the call and its completion are one statement, so that they are
 * one round trip and one transaction.  "caller" depends on the claim: without
 * that the planner would be free to call the function before it is known
 * whether the key was claimed.
 *
 * A release from before 0021 compares the whole hash, also with the answers that
 * this one has kept: after a rollback to it the digest of the bytes finds them.
 */
static const char  ngx_http_ihanoi_statement_idempotent[] =
    "with asked as materialized ("
        "select state, status, etag, location, body"
        " from idempotency_claim($%ui::text, $%ui::text, $%ui::text,"
        " $%ui::text)"
    "), claim as materialized ("
        "select * from asked where state <> 'mismatch'"
        " union all select c.* from asked cross join lateral"
        " idempotency_claim($%ui::text, $%ui::text, $%ui::text,"
        " case when asked.state = 'mismatch'"
        " then split_part($%ui::text, ' ', 1) end) as c"
        " where asked.state = 'mismatch'"
    "), call as materialized ("
        "select r.status, r.etag, r.location, r.body"
        " from claim cross join lateral %s as r"
        " where claim.state = 'claimed'"
    "), done as materialized ("
        "select idempotency_complete($%ui::text, $%ui::text, $%ui::text,"
        " $%ui::text, call.status, call.etag, call.location, call.body)"
        " from claim left join call on true"
        " where claim.state = 'claimed'"
    ") select status, etag, location, body, 'claimed' as state"
        " from call cross join done"
    " union all select status, etag, location, body, state"
        " from claim where state <> 'claimed'";


char *
ngx_http_ihanoi_statement_add(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_operation_t *operation)
{
    u_char                    *p, *call;
    size_t                     len;
    ngx_str_t                  sql;
    ngx_uint_t                 i, n;
    const ihanoi_operation_t  *op;

    op = operation->contract;

    len = op->sql.len + sizeof("(caller => (case when claim.state = 'claimed'"
                               " then $1::jsonb end))");

    for (i = 0; i < op->narguments; i++) {
        len += op->arguments[i].sql_name.len + op->arguments[i].sql_type.len
               + sizeof(", \"\" => $::") + NGX_INT_T_LEN;
    }

    call = ngx_pnalloc(cf->temp_pool, len);
    if (call == NULL) {
        return NGX_CONF_ERROR;
    }

    /*
     * A public read inlines and seldom asks who is calling: as text the caller
     * is not parsed where nobody does.  Elsewhere it is parsed once, not for
     * each row that a condition is held against.
     */

    p = ngx_http_ihanoi_statement_call(call, op,
                                       op->method == IHANOI_GET
                                       && op->security
                                          == IHANOI_SECURITY_PUBLIC
                                       ? "$1::text::jsonb" : "$1::jsonb");
    *p = '\0';

    sql.data = ngx_pnalloc(cf->pool, len + sizeof("select status, etag,"
                                                  " location, body from "));
    if (sql.data == NULL) {
        return NGX_CONF_ERROR;
    }

    sql.len = ngx_sprintf(sql.data, "select status, etag%s, body from %s%Z",
                          op->method == IHANOI_GET ? "" : ", location", call)
              - sql.data - 1;

    n = 1 + op->narguments;

    /* a plugin's key is kept around the call: ngx_http_ihanoi_plugin_key.c */

    if (op->idempotency == IHANOI_IDEMPOTENCY_NONE || operation->plugin) {
        return ngx_http_ihanoi_statement_declare(cf, db, operation, &sql, n,
                                                 &operation->stmt);
    }

    if (op->idempotency == IHANOI_IDEMPOTENCY_OPTIONAL) {
        if (ngx_http_ihanoi_statement_declare(cf, db, operation, &sql, n,
                                              &operation->plain_stmt)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    p = ngx_http_ihanoi_statement_call(call, op,
                    "(case when claim.state = 'claimed' then $1::jsonb end)");
    *p = '\0';

    sql.data = ngx_pnalloc(cf->pool,
                           sizeof(ngx_http_ihanoi_statement_idempotent)
                           + len + 12 * NGX_INT_T_LEN);
    if (sql.data == NULL) {
        return NGX_CONF_ERROR;
    }

    sql.len = ngx_sprintf(sql.data, ngx_http_ihanoi_statement_idempotent,
                          n + 1, n + 2, n + 3, n + 4,
                          n + 1, n + 2, n + 3, n + 4, call,
                          n + 1, n + 2, n + 3, n + 4)
              - sql.data;
    sql.data[sql.len] = '\0';

    return ngx_http_ihanoi_statement_declare(cf, db, operation, &sql, n + 4,
                                             &operation->stmt);
}


static u_char *
ngx_http_ihanoi_statement_call(u_char *p, const ihanoi_operation_t *op,
    const char *caller)
{
    ngx_uint_t                i;
    const ihanoi_argument_t  *arg;

    p = ngx_cpymem(p, op->sql.data, op->sql.len);
    p = ngx_sprintf(p, "(caller => %s", caller);

    for (i = 0; i < op->narguments; i++) {
        arg = &op->arguments[i];

        p = ngx_sprintf(p, ", \"%*s\" => $%ui::%*s",
                        arg->sql_name.len, arg->sql_name.data, i + 2,
                        arg->sql_type.len, arg->sql_type.data);
    }

    *p++ = ')';

    return p;
}


static char *
ngx_http_ihanoi_statement_declare(ngx_conf_t *cf, ngx_http_ihanoi_pgdb_t *db,
    ngx_http_ihanoi_operation_t *operation, ngx_str_t *sql,
    ngx_uint_t nparams, ngx_http_ihanoi_pgstmt_t **result)
{
    ngx_str_t                  *name, *type;
    ngx_uint_t                  i;
    ngx_http_ihanoi_pgstmt_t    stmt;
    const ihanoi_operation_t   *op;

    op = operation->contract;

    ngx_memzero(&stmt, sizeof(ngx_http_ihanoi_pgstmt_t));

    stmt.sql = *sql;
    stmt.nparams = nparams;
    stmt.class = ngx_http_ihanoi_statement_class(op);
    stmt.operation = operation->id;
    stmt.timeout = op->timeout;

    /* sent twice it happens once: the second finds the key of the first */
    stmt.repeatable = (nparams > 1 + op->narguments);

    stmt.function.data = (u_char *) op->sql.data;
    stmt.function.len = op->sql.len;

    stmt.argnames = ngx_array_create(cf->pool, op->narguments + 1,
                                     sizeof(ngx_str_t));
    stmt.argtypes = ngx_array_create(cf->pool, op->narguments + 1,
                                     sizeof(ngx_str_t));

    if (stmt.argnames == NULL || stmt.argtypes == NULL) {
        return NGX_CONF_ERROR;
    }

    name = ngx_array_push_n(stmt.argnames, op->narguments + 1);
    type = ngx_array_push_n(stmt.argtypes, op->narguments + 1);

    if (name == NULL || type == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&name[0], "caller");
    ngx_str_set(&type[0], "jsonb");

    for (i = 0; i < op->narguments; i++) {
        name[i + 1].data = (u_char *) op->arguments[i].sql_name.data;
        name[i + 1].len = op->arguments[i].sql_name.len;
        type[i + 1].data = (u_char *) op->arguments[i].sql_type.data;
        type[i + 1].len = op->arguments[i].sql_type.len;
    }

    *result = ngx_http_ihanoi_pg_statement(cf, db, &stmt);

    return *result ? NGX_CONF_OK : NGX_CONF_ERROR;
}


ngx_http_ihanoi_pg_class_e
ngx_http_ihanoi_statement_class(const ihanoi_operation_t *op)
{
    static const ngx_http_ihanoi_pg_class_e  classes[IHANOI_POOLS] = {
        NGX_HTTP_IHANOI_PG_READ,
        NGX_HTTP_IHANOI_PG_WRITE,
        NGX_HTTP_IHANOI_PG_SLOW
    };

    return classes[op->pool];
}
