/*
 * Copyright (C) iHaNoi contributors
 *
 * The API's wiring: directives, and the content handler that walks a request
 * through the stages.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_plugin.h"
#include "ngx_http_ihanoi_problem.h"
#include "ngx_http_ihanoi_request_id.h"


static ngx_int_t ngx_http_ihanoi_api_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_api_no_method(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static void *ngx_http_ihanoi_api_create_main_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_api_init_main_conf(ngx_conf_t *cf, void *conf);
static void *ngx_http_ihanoi_api_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_api_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child);
static ngx_int_t ngx_http_ihanoi_api_init(ngx_conf_t *cf);
static char *ngx_http_ihanoi_api_on(ngx_conf_t *cf, void *post, void *data);
static char *ngx_http_ihanoi_api_contract(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
static char *ngx_http_ihanoi_api_contract_file(ngx_conf_t *cf,
    ngx_http_ihanoi_api_main_conf_t *amcf, ngx_str_t *name);
static char *ngx_http_ihanoi_api_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_api_main_conf_t *amcf);
static char *ngx_http_ihanoi_api_declare_problems(ngx_conf_t *cf,
    ihanoi_contract_t *contract);
static char *ngx_http_ihanoi_api_declare_operation(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation);
static ngx_str_t ngx_http_ihanoi_api_str(const ihanoi_str_t *from);
static char *ngx_http_ihanoi_api_host(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation);
static void ngx_http_ihanoi_api_cleanup(void *data);


static ngx_conf_post_t  ngx_http_ihanoi_api_on_post = { ngx_http_ihanoi_api_on };


static ngx_command_t  ngx_http_ihanoi_api_commands[] = {

    /* Contract documents (OpenAPI 3.1, JSON): files or globs. */
    { ngx_string("ihanoi_contract"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_ihanoi_api_contract,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    /* Serves the operations of the contracts here. */
    { ngx_string("ihanoi_api"),
      NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_api_loc_conf_t, enable),
      &ngx_http_ihanoi_api_on_post },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_api_module_ctx = {
    ngx_http_ihanoi_api_add_variables,     /* preconfiguration */
    ngx_http_ihanoi_api_init,              /* postconfiguration */

    ngx_http_ihanoi_api_create_main_conf,  /* create main configuration */
    ngx_http_ihanoi_api_init_main_conf,    /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ihanoi_api_create_loc_conf,   /* create location configuration */
    ngx_http_ihanoi_api_merge_loc_conf     /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_api_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_api_module_ctx,       /* module context */
    ngx_http_ihanoi_api_commands,          /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    NULL,                                  /* init module */
    NULL,                                  /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    NULL,                                  /* exit process */
    NULL,                                  /* exit master */
    NGX_MODULE_V1_PADDING
};


static ngx_int_t
ngx_http_ihanoi_api_handler(ngx_http_request_t *r)
{
    ngx_int_t                         rc;
    ngx_str_t                         body;
    ngx_http_ihanoi_api_ctx_t        *ctx;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    ctx = ngx_http_ihanoi_api_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    ngx_http_ihanoi_request_id_log(r, amcf->request_id);

    rc = ngx_http_ihanoi_operation_resolve(r, ctx);

    switch (rc) {

    case NGX_OK:
        break;

    case NGX_DECLINED:
        return ngx_http_ihanoi_problem(r, "not-found", NULL);

    case NGX_ABORT:
        return ngx_http_ihanoi_api_no_method(r, ctx);

    default:
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_ihanoi_input_check(r, ctx);

    if (rc != NGX_OK) {
        return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
    }

    /*
     * Of chunks it is known when they are read whether there is a body.  One that
     * nobody asks for is a violation; a subrequest has its main request's headers.
     */

    if (ctx->operation->contract->body
        || (r == r->main && (r->headers_in.chunked
                             || r->headers_in.content_length_n > 0)))
    {
        return ngx_http_ihanoi_body_read(r, ctx);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    ngx_str_set(&body, "");

    rc = ngx_http_ihanoi_call_start(r, ctx, &body);

    return rc == NGX_ERROR ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc;
}


/* The path is there: OPTIONS tells its methods, any other is refused. */
static ngx_int_t
ngx_http_ihanoi_api_no_method(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_int_t  rc;
    ngx_str_t  allow;

    if (ngx_http_ihanoi_operation_allow(r, ctx, &allow) != NGX_OK
        || ngx_http_ihanoi_header_add(r, "Allow", &allow) == NULL)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (r->method != NGX_HTTP_OPTIONS) {
        return ngx_http_ihanoi_problem(r, "method-not-allowed", NULL);
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = NGX_HTTP_NO_CONTENT;
    r->header_only = 1;

    return ngx_http_send_header(r);
}


ihanoi_contract_t *
ngx_http_ihanoi_contract(ngx_http_request_t *r)
{
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    amcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_api_module);

    return amcf->contract;
}


static void *
ngx_http_ihanoi_api_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    amcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_api_main_conf_t));
    if (amcf == NULL) {
        return NULL;
    }

    /*
     * set by ngx_pcalloc():
     *
     *     amcf->contract = NULL;
     *     amcf->db = NULL;
     *     amcf->line = 0;
     */

    if (ngx_array_init(&amcf->files, cf->pool, 4, sizeof(char *)) != NGX_OK) {
        return NULL;
    }

    return amcf;
}


static char *
ngx_http_ihanoi_api_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_ihanoi_api_main_conf_t *amcf = conf;

    static ngx_str_t  request_id = ngx_string("request_id");

    amcf->request_id = ngx_http_get_variable_index(cf, &request_id);
    if (amcf->request_id == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (amcf->files.nelts == 0) {
        return NGX_CONF_OK;
    }

    amcf->contract = ngx_http_ihanoi_api_load_contract(cf, amcf->files.elts,
                                                       amcf->files.nelts);
    if (amcf->contract == NULL) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_api_declare(cf, amcf);
}


ihanoi_contract_t *
ngx_http_ihanoi_api_load_contract(ngx_conf_t *cf, const char *const *files,
    ngx_uint_t n)
{
    ngx_pool_cleanup_t       *cln;
    ihanoi_contract_t        *contract;
    ihanoi_contract_error_t   err;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NULL;
    }

    contract = ihanoi_contract_load(files, n, &err);

    if (contract == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      *err.pointer ? "contract \"%s\" is wrong at \"%s\": %s"
                                   : "contract \"%s\"%s: %s",
                      err.file, err.pointer, err.reason);
        return NULL;
    }

    cln->handler = ngx_http_ihanoi_api_cleanup;
    cln->data = contract;

    return contract;
}


/* Tells the other boxes what the contracts hold. */
static char *
ngx_http_ihanoi_api_declare(ngx_conf_t *cf,
    ngx_http_ihanoi_api_main_conf_t *amcf)
{
    char                             *rc;
    ngx_uint_t                        i, n, keys;
    const ihanoi_operation_t *const  *ops;
    ngx_http_ihanoi_operation_t      *operation;

    rc = ngx_http_ihanoi_api_declare_problems(cf, amcf->contract);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    n = ihanoi_contract_operations(amcf->contract, &ops);

    amcf->noperations = n;
    amcf->operations = ngx_pcalloc(cf->pool,
                                   n * sizeof(ngx_http_ihanoi_operation_t));
    if (amcf->operations == NULL) {
        return NGX_CONF_ERROR;
    }

    keys = 0;

    for (i = 0; i < n; i++) {
        operation = &amcf->operations[ops[i]->index];

        operation->contract = ops[i];
        operation->id = ngx_http_ihanoi_api_str(&ops[i]->id);

        rc = ngx_http_ihanoi_api_declare_operation(cf, operation);
        if (rc != NGX_CONF_OK) {
            return rc;
        }

        keys |= operation->plugin
                && ops[i]->idempotency != IHANOI_IDEMPOTENCY_NONE;
    }

    if (keys) {

        if (ngx_http_ihanoi_api_core_database(cf) == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_http_ihanoi_plugin_key_declare(cf, amcf->db);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    /* a name that no operation can have: they are not empty */

    return ngx_http_ihanoi_count_declare(cf, &amcf->unresolved);
}


static char *
ngx_http_ihanoi_api_declare_problems(ngx_conf_t *cf,
    ihanoi_contract_t *contract)
{
    char                         *rc;
    ngx_uint_t                    i, n;
    ngx_http_ihanoi_problem_t     problem;
    const ihanoi_problem_text_t  *texts;

    n = ihanoi_contract_problems(contract, &texts);

    for (i = 0; i < n; i++) {
        problem.status = texts[i].status;
        problem.code = ngx_http_ihanoi_api_str(&texts[i].code);
        problem.title_vi = ngx_http_ihanoi_api_str(&texts[i].title_vi);
        problem.title_en = ngx_http_ihanoi_api_str(&texts[i].title_en);
        problem.detail_vi = ngx_http_ihanoi_api_str(&texts[i].detail_vi);
        problem.detail_en = ngx_http_ihanoi_api_str(&texts[i].detail_en);

        rc = ngx_http_ihanoi_problem_add(cf, &problem);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_api_declare_operation(ngx_conf_t *cf,
    ngx_http_ihanoi_operation_t *operation)
{
    char  *rc;

    rc = ngx_http_ihanoi_plugin_claim(cf, operation);
    if (rc != NGX_CONF_OK) {
        return rc;
    }

    if (operation->contract->host.data
        && ngx_http_ihanoi_api_host(cf, operation) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (operation->contract->sql.data) {

        if (operation->plugin == NULL) {
            operation->db = ngx_http_ihanoi_api_core_database(cf);
        }

        if (operation->db == NULL) {
            return NGX_CONF_ERROR;
        }

        rc = ngx_http_ihanoi_statement_add(cf, operation->db, operation);
        if (rc != NGX_CONF_OK) {
            return rc;
        }
    }

    return ngx_http_ihanoi_count_declare(cf, operation);
}


/* The contract's own memory, which lives as long as the configuration. */
static ngx_str_t
ngx_http_ihanoi_api_str(const ihanoi_str_t *from)
{
    ngx_str_t  to;

    to.data = (u_char *) from->data;
    to.len = from->data ? from->len : 0;

    return to;
}


/* "x-ihanoi-host": what C knows better than a function. */
static char *
ngx_http_ihanoi_api_host(ngx_conf_t *cf, ngx_http_ihanoi_operation_t *operation)
{
    ngx_uint_t  i;

    static const struct {
        const char   *name;
        json_t     *(*make)(ngx_pool_t *pool);
    } rows[] = {
        { "plugins", ngx_http_ihanoi_plugin_report }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (operation->plugin == NULL
            && ngx_strcmp(operation->contract->host.data, rows[i].name) == 0)
        {
            operation->host = rows[i].make;
            return NGX_CONF_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "operation \"%V\" of \"%s\": %s", &operation->id,
                  operation->contract->document.data,
                  operation->plugin
                      ? "\"x-ihanoi-host\" is not for plugins"
                      : "\"x-ihanoi-host\" can be \"plugins\"");

    return NGX_CONF_ERROR;
}


/* Named when it is needed: a gateway of plugins alone may need none. */
ngx_http_ihanoi_pgdb_t *
ngx_http_ihanoi_api_core_database(ngx_conf_t *cf)
{
    ngx_str_t                        *plugin;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    static ngx_str_t  name = ngx_string("main");

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_api_module);

    if (amcf->db) {
        return amcf->db;
    }

    amcf->db = ngx_http_ihanoi_pg_database(cf, &name);
    if (amcf->db == NULL) {
        return NULL;
    }

    plugin = ngx_http_ihanoi_pg_plugin(amcf->db);

    if (plugin) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "plugin \"%V\" is granted the database \"%V\", which is "
                      "the core's: a plugin needs an \"ihanoi_database\" of "
                      "its own, with a role of its own",
                      plugin, &name);
        return NULL;
    }

    return amcf->db;
}


static void *
ngx_http_ihanoi_api_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_api_loc_conf_t  *alcf;

    alcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_api_loc_conf_t));
    if (alcf == NULL) {
        return NULL;
    }

    alcf->enable = NGX_CONF_UNSET;

    return alcf;
}


/*
 * The flag and the handler are inherited together: a nested location without a
 * handler of its own serves the API, one with proxy_pass does not, and then
 * its own auth_jwt holds.
 */
static char *
ngx_http_ihanoi_api_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_ihanoi_api_loc_conf_t  *prev = parent;
    ngx_http_ihanoi_api_loc_conf_t  *conf = child;

    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (conf->enable == NGX_CONF_UNSET
        && clcf->handler && clcf->handler != ngx_http_ihanoi_api_handler)
    {
        conf->enable = 0;
    }

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    if (!conf->enable) {
        return NGX_CONF_OK;
    }

    if (clcf->handler && clcf->handler != ngx_http_ihanoi_api_handler) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"ihanoi_api\" is in location \"%V\" together with "
                           "another content handler", &clcf->name);
        return NGX_CONF_ERROR;
    }

    clcf->handler = ngx_http_ihanoi_api_handler;

    ngx_http_ihanoi_auth_by_operation(cf);
    ngx_http_ihanoi_problem_enable(cf);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_api_init(ngx_conf_t *cf)
{
    ngx_http_handler_pt              *h;
    ngx_http_core_main_conf_t        *cmcf;
    ngx_http_ihanoi_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_api_module);

    if (amcf->line == 0) {
        return NGX_OK;
    }

    if (amcf->contract == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"ihanoi_api\" is on, but no \"ihanoi_contract\" "
                      "names the operations in %s:%ui",
                      amcf->file, amcf->line);
        return NGX_ERROR;
    }

    cmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_core_module);

    /*
     * Handlers of a phase run from the last to the first.  Ours comes first in
     * the list to run last: allow, deny and auth_basic refuse before a
     * signature is checked.
     */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h = cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers.elts;

    ngx_memmove(h + 1, h,
                (cmcf->phases[NGX_HTTP_ACCESS_PHASE].handlers.nelts - 1)
                * sizeof(ngx_http_handler_pt));

    *h = ngx_http_ihanoi_enforce_handler;

    /* this one runs first: before mirror and try_files */

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_PRECONTENT_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ihanoi_enforce_late_handler;

    h = ngx_array_push(&cmcf->phases[NGX_HTTP_LOG_PHASE].handlers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    *h = ngx_http_ihanoi_count_handler;

    return NGX_OK;
}


/* ihanoi_api on | off; */

static char *
ngx_http_ihanoi_api_on(ngx_conf_t *cf, void *post, void *data)
{
    ngx_flag_t *on = data;

    ngx_http_ihanoi_api_main_conf_t  *amcf;

    amcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_ihanoi_api_module);

    if (*on && amcf->line == 0) {
        amcf->file = cf->conf_file->file.name.data;
        amcf->line = cf->conf_file->line;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_api_contract(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_api_main_conf_t *amcf = conf;

    char        *rc;
    ngx_int_t    n;
    ngx_str_t   *value, name;
    ngx_uint_t   i, files;
    ngx_glob_t   gl;

    value = cf->args->elts;

    for (i = 1; i < cf->args->nelts; i++) {

        if (ngx_conf_full_name(cf->cycle, &value[i], 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        if (strpbrk((char *) value[i].data, "*?[") == NULL) {
            rc = ngx_http_ihanoi_api_contract_file(cf, amcf, &value[i]);
            if (rc != NGX_CONF_OK) {
                return rc;
            }

            continue;
        }

        ngx_memzero(&gl, sizeof(ngx_glob_t));

        gl.pattern = value[i].data;
        gl.log = cf->log;
        gl.test = 1;

        if (ngx_open_glob(&gl) != NGX_OK) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                               ngx_open_glob_n " \"%s\" failed", gl.pattern);
            return NGX_CONF_ERROR;
        }

        rc = NGX_CONF_OK;
        files = amcf->files.nelts;

        for ( ;; ) {
            n = ngx_read_glob(&gl, &name);

            if (n != NGX_OK) {
                break;
            }

            rc = ngx_http_ihanoi_api_contract_file(cf, amcf, &name);
            if (rc != NGX_CONF_OK) {
                break;
            }
        }

        ngx_close_glob(&gl);

        if (rc != NGX_CONF_OK) {
            return rc;
        }

        if (amcf->files.nelts == files) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "no contract matches \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_ihanoi_api_add_contract(ngx_conf_t *cf, ngx_str_t *name)
{
    return ngx_http_ihanoi_api_contract_file(cf,
               ngx_http_conf_get_module_main_conf(cf,
                                                  ngx_http_ihanoi_api_module),
               name);
}


static char *
ngx_http_ihanoi_api_contract_file(ngx_conf_t *cf,
    ngx_http_ihanoi_api_main_conf_t *amcf, ngx_str_t *name)
{
    u_char  *copy, **file;

    copy = ngx_pnalloc(cf->pool, name->len + 1);
    file = ngx_array_push(&amcf->files);

    if (copy == NULL || file == NULL) {
        return NGX_CONF_ERROR;
    }

    *ngx_cpymem(copy, name->data, name->len) = '\0';
    *file = copy;

    return NGX_CONF_OK;
}


static void
ngx_http_ihanoi_api_cleanup(void *data)
{
    ihanoi_contract_free(data);
}
