/*
 * Copyright (C) iHaNoi contributors
 *
 * Problems: the record a request carries, and the filter that puts a problem
 * document in place of an error page.
 */

#include "ngx_http_ihanoi_problem.h"


typedef struct {
    ngx_str_node_t                   node;       /* by code */
    ngx_http_ihanoi_problem_t        problem;
} ngx_http_ihanoi_problem_node_t;


typedef struct {
    ngx_rbtree_t                     tree;
    ngx_rbtree_node_t                sentinel;
    ngx_int_t                        request_id; /* index of the variable */
} ngx_http_ihanoi_problem_main_conf_t;


typedef struct {
    ngx_flag_t                       enable;
} ngx_http_ihanoi_problem_loc_conf_t;


typedef struct {
    const ngx_http_ihanoi_problem_t *problem;
    json_t                          *members;
    ngx_buf_t                       *body;       /* set: replaces what comes */
    unsigned                         sent:1;
    unsigned                         keepalive:1;
} ngx_http_ihanoi_problem_ctx_t;


static ngx_uint_t ngx_http_ihanoi_problem_at_end(ngx_http_request_t *r);
static ngx_http_ihanoi_problem_t *ngx_http_ihanoi_problem_find(
    ngx_http_ihanoi_problem_main_conf_t *pmcf, ngx_str_t *code);
static ngx_http_ihanoi_problem_t *ngx_http_ihanoi_problem_of_status(
    ngx_uint_t status);
static ngx_http_ihanoi_problem_ctx_t *ngx_http_ihanoi_problem_get_ctx(
    ngx_http_request_t *r);
static void ngx_http_ihanoi_problem_cleanup(void *data);
static ngx_int_t ngx_http_ihanoi_problem_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_problem_headers(ngx_http_request_t *r,
    off_t len);
static ngx_int_t ngx_http_ihanoi_problem_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);

static char *ngx_http_ihanoi_problem_insert(ngx_conf_t *cf,
    ngx_http_ihanoi_problem_main_conf_t *pmcf,
    ngx_http_ihanoi_problem_t *problem);
static void *ngx_http_ihanoi_problem_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_ihanoi_problem_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_problem_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_ihanoi_problem_init(ngx_conf_t *cf);


static ngx_command_t  ngx_http_ihanoi_problem_commands[] = {

    /*
     * Answers errors of these locations, nginx's own too, with problem
     * documents.  A location with ihanoi_api has it on.
     */
    { ngx_string("ihanoi_problems"),
      NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      offsetof(ngx_http_ihanoi_problem_loc_conf_t, enable),
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_problem_module_ctx = {
    NULL,                                  /* preconfiguration */
    ngx_http_ihanoi_problem_init,          /* postconfiguration */

    ngx_http_ihanoi_problem_create_main_conf, /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ihanoi_problem_create_loc_conf, /* create location configuration */
    ngx_http_ihanoi_problem_merge_loc_conf /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_problem_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_problem_module_ctx,   /* module context */
    ngx_http_ihanoi_problem_commands,      /* module directives */
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


static ngx_http_output_header_filter_pt  ngx_http_next_header_filter;
static ngx_http_output_body_filter_pt    ngx_http_next_body_filter;


ngx_int_t
ngx_http_ihanoi_problem(ngx_http_request_t *r, const char *code,
    json_t *members)
{
    ngx_str_t  name;

    name.data = (u_char *) code;
    name.len = ngx_strlen(code);

    return ngx_http_ihanoi_problem_str(r, &name, members);
}


ngx_int_t
ngx_http_ihanoi_problem_str(ngx_http_request_t *r, ngx_str_t *code,
    json_t *members)
{
    ngx_http_ihanoi_problem_t            *problem;
    ngx_http_ihanoi_problem_ctx_t        *ctx;
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_problem_module);

    problem = ngx_http_ihanoi_problem_find(pmcf, code);

    if (problem == NULL) {
        ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                      "problem \"%V\" is in no contract", code);

        json_decref(members);
        members = NULL;

        problem = ngx_http_ihanoi_problem_of_status(
                                             NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    ctx = ngx_http_ihanoi_problem_get_ctx(r);

    if (ctx == NULL) {
        json_decref(members);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    json_decref(ctx->members);

    ctx->problem = problem;
    ctx->members = members;
    ctx->keepalive = r->keepalive && ngx_http_ihanoi_problem_at_end(r);

    return problem->status;
}


ngx_uint_t
ngx_http_ihanoi_problem_known(ngx_http_request_t *r, ngx_str_t *code)
{
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_problem_module);

    return ngx_http_ihanoi_problem_find(pmcf, code) != NULL;
}


/*
 * 1 when nothing of the request is left to read, so that what follows on the
 * connection is the next one.  Asked before nginx discards a body: that makes
 * r->request_body too, and may find that its framing is broken.
 */

static ngx_uint_t
ngx_http_ihanoi_problem_at_end(ngx_http_request_t *r)
{
    if (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked) {
        return 1;
    }

    return r->request_body && r->request_body->rest == 0 && !r->reading_body
           && !r->discard_body;
}


static ngx_http_ihanoi_problem_t *
ngx_http_ihanoi_problem_find(ngx_http_ihanoi_problem_main_conf_t *pmcf,
    ngx_str_t *code)
{
    uint32_t                         hash;
    ngx_http_ihanoi_problem_node_t  *node;

    hash = ngx_crc32_long(code->data, code->len);

    node = (ngx_http_ihanoi_problem_node_t *)
               ngx_str_rbtree_lookup(&pmcf->tree, code, hash);

    return node ? &node->problem : NULL;
}


static ngx_http_ihanoi_problem_t *
ngx_http_ihanoi_problem_of_status(ngx_uint_t status)
{
    ngx_http_ihanoi_problem_t  *row, *server_error, *client_error;

    server_error = NULL;
    client_error = NULL;

    for (row = ngx_http_ihanoi_problems; row->status; row++) {

        if (row->status == status) {
            return row;
        }

        if (row->status == 400 && client_error == NULL) {
            client_error = row;
        }

        if (row->status == 500 && server_error == NULL) {
            server_error = row;
        }
    }

    return status >= 500 ? server_error : client_error;
}


static ngx_http_ihanoi_problem_ctx_t *
ngx_http_ihanoi_problem_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t             *cln;
    ngx_http_ihanoi_problem_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_problem_module);

    if (ctx) {
        return ctx;
    }

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_ihanoi_problem_ctx_t));
    if (cln == NULL) {
        return NULL;
    }

    ctx = cln->data;
    ngx_memzero(ctx, sizeof(ngx_http_ihanoi_problem_ctx_t));

    cln->handler = ngx_http_ihanoi_problem_cleanup;

    ngx_http_set_ctx(r, ctx, ngx_http_ihanoi_problem_module);

    return ctx;
}


static void
ngx_http_ihanoi_problem_cleanup(void *data)
{
    ngx_http_ihanoi_problem_ctx_t  *ctx = data;

    json_decref(ctx->members);
    ctx->members = NULL;
}


static ngx_int_t
ngx_http_ihanoi_problem_header_filter(ngx_http_request_t *r)
{
    ngx_uint_t                            status;
    const ngx_http_ihanoi_problem_t      *problem;
    ngx_http_ihanoi_problem_ctx_t        *ctx;
    ngx_http_ihanoi_problem_loc_conf_t   *plcf;
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    status = r->headers_out.status;

    /* err_status: nginx finalized an error, it is not what a backend sent */

    if (r != r->main || status < NGX_HTTP_BAD_REQUEST || r->err_status == 0) {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_problem_module);

    if (ctx && ctx->problem && ctx->problem->status == status) {
        problem = ctx->problem;

        /*
         * nginx closes the connection after any 400, since it may not know
         * where the next request starts.  Here it does when no body was left.
         */

        if (ctx->keepalive) {
            r->keepalive = 1;
        }

    } else {
        plcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_problem_module);

        /* the operator's own error_page has been followed: it stays */

        if (!plcf->enable || (r->error_page && r->internal)) {
            return ngx_http_next_header_filter(r);
        }

        problem = ngx_http_ihanoi_problem_of_status(status);

        ctx = ngx_http_ihanoi_problem_get_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        json_decref(ctx->members);
        ctx->members = NULL;

        if (status == NGX_HTTP_TOO_MANY_REQUESTS
            && ngx_http_ihanoi_header_retry(r, 1) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_problem_module);

    ctx->body = ngx_http_ihanoi_problem_document(r, problem, ctx->members,
                           ngx_http_get_indexed_variable(r, pmcf->request_id));
    if (ctx->body == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_problem_headers(r, ngx_buf_size(ctx->body)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
}


/* In place of those of what the document stands for. */

static ngx_int_t
ngx_http_ihanoi_problem_headers(ngx_http_request_t *r, off_t len)
{
    ngx_str_t  value;

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->headers_out.content_length_n = len;

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_str_set(&value, "no-store");

    if (ngx_http_ihanoi_header_add(r, "Cache-Control", &value) == NULL) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_english(r)) {
        ngx_str_set(&value, "en");

    } else {
        ngx_str_set(&value, "vi");
    }

    if (ngx_http_ihanoi_header_add(r, "Content-Language", &value) == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "Accept-Language");

    if (ngx_http_ihanoi_header_add(r, "Vary", &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_problem_body_filter(ngx_http_request_t *r, ngx_chain_t *in)
{
    ngx_chain_t                     out, *cl;
    ngx_http_ihanoi_problem_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_problem_module);

    if (ctx == NULL || ctx->body == NULL) {
        return ngx_http_next_body_filter(r, in);
    }

    /* nginx's page goes nowhere, but its buffers must look sent */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    if (ctx->sent) {
        return ngx_http_next_body_filter(r, NULL);
    }

    ctx->sent = 1;

    out.buf = ctx->body;
    out.next = NULL;

    return ngx_http_next_body_filter(r, &out);
}


static char *
ngx_http_ihanoi_problem_insert(ngx_conf_t *cf,
    ngx_http_ihanoi_problem_main_conf_t *pmcf,
    ngx_http_ihanoi_problem_t *problem)
{
    ngx_http_ihanoi_problem_node_t  *node;

    node = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_problem_node_t));
    if (node == NULL) {
        return NGX_CONF_ERROR;
    }

    node->problem = *problem;
    node->node.str = problem->code;
    node->node.node.key = ngx_crc32_long(problem->code.data,
                                         problem->code.len);

    ngx_rbtree_insert(&pmcf->tree, &node->node.node);

    return NGX_CONF_OK;
}


char *
ngx_http_ihanoi_problem_add(ngx_conf_t *cf, ngx_http_ihanoi_problem_t *problem)
{
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    pmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_problem_module);

    if (ngx_http_ihanoi_problem_find(pmcf, &problem->code)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "problem \"%V\" is the gateway's own",
                           &problem->code);
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_problem_insert(cf, pmcf, problem);
}


void
ngx_http_ihanoi_problem_enable(ngx_conf_t *cf)
{
    ngx_http_ihanoi_problem_loc_conf_t  *plcf;

    plcf = ngx_http_conf_get_module_loc_conf(cf,
                                             ngx_http_ihanoi_problem_module);
    plcf->enable = 1;
}


static void *
ngx_http_ihanoi_problem_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_problem_t            *row;
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    pmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_problem_main_conf_t));
    if (pmcf == NULL) {
        return NULL;
    }

    ngx_rbtree_init(&pmcf->tree, &pmcf->sentinel, ngx_str_rbtree_insert_value);

    for (row = ngx_http_ihanoi_problems; row->status; row++) {
        if (ngx_http_ihanoi_problem_insert(cf, pmcf, row) != NGX_CONF_OK) {
            return NULL;
        }
    }

    return pmcf;
}


static void *
ngx_http_ihanoi_problem_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_ihanoi_problem_loc_conf_t  *plcf;

    plcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_problem_loc_conf_t));
    if (plcf == NULL) {
        return NULL;
    }

    plcf->enable = NGX_CONF_UNSET;

    return plcf;
}


static char *
ngx_http_ihanoi_problem_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_ihanoi_problem_loc_conf_t  *prev = parent;
    ngx_http_ihanoi_problem_loc_conf_t  *conf = child;

    ngx_conf_merge_value(conf->enable, prev->enable, 0);

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_ihanoi_problem_init(ngx_conf_t *cf)
{
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;
    static ngx_str_t                      name = ngx_string("request_id");

    pmcf = ngx_http_conf_get_module_main_conf(cf,
                                              ngx_http_ihanoi_problem_module);

    pmcf->request_id = ngx_http_get_variable_index(cf, &name);
    if (pmcf->request_id == NGX_ERROR) {
        return NGX_ERROR;
    }

    ngx_http_next_header_filter = ngx_http_top_header_filter;
    ngx_http_top_header_filter = ngx_http_ihanoi_problem_header_filter;

    ngx_http_next_body_filter = ngx_http_top_body_filter;
    ngx_http_top_body_filter = ngx_http_ihanoi_problem_body_filter;

    return NGX_OK;
}
