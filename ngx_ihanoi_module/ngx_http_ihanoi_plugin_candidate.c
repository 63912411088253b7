/*
 * Copyright (C) iHaNoi contributors
 *
 * A candidate: the next version of a plugin beside the one that stands.
 *
 * It is a plugin of its own, with its own Lua, limits, circuit and series, that
 * has what its operator granted to both.  Clients see one contract, that of the
 * version that stands: requests and answers are held against it whoever serves
 * them, so a candidate has to have all of its operations.
 */

#include "ngx_http_ihanoi_plugin.h"
#include "ihanoi_contract.h"


static const char *ngx_http_ihanoi_plugin_candidate_fault(ngx_conf_t *cf,
    const ihanoi_operation_t *op, const ihanoi_operation_t *other);
static ngx_uint_t ngx_http_ihanoi_plugin_candidate_scopes(
    const ihanoi_operation_t *op, const ihanoi_operation_t *other);
static const char *ngx_http_ihanoi_plugin_candidate_arguments(ngx_conf_t *cf,
    const ihanoi_operation_t *op, const ihanoi_operation_t *other);
static char *ngx_http_ihanoi_plugin_candidate_operation(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *candidate,
    ngx_http_ihanoi_operation_t *operation, const ihanoi_operation_t *other);
static const ihanoi_operation_t *ngx_http_ihanoi_plugin_candidate_find(
    const ihanoi_operation_t *const *ops, ngx_uint_t n, ngx_str_t *id);


char *
ngx_http_ihanoi_plugin_candidate_create(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_http_ihanoi_plugin_t  *candidate;

    candidate = ngx_palloc(cf->pool, sizeof(ngx_http_ihanoi_plugin_t));
    if (candidate == NULL) {
        return NGX_CONF_ERROR;
    }

    /* what the block says, and nothing of either version yet */

    *candidate = *plugin;

    candidate->folder = plugin->candidate_folder;
    candidate->database = plugin->candidate_database;
    candidate->current = plugin;

    /* the watchdog knows a plugin by the address of its name */

    candidate->name.data = ngx_pnalloc(cf->pool, plugin->name.len + 1);
    if (candidate->name.data == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(candidate->name.data, plugin->name.data, plugin->name.len)
        = '\0';

    if (ngx_array_init(&candidate->functions, cf->pool, 1,
                       sizeof(ngx_http_ihanoi_function_t))
        != NGX_OK
        || ngx_array_init(&candidate->operations, cf->pool, 8,
                          sizeof(ngx_http_ihanoi_operation_t *))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    plugin->candidate = candidate;

    return NGX_CONF_OK;
}


char *
ngx_http_ihanoi_plugin_candidate_init(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *plugin)
{
    ngx_uint_t                         i, n;
    const char                        *file;
    ihanoi_contract_t                 *contract;
    const ihanoi_operation_t          *other;
    ngx_http_ihanoi_plugin_t          *candidate;
    const ihanoi_operation_t *const   *ops;
    ngx_http_ihanoi_operation_t       *operation;
    ngx_http_ihanoi_api_main_conf_t   *amcf;

    candidate = plugin->candidate;

    if (candidate == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_strcmp(candidate->manifest->version, plugin->manifest->version)
        == 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "plugin \"%V\": the candidate has the same version, %s",
                      &plugin->name, plugin->manifest->version);
        return NGX_CONF_ERROR;
    }

    file = candidate->manifest->openapi;

    contract = ngx_http_ihanoi_api_load_contract(cf, &file, 1);
    if (contract == NULL) {
        return NGX_CONF_ERROR;
    }

    n = ihanoi_contract_operations(contract, &ops);

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_api_module);

    for (i = 0; i < amcf->noperations; i++) {
        operation = &amcf->operations[i];

        if (operation->plugin != plugin) {
            continue;
        }

        other = ngx_http_ihanoi_plugin_candidate_find(ops, n, &operation->id);

        if (ngx_http_ihanoi_plugin_candidate_operation(cf, candidate,
                                                       operation, other)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    /* what it adds is not in the contract that clients know */

    for (i = 0; i < n; i++) {

        for (operation = amcf->operations;
             operation < amcf->operations + amcf->noperations;
             operation++)
        {
            if (operation->plugin == plugin
                && ngx_strcmp(operation->id.data, ops[i]->id.data) == 0)
            {
                break;
            }
        }

        if (operation == amcf->operations + amcf->noperations) {
            ngx_log_error(NGX_LOG_NOTICE, cf->log, 0,
                          "plugin \"%V\": operation \"%s\" of the candidate %s "
                          "is not served before it stands alone",
                          &plugin->name, ops[i]->id.data,
                          candidate->manifest->version);
        }
    }

    return NGX_CONF_OK;
}


static const ihanoi_operation_t *
ngx_http_ihanoi_plugin_candidate_find(const ihanoi_operation_t *const *ops,
    ngx_uint_t n, ngx_str_t *id)
{
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {
        if (ngx_strcmp(ops[i]->id.data, id->data) == 0) {
            return ops[i];
        }
    }

    return NULL;
}


/*
 * The operation as the candidate serves it: what clients know of it is the
 * same, and so are its series of requests.
 */

static char *
ngx_http_ihanoi_plugin_candidate_operation(ngx_conf_t *cf,
    ngx_http_ihanoi_plugin_t *candidate,
    ngx_http_ihanoi_operation_t *operation, const ihanoi_operation_t *other)
{
    const char                    *fault;
    ngx_http_ihanoi_operation_t   *copy, **slot;

    fault = ngx_http_ihanoi_plugin_candidate_fault(cf, operation->contract,
                                                   other);

    if (fault == NULL && operation->db && candidate->db == NULL) {
        fault = "is served by SQL, and the candidate has no database";
    }

    if (fault) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "plugin \"%V\": the candidate %s cannot stand beside %s: "
                      "operation \"%V\" %s", &candidate->name,
                      candidate->manifest->version,
                      candidate->current->manifest->version, &operation->id,
                      fault);
        return NGX_CONF_ERROR;
    }

    copy = ngx_palloc(cf->pool, sizeof(ngx_http_ihanoi_operation_t));
    if (copy == NULL) {
        return NGX_CONF_ERROR;
    }

    *copy = *operation;

    copy->plugin = candidate;
    copy->current = operation;
    operation->candidate = copy;

    if (operation->db) {
        copy->db = candidate->db;
        copy->stmt = NULL;
        copy->plain_stmt = NULL;

        return ngx_http_ihanoi_statement_add(cf, copy->db, copy);
    }

    copy->function = other->lua.data;
    copy->handler = candidate->operations.nelts;

    slot = ngx_array_push(&candidate->operations);
    if (slot == NULL) {
        return NGX_CONF_ERROR;
    }

    *slot = copy;

    return NGX_CONF_OK;
}


/* Why another version's operation cannot serve the requests of this one. */

static const char *
ngx_http_ihanoi_plugin_candidate_fault(ngx_conf_t *cf,
    const ihanoi_operation_t *op, const ihanoi_operation_t *other)
{
    if (other == NULL) {
        return "is missing";
    }

    if (other->method != op->method
        || ngx_strcmp(other->path.data, op->path.data) != 0)
    {
        return "has another method or path";
    }

    if ((other->lua.data == NULL) != (op->lua.data == NULL)
        || (op->sql.data && ngx_strcmp(other->sql.data, op->sql.data) != 0))
    {
        return "is served by another function of SQL, or by Lua";
    }

    if (other->security != op->security || other->assurance != op->assurance
        || !ngx_http_ihanoi_plugin_candidate_scopes(op, other))
    {
        return "asks for another token";
    }

    if (other->idempotency != op->idempotency
        || other->body_whole != op->body_whole
        || other->finish != op->finish)
    {
        return "has another \"x-ihanoi-idempotency\", \"x-ihanoi-body\" or "
               "\"x-ihanoi-abort\"";
    }

    return ngx_http_ihanoi_plugin_candidate_arguments(cf, op, other);
}


/* Whether both ask for the same scopes, in whatever order. */

static ngx_uint_t
ngx_http_ihanoi_plugin_candidate_scopes(const ihanoi_operation_t *op,
    const ihanoi_operation_t *other)
{
    unsigned  i, k;

    for (i = 0; i < other->nscopes; i++) {

        for (k = 0; k < op->nscopes; k++) {
            if (ngx_strcmp(op->scopes[k].data, other->scopes[i].data) == 0) {
                break;
            }
        }

        if (k == op->nscopes) {
            return 0;
        }
    }

    return other->nscopes == op->nscopes;
}


/* Requests are checked as the version that stands says. */

static const char *
ngx_http_ihanoi_plugin_candidate_arguments(ngx_conf_t *cf,
    const ihanoi_operation_t *op, const ihanoi_operation_t *other)
{
    u_char                   *fault;
    unsigned                  i, k;
    const ihanoi_argument_t  *has, *wants;

    for (i = 0; i < other->narguments; i++) {
        wants = &other->arguments[i];
        has = NULL;

        for (k = 0; k < op->narguments; k++) {
            if (ngx_strcmp(op->arguments[k].sql_name.data,
                           wants->sql_name.data)
                == 0)
            {
                has = &op->arguments[k];
                break;
            }
        }

        if (has ? ngx_strcmp(has->sql_type.data, wants->sql_type.data) == 0
                  && (has->required || has->default_text.data
                      || !wants->required)
                : !wants->required)
        {
            continue;
        }

        fault = ngx_pnalloc(cf->pool, sizeof("needs \"\" as ")
                                      + wants->name.len
                                      + wants->sql_type.len);
        if (fault == NULL) {
            return "has no memory";
        }

        ngx_sprintf(fault, "needs \"%s\" as %s%Z", wants->name.data,
                    wants->sql_type.data);

        return (char *) fault;
    }

    return NULL;
}


void
ngx_http_ihanoi_plugin_choose(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    size_t                      len;
    ngx_http_variable_value_t  *vv;
    ngx_http_ihanoi_plugin_t   *candidate;

    if (ctx->operation->candidate == NULL) {
        return;
    }

    candidate = ctx->operation->candidate->plugin;

    vv = ngx_http_get_indexed_variable(r, candidate->current->selector);

    if (vv == NULL || vv->not_found) {
        return;
    }

    len = ngx_strlen(candidate->manifest->version);

    if ((vv->len != 1 || vv->data[0] != '1')
        && (vv->len != len
            || ngx_memcmp(vv->data, candidate->manifest->version, len) != 0))
    {
        return;
    }

    ctx->operation = ctx->operation->candidate;
}
