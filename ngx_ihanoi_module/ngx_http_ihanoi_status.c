/*
 * Copyright (C) iHaNoi contributors
 *
 * What operators and their machines ask: does the worker run, may it get
 * requests, how is it doing.
 *
 * "ihanoi_status" makes a location answer one of them.  A row of the table
 * below is a document: its name in the directive, its media type, and who
 * makes it.
 */

#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>
#include <jansson.h>
#include "ngx_http_ihanoi_metrics.h"
#include "ngx_http_ihanoi_header.h"
#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_plugin.h"


/*
 * Makes the document: sets the status and the length in r->headers_out, and
 * *out to the chain to send, without its end.  NGX_OK, NGX_ERROR, or a status
 * without a body.
 */
typedef ngx_int_t (*ngx_http_ihanoi_status_pt)(ngx_http_request_t *r,
    ngx_chain_t **out);


typedef struct {
    ngx_str_t                     name;
    ngx_str_t                     type;
    ngx_http_ihanoi_status_pt     make;
    unsigned                      cacheable:1;
} ngx_http_ihanoi_status_document_t;


/* How ready the gateway is, worst last. */
typedef enum {
    NGX_HTTP_IHANOI_STATUS_OK = 0,
    NGX_HTTP_IHANOI_STATUS_DEGRADED,     /* some operations fail: still 200 */
    NGX_HTTP_IHANOI_STATUS_UNAVAILABLE   /* send requests elsewhere: 503 */
} ngx_http_ihanoi_status_e;


typedef struct {
    ngx_http_request_t           *request;
    json_t                       *checks;
    ngx_http_ihanoi_status_e      status;
    unsigned                      failed:1;   /* memory */
} ngx_http_ihanoi_readiness_t;


typedef struct {
    ngx_http_ihanoi_status_document_t  *document;
} ngx_http_ihanoi_status_loc_conf_t;


static ngx_int_t ngx_http_ihanoi_status_handler(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_status_healthz(ngx_http_request_t *r,
    ngx_chain_t **out);
static ngx_int_t ngx_http_ihanoi_status_readyz(ngx_http_request_t *r,
    ngx_chain_t **out);
static void ngx_http_ihanoi_status_databases(
    ngx_http_ihanoi_readiness_t *readiness);
static void ngx_http_ihanoi_status_functions(
    ngx_http_ihanoi_readiness_t *readiness,
    ngx_http_ihanoi_pg_status_t *database);
static json_t *ngx_http_ihanoi_status_sentences(
    ngx_http_ihanoi_readiness_t *readiness, ngx_array_t *sentences);
static void ngx_http_ihanoi_status_database(
    ngx_http_ihanoi_readiness_t *readiness,
    ngx_http_ihanoi_pg_status_t *database, const char *name, ngx_uint_t ok,
    ngx_http_ihanoi_status_e otherwise, json_t *detail);
static void ngx_http_ihanoi_status_check(
    ngx_http_ihanoi_readiness_t *readiness, json_t *check, ngx_uint_t ok,
    ngx_http_ihanoi_status_e otherwise);
static ngx_int_t ngx_http_ihanoi_status_metrics(ngx_http_request_t *r,
    ngx_chain_t **out);
static ngx_int_t ngx_http_ihanoi_status_openapi(ngx_http_request_t *r,
    ngx_chain_t **out);
static void ngx_http_ihanoi_status_keys(
    ngx_http_ihanoi_readiness_t *readiness);
static void ngx_http_ihanoi_status_contract(
    ngx_http_ihanoi_readiness_t *readiness);
static ngx_int_t ngx_http_ihanoi_status_plugins(ngx_http_request_t *r,
    ngx_chain_t **out);
static ngx_int_t ngx_http_ihanoi_status_json(ngx_http_request_t *r,
    json_t *document, ngx_chain_t **out);
static ngx_int_t ngx_http_ihanoi_status_text(ngx_http_request_t *r,
    ngx_str_t *text, ngx_chain_t **out);

static void *ngx_http_ihanoi_status_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_status_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static char *ngx_http_ihanoi_status(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);


static ngx_http_ihanoi_status_document_t  ngx_http_ihanoi_documents[] = {

    { ngx_string("healthz"),
      ngx_string("application/json"),
      ngx_http_ihanoi_status_healthz, 0 },

    { ngx_string("readyz"),
      ngx_string("application/json"),
      ngx_http_ihanoi_status_readyz, 0 },

    { ngx_string("metrics"),
      ngx_string("text/plain; version=0.0.4; charset=utf-8"),
      ngx_http_ihanoi_status_metrics, 0 },

    { ngx_string("openapi"),
      ngx_string("application/json"),
      ngx_http_ihanoi_status_openapi, 1 },

    { ngx_string("plugins"),
      ngx_string("application/json"),
      ngx_http_ihanoi_status_plugins, 0 },

    { ngx_null_string, ngx_null_string, NULL, 0 }
};


static ngx_command_t  ngx_http_ihanoi_status_commands[] = {

    { ngx_string("ihanoi_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_TAKE1,
      ngx_http_ihanoi_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

      ngx_null_command
};


static ngx_http_module_t  ngx_http_ihanoi_status_module_ctx = {
    NULL,                                  /* preconfiguration */
    NULL,                                  /* postconfiguration */

    NULL,                                  /* create main configuration */
    NULL,                                  /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_ihanoi_status_create_loc_conf,
                                           /* create location configuration */
    ngx_http_ihanoi_status_merge_loc_conf  /* merge location configuration */
};


ngx_module_t  ngx_http_ihanoi_status_module = {
    NGX_MODULE_V1,
    &ngx_http_ihanoi_status_module_ctx,    /* module context */
    ngx_http_ihanoi_status_commands,       /* module directives */
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
ngx_http_ihanoi_status_handler(ngx_http_request_t *r)
{
    ngx_int_t                           rc;
    ngx_str_t                           allow, cache;
    ngx_chain_t                        *out;
    ngx_http_ihanoi_status_loc_conf_t  *islcf;

    if (!(r->method & (NGX_HTTP_GET|NGX_HTTP_HEAD))) {
        ngx_str_set(&allow, "GET, HEAD, OPTIONS");

        if (ngx_http_ihanoi_header_add(r, "Allow", &allow) == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }

        if (r->method != NGX_HTTP_OPTIONS) {
            return NGX_HTTP_NOT_ALLOWED;
        }
    }

    rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK) {
        return rc;
    }

    /* what a browser asks before a page asks for the contract */

    if (r->method == NGX_HTTP_OPTIONS) {
        r->headers_out.status = NGX_HTTP_NO_CONTENT;
        r->header_only = 1;

        return ngx_http_send_header(r);
    }

    islcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_status_module);

    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_type = islcf->document->type;
    r->headers_out.content_type_len = islcf->document->type.len;

    if (!islcf->document->cacheable) {
        ngx_str_set(&cache, "no-store");

        if (ngx_http_ihanoi_header_add(r, "Cache-Control", &cache) == NULL) {
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        }
    }

    rc = islcf->document->make(r, &out);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    rc = ngx_http_output_filter(r, out);

    if (rc == NGX_ERROR) {
        return rc;
    }

    return ngx_http_send_special(r, NGX_HTTP_LAST);
}


/* The worker runs: it answers. */
static ngx_int_t
ngx_http_ihanoi_status_healthz(ngx_http_request_t *r, ngx_chain_t **out)
{
    ngx_str_t  text;

    ngx_str_set(&text, "{\"status\": \"ok\"}\n");

    return ngx_http_ihanoi_status_text(r, &text, out);
}


/* May this gateway get requests?  This worker's own view. */
static ngx_int_t
ngx_http_ihanoi_status_readyz(ngx_http_request_t *r, ngx_chain_t **out)
{
    json_t                       *document;
    ngx_http_ihanoi_readiness_t   readiness;

    static const char  *words[] = { "ok", "degraded", "unavailable" };

    ngx_memzero(&readiness, sizeof(ngx_http_ihanoi_readiness_t));

    readiness.request = r;
    readiness.checks = json_array();

    ngx_http_ihanoi_status_databases(&readiness);
    ngx_http_ihanoi_status_keys(&readiness);
    ngx_http_ihanoi_status_contract(&readiness);

    document = json_pack("{s:s, s:o}", "status", words[readiness.status],
                         "checks", readiness.checks);

    if (readiness.failed) {
        json_decref(document);
        return NGX_ERROR;
    }

    if (readiness.status == NGX_HTTP_IHANOI_STATUS_UNAVAILABLE) {
        r->headers_out.status = NGX_HTTP_SERVICE_UNAVAILABLE;
    }

    return ngx_http_ihanoi_status_json(r, document, out);
}


/* As GET /v1/admin/plugins, for whom the location lets in. */
static ngx_int_t
ngx_http_ihanoi_status_plugins(ngx_http_request_t *r, ngx_chain_t **out)
{
    return ngx_http_ihanoi_status_json(r,
               json_pack("{s:o}", "plugins",
                         ngx_http_ihanoi_plugin_report(r->pool)),
               out);
}


static void
ngx_http_ihanoi_status_databases(ngx_http_ihanoi_readiness_t *readiness)
{
    ngx_uint_t                     i;
    ngx_array_t                   *databases;
    ngx_http_ihanoi_pgdb_t       **db;
    ngx_http_ihanoi_pg_status_t    status;

    databases = ngx_http_ihanoi_pg_databases();
    db = databases->elts;

    for (i = 0; i < databases->nelts; i++) {

        if (ngx_http_ihanoi_pg_status(db[i], readiness->request->pool, &status)
            != NGX_OK)
        {
            readiness->failed = 1;
            return;
        }

        ngx_http_ihanoi_status_database(readiness, &status, "readable",
            status.readable, NGX_HTTP_IHANOI_STATUS_UNAVAILABLE,
            json_string(status.readable ? "a read connection stands"
                                        : "no read connection stands"));

        ngx_http_ihanoi_status_database(readiness, &status, "writable",
            status.writable, NGX_HTTP_IHANOI_STATUS_UNAVAILABLE,
            json_string(status.writable ? "a write connection stands"
                                        : "no write connection stands"));

        ngx_http_ihanoi_status_functions(readiness, &status);

        if (status.findings) {
            ngx_http_ihanoi_status_database(readiness, &status, "role",
                status.findings->nelts == 0,
                NGX_HTTP_IHANOI_STATUS_DEGRADED,
                ngx_http_ihanoi_status_sentences(readiness, status.findings));
        }
    }
}


/*
 * The release is there when its functions are.  One that is missing costs its
 * own operation and is no reason to take the others from citizens; when all
 * are, the release was not deployed.
 */
static void
ngx_http_ihanoi_status_functions(ngx_http_ihanoi_readiness_t *readiness,
    ngx_http_ihanoi_pg_status_t *database)
{
    ngx_uint_t  n;

    n = database->missing->nelts;

    ngx_http_ihanoi_status_database(readiness, database, "release",
        database->checked && (n == 0 || n < database->functions),
        NGX_HTTP_IHANOI_STATUS_UNAVAILABLE,
        json_stringn((char *) database->release.data, database->release.len));

    if (!database->checked) {
        return;
    }

    ngx_http_ihanoi_status_database(readiness, database, "functions", n == 0,
        NGX_HTTP_IHANOI_STATUS_DEGRADED,
        ngx_http_ihanoi_status_sentences(readiness, database->missing));
}


static json_t *
ngx_http_ihanoi_status_sentences(ngx_http_ihanoi_readiness_t *readiness,
    ngx_array_t *sentences)
{
    json_t      *list, *sentence;
    ngx_str_t   *s;
    ngx_uint_t   i;

    list = json_array();
    s = sentences->elts;

    for (i = 0; i < sentences->nelts; i++) {
        sentence = json_stringn((char *) s[i].data, s[i].len);

        /* takes the reference in any case */
        if (json_array_append_new(list, sentence) != 0) {
            readiness->failed = 1;
        }
    }

    return list;
}


static void
ngx_http_ihanoi_status_keys(ngx_http_ihanoi_readiness_t *readiness)
{
    ngx_int_t  rc;
    ngx_str_t  why;

    ngx_str_null(&why);

    rc = ngx_http_ihanoi_auth_ready(readiness->request, &why);

    ngx_http_ihanoi_status_check(readiness,
        json_pack("{s:s, s:b, s:s%}", "name", "keys", "ok", rc == NGX_OK,
                  "detail", why.len ? (char *) why.data : "", why.len),
        rc == NGX_OK, NGX_HTTP_IHANOI_STATUS_UNAVAILABLE);
}


/* Gateways that serve the same contract show the same hash. */
static void
ngx_http_ihanoi_status_contract(ngx_http_ihanoi_readiness_t *readiness)
{
    ihanoi_contract_t  *contract;

    contract = ngx_http_ihanoi_contract(readiness->request);

    if (contract) {
        ngx_http_ihanoi_status_check(readiness,
            json_pack("{s:s, s:b, s:s}", "name", "contract", "ok", 1,
                      "detail", ihanoi_contract_hash(contract)),
            1, NGX_HTTP_IHANOI_STATUS_OK);
    }
}


/*
 * A check of a database.  One that is a plugin's costs that plugin only, and
 * says which: other requests have their answers here.  Takes detail over.
 */
static void
ngx_http_ihanoi_status_database(ngx_http_ihanoi_readiness_t *readiness,
    ngx_http_ihanoi_pg_status_t *database, const char *name, ngx_uint_t ok,
    ngx_http_ihanoi_status_e otherwise, json_t *detail)
{
    u_char   text[128];
    u_char  *p;
    json_t  *check;

    p = ngx_snprintf(text, sizeof(text), "%V %s", &database->name, name);

    check = json_pack("{s:s%, s:b, s:o}", "name", text, (size_t) (p - text),
                      "ok", (int) ok, "detail", detail);

    if (database->plugin) {
        otherwise = NGX_HTTP_IHANOI_STATUS_DEGRADED;

        if (json_object_set_new(check, "plugin",
                                json_stringn((char *) database->plugin->data,
                                             database->plugin->len))
            != 0)
        {
            readiness->failed = 1;
        }
    }

    ngx_http_ihanoi_status_check(readiness, check, ok, otherwise);
}


/*
 * Adds a line to the list: whether it is well, and how ready the gateway is
 * when it is not.  Takes check over.
 */
static void
ngx_http_ihanoi_status_check(ngx_http_ihanoi_readiness_t *readiness,
    json_t *check, ngx_uint_t ok, ngx_http_ihanoi_status_e otherwise)
{
    if (json_array_append_new(readiness->checks, check) != 0) {
        readiness->failed = 1;
    }

    if (!ok && otherwise > readiness->status) {
        readiness->status = otherwise;
    }
}


static ngx_int_t
ngx_http_ihanoi_status_metrics(ngx_http_request_t *r, ngx_chain_t **out)
{
    return ngx_http_ihanoi_metrics_render(r->pool, out,
                                          &r->headers_out.content_length_n);
}


/*
 * The merged document.  Its hash is the entity tag: nginx's own filter then
 * answers If-None-Match with 304.
 */
static ngx_int_t
ngx_http_ihanoi_status_openapi(ngx_http_request_t *r, ngx_chain_t **out)
{
    ngx_str_t           text, tag, cache;
    const char         *hash;
    ihanoi_str_t        document;
    ihanoi_contract_t  *contract;

    contract = ngx_http_ihanoi_contract(r);

    if (contract == NULL) {
        return NGX_HTTP_NOT_FOUND;
    }

    document = ihanoi_contract_document(contract);
    hash = ihanoi_contract_hash(contract);

    tag.data = (u_char *) hash;
    tag.len = ngx_strlen(hash);

    if (ngx_http_ihanoi_header_etag(r, &tag) != NGX_OK) {
        return NGX_ERROR;
    }

    /* to be kept, and asked about each time: a reload may change it */
    ngx_str_set(&cache, "no-cache");

    if (ngx_http_ihanoi_header_add(r, "Cache-Control", &cache) == NULL) {
        return NGX_ERROR;
    }

    ngx_http_ihanoi_header_gzip_vary(r);

    text.data = (u_char *) document.data;
    text.len = document.len;

    return ngx_http_ihanoi_status_text(r, &text, out);
}


/* Takes document over; NULL is an error. */
static ngx_int_t
ngx_http_ihanoi_status_json(ngx_http_request_t *r, json_t *document,
    ngx_chain_t **out)
{
    size_t     size;
    ngx_str_t  text;

    if (document == NULL) {
        return NGX_ERROR;
    }

    /* a new line at the end, for people with a terminal */
    size = json_dumpb(document, NULL, 0, JSON_INDENT(2));

    text.len = size + 1;
    text.data = ngx_pnalloc(r->pool, text.len);

    if (text.data == NULL || size == 0
        || json_dumpb(document, (char *) text.data, size, JSON_INDENT(2))
           != size)
    {
        json_decref(document);
        return NGX_ERROR;
    }

    text.data[size] = '\n';

    json_decref(document);

    return ngx_http_ihanoi_status_text(r, &text, out);
}


/* text must live as long as the request. */
static ngx_int_t
ngx_http_ihanoi_status_text(ngx_http_request_t *r, ngx_str_t *text,
    ngx_chain_t **out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(r->pool);
    cl = ngx_alloc_chain_link(r->pool);

    if (b == NULL || cl == NULL) {
        return NGX_ERROR;
    }

    b->pos = text->data;
    b->last = text->data + text->len;
    b->memory = 1;

    cl->buf = b;
    cl->next = NULL;
    *out = cl;

    r->headers_out.content_length_n = text->len;

    return NGX_OK;
}


static void *
ngx_http_ihanoi_status_create_loc_conf(ngx_conf_t *cf)
{
    return ngx_pcalloc(cf->pool, sizeof(ngx_http_ihanoi_status_loc_conf_t));
}


/* For "if": in one the location's handler still answers. */
static char *
ngx_http_ihanoi_status_merge_loc_conf(ngx_conf_t *cf, void *parent,
    void *child)
{
    ngx_http_ihanoi_status_loc_conf_t  *prev = parent;
    ngx_http_ihanoi_status_loc_conf_t  *conf = child;

    if (conf->document == NULL) {
        conf->document = prev->document;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_ihanoi_status(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_ihanoi_status_loc_conf_t *islcf = conf;

    ngx_str_t                          *value;
    ngx_http_core_loc_conf_t           *clcf;
    ngx_http_ihanoi_status_document_t  *document;

    if (islcf->document) {
        return "is duplicate";
    }

    value = cf->args->elts;

    for (document = ngx_http_ihanoi_documents; document->make; document++) {

        if (value[1].len == document->name.len
            && ngx_strcmp(value[1].data, document->name.data) == 0)
        {
            islcf->document = document;
            break;
        }
    }

    if (islcf->document == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\", it must be \"healthz\", "
                           "\"readyz\", \"metrics\", \"openapi\" or "
                           "\"plugins\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_ihanoi_status_handler;

    return NGX_CONF_OK;
}
