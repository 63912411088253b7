/*
 * Copyright (C) iHaNoi contributors
 *
 * Input: the request held against its operation before anything is touched.
 */

#include "ngx_http_ihanoi_api.h"
#include "ngx_http_ihanoi_problem.h"


static ngx_int_t ngx_http_ihanoi_input_accept(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_input_quality(ngx_str_t *accept,
    const ihanoi_media_t *media);
static ngx_int_t ngx_http_ihanoi_input_content_type(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t read);
static ngx_int_t ngx_http_ihanoi_input_unsupported(ngx_http_request_t *r,
    const char *header, ngx_str_t *value);
static ngx_int_t ngx_http_ihanoi_input_key(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx);
static ngx_int_t ngx_http_ihanoi_input_violations(ngx_http_request_t *r,
    ihanoi_input_t *in);
static void *ngx_http_ihanoi_input_alloc(void *pool, size_t size);


/* Longer keys help nobody and would fill the key table. */
#define NGX_HTTP_IHANOI_INPUT_KEY_LEN  255


ngx_int_t
ngx_http_ihanoi_input_check(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_int_t                  rc;
    ngx_str_t                  value;
    ngx_uint_t                 i;
    ihanoi_str_t               text;
    ihanoi_alloc_t             alloc;
    ihanoi_input_t            *in;
    const ihanoi_operation_t  *op;

    op = ctx->operation->contract;
    in = &ctx->input;

    /* whatever let it in, "satisfy any" or the grant of a plugin's backend */

    if (op->idempotency != IHANOI_IDEMPOTENCY_NONE && ctx->caller == NULL) {
        return ngx_http_ihanoi_auth_refuse(r);
    }

    rc = ngx_http_ihanoi_input_accept(r, ctx);
    if (rc != NGX_OK) {
        return rc;
    }

    rc = ngx_http_ihanoi_input_content_type(r, ctx, 0);
    if (rc != NGX_OK) {
        return rc;
    }

    if (op->idempotency != IHANOI_IDEMPOTENCY_NONE) {
        rc = ngx_http_ihanoi_input_key(r, ctx);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    alloc.alloc = ngx_http_ihanoi_input_alloc;
    alloc.ctx = r->pool;

    if (ihanoi_input_init(in, op, &alloc) != 0) {
        return NGX_ERROR;
    }

    in->keyed = ctx->key.len ? 1 : 0;

    if (ihanoi_input_path(in, &ctx->match) != 0
        || ihanoi_input_query(in, (char *) r->args.data, r->args.len) != 0)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < op->narguments; i++) {

        if (op->arguments[i].in != IHANOI_IN_HEADER) {
            continue;
        }

        if (ngx_http_ihanoi_header_in(r, op->arguments[i].name.data,
                                      op->arguments[i].name.len, &value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        text.data = (char *) value.data;
        text.len = value.len;

        if (ihanoi_input_header(in, i, text) != 0) {
            return NGX_ERROR;
        }
    }

    if (ihanoi_input_conditions(in, r->headers_in.if_match != NULL,
                                r->headers_in.if_none_match != NULL)
        != 0)
    {
        return NGX_ERROR;
    }

    if (in->nviolations) {
        return ngx_http_ihanoi_input_violations(r, in);
    }

    if (in->precondition_missing) {
        return ngx_http_ihanoi_problem(r, "precondition-required", NULL);
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_input_take_body(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_str_t *body)
{
    ngx_int_t  rc;

    if (r->headers_in.chunked && body->len) {
        rc = ngx_http_ihanoi_input_content_type(r, ctx, 1);
        if (rc != NGX_OK) {
            return rc;
        }
    }

    if (ihanoi_input_body(&ctx->input, (char *) body->data, body->len) != 0) {
        return NGX_ERROR;
    }

    if (ctx->input.nviolations) {
        return ngx_http_ihanoi_input_violations(r, &ctx->input);
    }

    return NGX_OK;
}


/*
 * RFC 9110 12.5.1: what the client likes best, and of what it likes as well the
 * first of the contract.  A {format} suffix wins over the header.
 */
static ngx_int_t
ngx_http_ihanoi_input_accept(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    ngx_int_t                  quality, best;
    ngx_str_t                  accept;
    ngx_uint_t                 i;
    const ihanoi_operation_t  *op;

    op = ctx->operation->contract;

    if (op->nproduces == 0) {
        return NGX_OK;
    }

    if (ctx->match.suffix.data) {

        for (i = 0; i < op->nproduces; i++) {
            if (op->produces[i].suffix.len == ctx->match.suffix.len
                && ngx_memcmp(op->produces[i].suffix.data,
                              ctx->match.suffix.data, ctx->match.suffix.len)
                   == 0)
            {
                ctx->media = &op->produces[i];
                return NGX_OK;
            }
        }

        return ngx_http_ihanoi_problem(r, "not-found", NULL);
    }

    if (ngx_http_ihanoi_header_in(r, "Accept", sizeof("Accept") - 1,
                                  &accept)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (accept.len == 0) {
        ctx->media = &op->produces[0];
        return NGX_OK;
    }

    best = 0;

    for (i = 0; i < op->nproduces; i++) {
        quality = ngx_http_ihanoi_input_quality(&accept, &op->produces[i]);

        if (quality > best) {
            best = quality;
            ctx->media = &op->produces[i];
        }
    }

    if (best == 0) {
        return ngx_http_ihanoi_problem(r, "not-acceptable", NULL);
    }

    return NGX_OK;
}


/*
 * What a type is worth to the client, in thousandths.  RFC 9110 12.5.1: of the
 * ranges that it falls under the most specific one has the say, wherever it
 * stands.
 */
static ngx_int_t
ngx_http_ihanoi_input_quality(ngx_str_t *accept, const ihanoi_media_t *media)
{
    u_char      *p, *last, *range, *params;
    size_t       len, slash;
    ngx_int_t    q, quality;
    ngx_uint_t   specific, best;

    for (slash = 0; slash < media->type.len; slash++) {
        if (media->type.data[slash] == '/') {
            break;
        }
    }

    p = accept->data;
    last = p + accept->len;
    best = 0;
    quality = 0;

    while (p < last) {

        while (p < last && (*p == ' ' || *p == '\t' || *p == ',')) {
            p++;
        }

        range = p;

        while (p < last && *p != ',' && *p != ';' && *p != ' ' && *p != '\t') {
            p++;
        }

        len = p - range;
        params = p;
        p = ngx_http_ihanoi_header_end(p, last, ',');

        if (len == media->type.len
            && ngx_strncasecmp(range, (u_char *) media->type.data, len) == 0)
        {
            specific = 3;

        } else if (len == slash + 2 && range[slash + 1] == '*'
                   && ngx_strncasecmp(range, (u_char *) media->type.data,
                                      slash + 1)
                      == 0)
        {
            specific = 2;

        } else if (len == 3 && ngx_strncmp(range, "*/*", 3) == 0) {
            specific = 1;

        } else {
            continue;
        }

        q = ngx_http_ihanoi_header_quality(params, p);

        if (specific > best || (specific == best && q > quality)) {
            best = specific;
            quality = q;
        }
    }

    return quality;
}


/*
 * read: the body was, and has bytes.  Before, chunks and a stream of HTTP/2 that
 * its headers do not end may still turn out to have none: then there is no body.
 */
static ngx_int_t
ngx_http_ihanoi_input_content_type(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx, ngx_uint_t read)
{
    u_char                    *p;
    size_t                     len;
    ngx_str_t                  encoding, accept, *type;
    ngx_uint_t                 i, unknown;
    const ihanoi_operation_t  *op;

    op = ctx->operation->contract;
    unknown = r->headers_in.chunked && !read;

    /* a body that is missing, or not asked for, is a violation, not this */

    if (op->body == NULL
        || (r->headers_in.content_length_n <= 0 && !r->headers_in.chunked))
    {
        return NGX_OK;
    }

    /* a compressed body could be far larger than what was allowed in */

    if (ngx_http_ihanoi_header_in(r, "Content-Encoding",
                                  sizeof("Content-Encoding") - 1, &encoding)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (encoding.len
        && (encoding.len != sizeof("identity") - 1
            || ngx_strncasecmp(encoding.data, (u_char *) "identity",
                               sizeof("identity") - 1)
               != 0))
    {
        ngx_str_set(&accept, "identity");

        return ngx_http_ihanoi_input_unsupported(r, "Accept-Encoding",
                                                 &accept);
    }

    if (r->headers_in.content_type) {

        type = &r->headers_in.content_type->value;

        for (len = 0; len < type->len; len++) {
            if (type->data[len] == ';' || type->data[len] == ' '
                || type->data[len] == '\t')
            {
                break;
            }
        }

        for (i = 0; i < op->nconsumes; i++) {
            if (op->consumes[i].type.len == len
                && ngx_strncasecmp((u_char *) op->consumes[i].type.data,
                                   type->data, len)
                   == 0)
            {
                return NGX_OK;
            }
        }

    } else if (unknown) {
        return NGX_OK;
    }

    for (i = 0, len = 0; i < op->nconsumes; i++) {
        len += op->consumes[i].type.len + 2;
    }

    accept.data = ngx_pnalloc(r->pool, len);
    if (accept.data == NULL) {
        return NGX_ERROR;
    }

    for (i = 0, p = accept.data; i < op->nconsumes; i++) {
        p = ngx_sprintf(p, "%s%*s", i ? ", " : "", op->consumes[i].type.len,
                        op->consumes[i].type.data);
    }

    accept.len = p - accept.data;

    return ngx_http_ihanoi_input_unsupported(r, "Accept", &accept);
}


/* RFC 9110, 15.5.16: the answer says what the body might have been. */

static ngx_int_t
ngx_http_ihanoi_input_unsupported(ngx_http_request_t *r, const char *header,
    ngx_str_t *value)
{
    if (ngx_http_ihanoi_header_add(r, header, value) == NULL) {
        return NGX_ERROR;
    }

    return ngx_http_ihanoi_problem(r, "unsupported-media-type", NULL);
}


/*
 * draft-ietf-httpapi-idempotency-key-header: a quoted string (RFC 8941); many
 * clients leave the quotes out, which is accepted.
 */
static ngx_int_t
ngx_http_ihanoi_input_key(ngx_http_request_t *r,
    ngx_http_ihanoi_api_ctx_t *ctx)
{
    u_char     *p, *last;
    ngx_str_t   key;

    if (ngx_http_ihanoi_header_in(r, "Idempotency-Key",
                                  sizeof("Idempotency-Key") - 1, &key)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (key.len == 0) {

        if (ctx->operation->contract->idempotency
            == IHANOI_IDEMPOTENCY_REQUIRED)
        {
            return ngx_http_ihanoi_problem(r, "idempotency-key-missing", NULL);
        }

        return NGX_OK;
    }

    if (key.len >= 2 && key.data[0] == '"' && key.data[key.len - 1] == '"') {
        key.data++;
        key.len -= 2;
    }

    if (key.len == 0 || key.len > NGX_HTTP_IHANOI_INPUT_KEY_LEN) {
        return ngx_http_ihanoi_problem(r, "idempotency-key-invalid", NULL);
    }

    last = key.data + key.len;

    for (p = key.data; p < last; p++) {
        if (*p < 0x21 || *p > 0x7e || *p == '"' || *p == '\\' || *p == ',') {
            return ngx_http_ihanoi_problem(r, "idempotency-key-invalid", NULL);
        }
    }

    ctx->key = key;

    return NGX_OK;
}


static ngx_int_t
ngx_http_ihanoi_input_violations(ngx_http_request_t *r, ihanoi_input_t *in)
{
    json_t              *members, *errors, *error;
    ngx_uint_t           i;
    ihanoi_violation_t  *v;

    static const char  *places[] = { "path", "query", "header", "body" };

    members = json_object();
    errors = json_array();

    for (i = 0; i < in->nviolations; i++) {
        v = &in->violations[i];

        error = json_object();

        json_object_set_new(error, "in", json_string(places[v->in]));

        if (v->in == IHANOI_IN_BODY) {
            json_object_set_new(error, "pointer", json_string(v->pointer));

        } else {
            json_object_set_new(error, "parameter",
                                json_stringn(v->parameter.data,
                                             v->parameter.len));
        }

        json_object_set_new(error, "keyword", json_string(v->keyword));
        json_object_set_new(error, "message", json_string(v->message));

        json_array_append_new(errors, error);
    }

    json_object_set_new(members, "errors", errors);

    return ngx_http_ihanoi_problem(r, "invalid-request", members);
}


static void *
ngx_http_ihanoi_input_alloc(void *pool, size_t size)
{
    return ngx_palloc(pool, size);
}
