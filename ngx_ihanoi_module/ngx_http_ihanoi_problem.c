/*
 * Copyright (C) iHaNoi contributors
 *
 * Problems: the engine's table of codes and texts, the record a request
 * carries, and the filter that puts a problem document in place of an error
 * page.
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
} ngx_http_ihanoi_problem_ctx_t;


static ngx_http_ihanoi_problem_t *ngx_http_ihanoi_problem_find(
    ngx_http_ihanoi_problem_main_conf_t *pmcf, ngx_str_t *code);
static ngx_http_ihanoi_problem_t *ngx_http_ihanoi_problem_of_status(
    ngx_http_ihanoi_problem_main_conf_t *pmcf, ngx_uint_t status);
static ngx_http_ihanoi_problem_ctx_t *ngx_http_ihanoi_problem_get_ctx(
    ngx_http_request_t *r);
static void ngx_http_ihanoi_problem_cleanup(void *data);
static json_t *ngx_http_ihanoi_problem_detail(ngx_str_t *text,
    json_t *members);
static ngx_buf_t *ngx_http_ihanoi_problem_document(ngx_http_request_t *r,
    const ngx_http_ihanoi_problem_t *problem, json_t *members);
static ngx_int_t ngx_http_ihanoi_problem_header_filter(ngx_http_request_t *r);
static ngx_int_t ngx_http_ihanoi_problem_body_filter(ngx_http_request_t *r,
    ngx_chain_t *in);
static ngx_uint_t ngx_http_ihanoi_problem_quality(u_char *p, u_char *last);

static char *ngx_http_ihanoi_problem_insert(ngx_conf_t *cf,
    ngx_http_ihanoi_problem_main_conf_t *pmcf,
    ngx_http_ihanoi_problem_t *problem);
static void *ngx_http_ihanoi_problem_create_main_conf(ngx_conf_t *cf);
static void *ngx_http_ihanoi_problem_create_loc_conf(ngx_conf_t *cf);
static char *ngx_http_ihanoi_problem_merge_loc_conf(ngx_conf_t *cf,
    void *parent, void *child);
static ngx_int_t ngx_http_ihanoi_problem_init(ngx_conf_t *cf);


#define NGX_HTTP_IHANOI_PROBLEM(code, status, vi, en)                         \
    { ngx_string(code), status, ngx_string(vi), ngx_string(en),               \
      ngx_null_string, ngx_null_string }

/*
 * The engine's own problems.  The first row of a status also names nginx's
 * own errors of that status.
 */
static ngx_http_ihanoi_problem_t  ngx_http_ihanoi_problems[] = {

    NGX_HTTP_IHANOI_PROBLEM("bad-request", 400,
        "Yêu cầu không hợp lệ", "The request is malformed"),
    NGX_HTTP_IHANOI_PROBLEM("invalid-request", 400,
        "Dữ liệu gửi lên không đúng quy định của dịch vụ",
        "The request does not match the contract"),
    NGX_HTTP_IHANOI_PROBLEM("authorization-malformed", 400,
        "Thông tin xác thực không đúng định dạng",
        "The Authorization header is malformed"),
    NGX_HTTP_IHANOI_PROBLEM("idempotency-key-missing", 400,
        "Thiếu tiêu đề Idempotency-Key",
        "The Idempotency-Key header is required"),
    NGX_HTTP_IHANOI_PROBLEM("idempotency-key-invalid", 400,
        "Tiêu đề Idempotency-Key không hợp lệ",
        "The Idempotency-Key header is not valid"),

    NGX_HTTP_IHANOI_PROBLEM("unauthorized", 401,
        "Cần đăng nhập", "Authentication is required"),
    NGX_HTTP_IHANOI_PROBLEM("token-missing", 401,
        "Cần đăng nhập để dùng chức năng này",
        "This operation needs an access token"),
    NGX_HTTP_IHANOI_PROBLEM("token-invalid", 401,
        "Phiên đăng nhập không hợp lệ hoặc đã hết hạn",
        "The access token is not valid or has expired"),

    NGX_HTTP_IHANOI_PROBLEM("forbidden", 403,
        "Không có quyền thực hiện", "You may not do this"),
    NGX_HTTP_IHANOI_PROBLEM("scope-insufficient", 403,
        "Ứng dụng chưa được cấp quyền cần thiết",
        "The access token lacks a required scope"),
    NGX_HTTP_IHANOI_PROBLEM("assurance-insufficient", 403,
        "Cần tài khoản được xác thực ở mức cao hơn",
        "A more strongly verified account is required"),

    NGX_HTTP_IHANOI_PROBLEM("not-found", 404,
        "Không tìm thấy", "Not found"),
    NGX_HTTP_IHANOI_PROBLEM("method-not-allowed", 405,
        "Phương thức không được hỗ trợ", "The method is not allowed here"),
    NGX_HTTP_IHANOI_PROBLEM("not-acceptable", 406,
        "Không có định dạng được yêu cầu",
        "None of the accepted media types can be produced"),
    NGX_HTTP_IHANOI_PROBLEM("request-timeout", 408,
        "Yêu cầu gửi quá chậm", "The request took too long to arrive"),
    NGX_HTTP_IHANOI_PROBLEM("conflict", 409,
        "Xung đột với trạng thái hiện tại",
        "The request conflicts with the current state"),
    NGX_HTTP_IHANOI_PROBLEM("idempotency-key-in-use", 409,
        "Yêu cầu có cùng Idempotency-Key đang được xử lý",
        "A request with this Idempotency-Key is being processed"),
    NGX_HTTP_IHANOI_PROBLEM("length-required", 411,
        "Thiếu độ dài nội dung", "A Content-Length is required"),
    NGX_HTTP_IHANOI_PROBLEM("precondition-failed", 412,
        "Dữ liệu đã được thay đổi, hãy tải lại",
        "The resource has changed: fetch it again"),
    NGX_HTTP_IHANOI_PROBLEM("content-too-large", 413,
        "Nội dung gửi lên quá lớn", "The request body is too large"),
    NGX_HTTP_IHANOI_PROBLEM("uri-too-long", 414,
        "Địa chỉ quá dài", "The request target is too long"),
    NGX_HTTP_IHANOI_PROBLEM("unsupported-media-type", 415,
        "Kiểu nội dung không được hỗ trợ",
        "The media type of the request body is not supported"),
    NGX_HTTP_IHANOI_PROBLEM("range-not-satisfiable", 416,
        "Khoảng dữ liệu không hợp lệ", "The range cannot be satisfied"),
    NGX_HTTP_IHANOI_PROBLEM("misdirected-request", 421,
        "Yêu cầu gửi nhầm máy chủ", "The request was sent to a wrong host"),
    NGX_HTTP_IHANOI_PROBLEM("idempotency-key-reused", 422,
        "Idempotency-Key đã dùng cho một yêu cầu khác",
        "This Idempotency-Key was used with another request"),
    NGX_HTTP_IHANOI_PROBLEM("precondition-required", 428,
        "Thiếu tiêu đề If-Match", "The If-Match header is required"),
    NGX_HTTP_IHANOI_PROBLEM("too-many-requests", 429,
        "Quá nhiều yêu cầu, hãy thử lại sau",
        "Too many requests: try again later"),

    NGX_HTTP_IHANOI_PROBLEM("internal-error", 500,
        "Lỗi hệ thống", "Internal error"),
    NGX_HTTP_IHANOI_PROBLEM("not-implemented", 501,
        "Chưa được hỗ trợ", "Not implemented"),
    NGX_HTTP_IHANOI_PROBLEM("bad-gateway", 502,
        "Hệ thống liên kết trả lời không đúng",
        "A connected system answered wrongly"),
    NGX_HTTP_IHANOI_PROBLEM("unavailable", 503,
        "Dịch vụ tạm ngừng", "The service is temporarily unavailable"),
    NGX_HTTP_IHANOI_PROBLEM("overloaded", 503,
        "Hệ thống đang quá tải, hãy thử lại sau",
        "The service is overloaded: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("database-unavailable", 503,
        "Cơ sở dữ liệu tạm ngừng, hãy thử lại sau",
        "The database is unavailable: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("operation-unavailable", 503,
        "Chức năng này tạm ngừng",
        "This operation is not available in the current release"),
    NGX_HTTP_IHANOI_PROBLEM("outcome-unknown", 503,
        "Chưa rõ kết quả, hãy gửi lại với cùng Idempotency-Key",
        "The outcome is unknown: repeat with the same Idempotency-Key"),
    NGX_HTTP_IHANOI_PROBLEM("keys-unavailable", 503,
        "Chưa kiểm tra được thông tin đăng nhập, hãy thử lại sau",
        "The token cannot be checked now: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("gateway-timeout", 504,
        "Hệ thống liên kết trả lời quá chậm",
        "A connected system took too long to answer"),
    NGX_HTTP_IHANOI_PROBLEM("database-timeout", 504,
        "Cơ sở dữ liệu trả lời quá chậm",
        "The database took too long to answer"),
    NGX_HTTP_IHANOI_PROBLEM("insufficient-storage", 507,
        "Hết dung lượng lưu trữ", "Insufficient storage"),

    NGX_HTTP_IHANOI_PROBLEM("", 0, "", "")
};


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
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0,
                      "problem \"%V\" is in no contract", code);

        json_decref(members);
        members = NULL;

        problem = ngx_http_ihanoi_problem_of_status(pmcf,
                                             NGX_HTTP_INTERNAL_SERVER_ERROR);
    }

    ctx = ngx_http_ihanoi_problem_get_ctx(r);

    if (ctx == NULL) {
        json_decref(members);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (ctx->problem) {
        json_decref(members);
        return ctx->problem->status;
    }

    ctx->problem = problem;
    ctx->members = members;

    return problem->status;
}


void
ngx_http_ihanoi_problem_clear(ngx_http_request_t *r)
{
    ngx_http_ihanoi_problem_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_problem_module);

    if (ctx) {
        json_decref(ctx->members);
        ctx->members = NULL;
        ctx->problem = NULL;
    }
}


ngx_int_t
ngx_http_ihanoi_header_add(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


/*
 * RFC 9110 12.5.4.  Only two languages are there, so the question is whether
 * "en" has a higher quality than "vi"; "*" stands for a language not named.
 */
ngx_uint_t
ngx_http_ihanoi_english(ngx_http_request_t *r)
{
    u_char           *p, *last, *end, *tag;
    size_t            len;
    ngx_uint_t        i, q, any;
    ngx_int_t         vi, en;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    /* nginx keeps accept_language only where a module asked for it */

    vi = -1;
    en = -1;
    any = 0;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {

        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != sizeof("Accept-Language") - 1
            || ngx_strncasecmp(h[i].key.data, (u_char *) "Accept-Language",
                               sizeof("Accept-Language") - 1)
               != 0)
        {
            continue;
        }

        p = h[i].value.data;
        last = p + h[i].value.len;

        while (p < last) {

            while (p < last && (*p == ' ' || *p == ',' || *p == '\t')) {
                p++;
            }

            tag = p;

            while (p < last && *p != ';' && *p != ',' && *p != ' '
                   && *p != '\t')
            {
                p++;
            }

            len = p - tag;

            for (end = p; end < last && *end != ','; end++) { /* void */ }

            q = ngx_http_ihanoi_problem_quality(p, end);

            if (len >= 2 && (len == 2 || tag[2] == '-')) {
                if (ngx_strncasecmp(tag, (u_char *) "vi", 2) == 0) {
                    vi = ngx_max(vi, (ngx_int_t) q);

                } else if (ngx_strncasecmp(tag, (u_char *) "en", 2) == 0) {
                    en = ngx_max(en, (ngx_int_t) q);
                }

            } else if (len == 1 && *tag == '*') {
                any = q;
            }

            p = end;
        }
    }

    if (vi == -1) {
        vi = any;
    }

    if (en == -1) {
        en = any;
    }

    return en > vi;
}


/* ";q=0.5" in thousandths; 1000 when there is none. */
static ngx_uint_t
ngx_http_ihanoi_problem_quality(u_char *p, u_char *last)
{
    ngx_uint_t  q, scale;

    while (p < last && (*p == ' ' || *p == '\t' || *p == ';')) {
        p++;
    }

    if (last - p < 3 || (*p != 'q' && *p != 'Q') || p[1] != '=') {
        return 1000;
    }

    p += 2;

    if (*p != '0') {
        return 1000;
    }

    p++;
    q = 0;

    if (p < last && *p == '.') {
        p++;

        for (scale = 100; p < last && *p >= '0' && *p <= '9'; p++) {
            q += (*p - '0') * scale;
            scale /= 10;
        }
    }

    return q;
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
ngx_http_ihanoi_problem_of_status(ngx_http_ihanoi_problem_main_conf_t *pmcf,
    ngx_uint_t status)
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


/* Replaces each {member} of a detail text by that member, a scalar. */
static json_t *
ngx_http_ihanoi_problem_detail(ngx_str_t *text, json_t *members)
{
    char           buf[1024], name[64];
    u_char        *p, *last, *end, *to, *to_last;
    size_t         len;
    json_t        *value;

    to = (u_char *) buf;
    to_last = to + sizeof(buf);

    p = text->data;
    last = p + text->len;

    while (p < last && to < to_last) {

        if (*p != '{') {
            *to++ = *p++;
            continue;
        }

        end = ngx_strlchr(p, last, '}');
        len = end ? (size_t) (end - p - 1) : 0;

        if (end == NULL || len >= sizeof(name)) {
            *to++ = *p++;
            continue;
        }

        ngx_memcpy(name, p + 1, len);
        name[len] = '\0';
        p = end + 1;

        value = json_object_get(members, name);

        if (json_is_string(value)) {
            len = ngx_min(json_string_length(value), (size_t) (to_last - to));
            to = ngx_cpymem(to, json_string_value(value), len);

        } else if (json_is_integer(value)) {
            to = ngx_snprintf(to, to_last - to, "%L",
                              (int64_t) json_integer_value(value));

        } else if (json_is_real(value)) {
            to = ngx_snprintf(to, to_last - to, "%.1f",
                              json_real_value(value));
        }
    }

    /* NULL when the text was cut inside a character: better none than broken */

    return json_stringn(buf, to - (u_char *) buf);
}


/* RFC 9457 3; NULL when memory failed. */
static ngx_buf_t *
ngx_http_ihanoi_problem_document(ngx_http_request_t *r,
    const ngx_http_ihanoi_problem_t *problem, json_t *members)
{
    char                                 *text;
    size_t                                len;
    u_char                               *p;
    ngx_buf_t                            *b;
    json_t                               *doc, *detail;
    ngx_str_t                            *title, *about;
    ngx_uint_t                            english;
    ngx_http_variable_value_t            *id;
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;
    u_char                                urn[256];

    pmcf = ngx_http_get_module_main_conf(r, ngx_http_ihanoi_problem_module);

    doc = json_object();
    if (doc == NULL) {
        return NULL;
    }

    english = ngx_http_ihanoi_english(r);
    title = (ngx_str_t *) (english ? &problem->title_en : &problem->title_vi);
    about = (ngx_str_t *) (english ? &problem->detail_en
                                   : &problem->detail_vi);

    p = ngx_snprintf(urn, sizeof(urn), "urn:ihanoi:problem:%V",
                     &problem->code);

    json_object_set_new(doc, "type", json_stringn((char *) urn, p - urn));
    json_object_set_new(doc, "title",
                        json_stringn((char *) title->data, title->len));
    json_object_set_new(doc, "status", json_integer(problem->status));

    if (about->len) {
        detail = ngx_http_ihanoi_problem_detail(about, members);

        if (detail) {
            json_object_set_new(doc, "detail", detail);
        }
    }

    id = ngx_http_get_indexed_variable(r, pmcf->request_id);

    if (id && !id->not_found) {
        p = ngx_snprintf(urn, sizeof(urn), "urn:ihanoi:request:%v", id);

        json_object_set_new(doc, "instance",
                            json_stringn((char *) urn, p - urn));
    }

    /* "code" is how SQL names a problem; clients have "type" */

    if (members) {
        json_object_update_missing(doc, members);
        json_object_del(doc, "code");
    }

    text = json_dumps(doc, JSON_COMPACT|JSON_REAL_PRECISION(15));

    json_decref(doc);

    if (text == NULL) {
        return NULL;
    }

    len = ngx_strlen(text);

    b = ngx_create_temp_buf(r->pool, len + 1);

    if (b) {
        b->last = ngx_cpymem(b->last, text, len);
        *b->last++ = LF;
        b->last_buf = 1;
        b->last_in_chain = 1;
    }

    free(text);

    return b;
}


static ngx_int_t
ngx_http_ihanoi_problem_header_filter(ngx_http_request_t *r)
{
    ngx_str_t                             value;
    ngx_uint_t                            status;
    const ngx_http_ihanoi_problem_t      *problem;
    ngx_http_ihanoi_problem_ctx_t        *ctx;
    ngx_http_ihanoi_problem_loc_conf_t   *plcf;
    ngx_http_ihanoi_problem_main_conf_t  *pmcf;

    status = r->headers_out.status;

    /*
     * err_status tells an error that nginx finalized from a status that some
     * backend sent; error_page tells that the operator has a page of his own.
     */

    if (r != r->main || status < NGX_HTTP_BAD_REQUEST || r->err_status == 0
        || r->error_page)
    {
        return ngx_http_next_header_filter(r);
    }

    ctx = ngx_http_get_module_ctx(r, ngx_http_ihanoi_problem_module);

    if (ctx && ctx->problem && ctx->problem->status == status) {
        problem = ctx->problem;

    } else {
        plcf = ngx_http_get_module_loc_conf(r, ngx_http_ihanoi_problem_module);

        if (!plcf->enable) {
            return ngx_http_next_header_filter(r);
        }

        pmcf = ngx_http_get_module_main_conf(r,
                                             ngx_http_ihanoi_problem_module);

        problem = ngx_http_ihanoi_problem_of_status(pmcf, status);

        ctx = ngx_http_ihanoi_problem_get_ctx(r);
        if (ctx == NULL) {
            return NGX_ERROR;
        }

        json_decref(ctx->members);
        ctx->members = NULL;

        if (status == NGX_HTTP_TOO_MANY_REQUESTS) {
            ngx_str_set(&value, "1");

            if (ngx_http_ihanoi_header_add(r, "Retry-After", &value)
                != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    ctx->body = ngx_http_ihanoi_problem_document(r, problem, ctx->members);
    if (ctx->body == NULL) {
        return NGX_ERROR;
    }

    ngx_http_clear_accept_ranges(r);
    ngx_http_clear_last_modified(r);
    ngx_http_clear_etag(r);

    r->headers_out.content_length_n = ngx_buf_size(ctx->body);

    if (r->headers_out.content_length) {
        r->headers_out.content_length->hash = 0;
        r->headers_out.content_length = NULL;
    }

    ngx_str_set(&r->headers_out.content_type, "application/problem+json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;
    ngx_str_null(&r->headers_out.charset);

    ngx_str_set(&value, "no-store");

    if (ngx_http_ihanoi_header_add(r, "Cache-Control", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_ihanoi_english(r)) {
        ngx_str_set(&value, "en");

    } else {
        ngx_str_set(&value, "vi");
    }

    if (ngx_http_ihanoi_header_add(r, "Content-Language", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_set(&value, "Accept-Language");

    if (ngx_http_ihanoi_header_add(r, "Vary", &value) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_next_header_filter(r);
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
                           "problem \"%V\" is declared twice",
                           &problem->code);
        return NGX_CONF_ERROR;
    }

    return ngx_http_ihanoi_problem_insert(cf, pmcf, problem);
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
