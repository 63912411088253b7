/*
 * Copyright (C) iHaNoi contributors
 *
 * The engine's table of problems, the choice of language, and the document.
 */

#include "ngx_http_ihanoi_header.h"
#include "ngx_http_ihanoi_problem_document.h"


static json_t *ngx_http_ihanoi_problem_detail(ngx_str_t *text,
    json_t *members, ngx_uint_t english);
static u_char *ngx_http_ihanoi_problem_text(u_char *to, u_char *last,
    const char *s, size_t len, ngx_uint_t english);
static u_char *ngx_http_ihanoi_problem_number(u_char *to, u_char *last,
    int64_t n, ngx_uint_t english);


#define NGX_HTTP_IHANOI_PROBLEM(code, status, vi, en)                         \
    { ngx_string(code), status, ngx_string(vi), ngx_string(en),               \
      ngx_null_string, ngx_null_string }

/*
 * The engine's own problems.  The first row of a status also names nginx's
 * own errors of that status.
 */
ngx_http_ihanoi_problem_t  ngx_http_ihanoi_problems[] = {

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
        "Idempotency-Key phải gồm 1 đến 255 ký tự ASCII hiển thị được, không có"
        " dấu nháy kép, dấu gạch chéo ngược và dấu phẩy",
        "The Idempotency-Key must be of 1 to 255 visible ASCII characters,"
        " without quotes, backslashes and commas"),

    NGX_HTTP_IHANOI_PROBLEM("unauthorized", 401,
        "Cần đăng nhập", "Authentication is required"),
    NGX_HTTP_IHANOI_PROBLEM("token-missing", 401,
        "Cần đăng nhập để dùng chức năng này",
        "This operation needs an access token"),
    NGX_HTTP_IHANOI_PROBLEM("token-invalid", 401,
        "Phiên đăng nhập không hợp lệ hoặc đã hết hạn, vui lòng đăng nhập lại",
        "The access token is not valid or has expired: sign in again"),

    NGX_HTTP_IHANOI_PROBLEM("forbidden", 403,
        "Không có quyền thực hiện", "You may not do this"),
    NGX_HTTP_IHANOI_PROBLEM("scope-insufficient", 403,
        "Ứng dụng chưa được cấp quyền cần thiết",
        "The access token lacks a required scope"),
    NGX_HTTP_IHANOI_PROBLEM("assurance-insufficient", 403,
        "Cần tài khoản được xác thực ở mức cao hơn",
        "A more strongly verified account is required"),
    NGX_HTTP_IHANOI_PROBLEM("service-consent-required", 403,
        "Dịch vụ cần được ông/bà đồng ý cho mục đích này",
        "The service needs your consent to this purpose"),

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
        "Thiếu tiêu đề Content-Length", "A Content-Length is required"),
    NGX_HTTP_IHANOI_PROBLEM("precondition-failed", 412,
        "Dữ liệu đã thay đổi, vui lòng tải lại",
        "The resource has changed: fetch it again"),
    NGX_HTTP_IHANOI_PROBLEM("content-too-large", 413,
        "Nội dung gửi lên quá lớn", "The request body is too large"),
    NGX_HTTP_IHANOI_PROBLEM("uri-too-long", 414,
        "Địa chỉ quá dài", "The request target is too long"),
    NGX_HTTP_IHANOI_PROBLEM("unsupported-media-type", 415,
        "Kiểu nội dung không được hỗ trợ",
        "The media type of the request body is not supported"),
    NGX_HTTP_IHANOI_PROBLEM("range-not-satisfiable", 416,
        "Không đáp ứng được khoảng dữ liệu yêu cầu",
        "The range cannot be satisfied"),
    NGX_HTTP_IHANOI_PROBLEM("misdirected-request", 421,
        "Yêu cầu gửi nhầm máy chủ", "The request was sent to a wrong host"),
    NGX_HTTP_IHANOI_PROBLEM("idempotency-key-reused", 422,
        "Idempotency-Key này đã dùng cho một yêu cầu khác",
        "This Idempotency-Key was used with another request"),
    NGX_HTTP_IHANOI_PROBLEM("precondition-required", 428,
        "Thiếu tiêu đề If-Match", "The If-Match header is required"),
    NGX_HTTP_IHANOI_PROBLEM("too-many-requests", 429,
        "Quá nhiều yêu cầu, vui lòng thử lại sau",
        "Too many requests: try again later"),

    NGX_HTTP_IHANOI_PROBLEM("internal-error", 500,
        "Lỗi hệ thống", "Internal error"),
    NGX_HTTP_IHANOI_PROBLEM("plugin-failed", 500,
        "Dịch vụ liên kết gặp lỗi", "The service failed"),
    NGX_HTTP_IHANOI_PROBLEM("not-implemented", 501,
        "Chưa được hỗ trợ", "Not implemented"),
    NGX_HTTP_IHANOI_PROBLEM("bad-gateway", 502,
        "Hệ thống liên kết phản hồi không đúng",
        "A connected system answered wrongly"),
    NGX_HTTP_IHANOI_PROBLEM("plugin-reply-invalid", 502,
        "Dịch vụ liên kết phản hồi không đúng quy định",
        "The service answered outside its contract"),
    NGX_HTTP_IHANOI_PROBLEM("unavailable", 503,
        "Dịch vụ tạm thời gián đoạn",
        "The service is temporarily unavailable"),
    NGX_HTTP_IHANOI_PROBLEM("overloaded", 503,
        "Hệ thống đang quá tải, vui lòng thử lại sau",
        "The service is overloaded: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("database-unavailable", 503,
        "Cơ sở dữ liệu tạm thời gián đoạn, vui lòng thử lại sau",
        "The database is unavailable: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("operation-unavailable", 503,
        "Chức năng này chưa có trong phiên bản hiện hành",
        "This operation is not available in the current release"),
    NGX_HTTP_IHANOI_PROBLEM("plugin-unavailable", 503,
        "Dịch vụ liên kết tạm ngừng, vui lòng thử lại sau",
        "The service is suspended: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("plugin-limit", 503,
        "Dịch vụ liên kết sử dụng quá tài nguyên được cấp",
        "The service used more than it was granted"),
    { ngx_string("outcome-unknown"), 503,
      ngx_string("Chưa rõ yêu cầu đã được thực hiện hay chưa"),
      ngx_string("It is not known whether the request was carried out"),
      ngx_string("Vui lòng gửi lại với cùng Idempotency-Key; nếu yêu cầu không "
                 "có tiêu đề này, vui lòng xem lại dữ liệu trước khi gửi lại."),
      ngx_string("Repeat it with the same Idempotency-Key; if it had none, "
                 "look at the data before you repeat it.") },
    NGX_HTTP_IHANOI_PROBLEM("keys-unavailable", 503,
        "Chưa kiểm tra được thông tin đăng nhập, vui lòng thử lại sau",
        "The token cannot be checked now: try again later"),
    NGX_HTTP_IHANOI_PROBLEM("gateway-timeout", 504,
        "Hệ thống liên kết phản hồi quá chậm",
        "A connected system took too long to answer"),
    NGX_HTTP_IHANOI_PROBLEM("plugin-timeout", 504,
        "Dịch vụ liên kết phản hồi quá chậm",
        "The service took too long to answer"),
    NGX_HTTP_IHANOI_PROBLEM("database-timeout", 504,
        "Cơ sở dữ liệu phản hồi quá chậm",
        "The database took too long to answer"),
    NGX_HTTP_IHANOI_PROBLEM("http-version-not-supported", 505,
        "Phiên bản HTTP không được hỗ trợ",
        "The HTTP version is not supported"),
    NGX_HTTP_IHANOI_PROBLEM("insufficient-storage", 507,
        "Hết dung lượng lưu trữ", "Insufficient storage"),

    NGX_HTTP_IHANOI_PROBLEM("", 0, "", "")
};


/*
 * RFC 9110 12.5.4.  Only two languages are there, so the question is whether
 * "en" has a higher quality than "vi"; "*" stands for a language not named.
 */
ngx_uint_t
ngx_http_ihanoi_english(ngx_http_request_t *r)
{
    u_char     *p, *last, *end, *tag;
    size_t      len;
    ngx_int_t   vi, en, any, q;
    ngx_str_t   value;

    if (ngx_http_ihanoi_header_in(r, "Accept-Language",
                                  sizeof("Accept-Language") - 1, &value)
        != NGX_OK
        || value.len == 0)
    {
        return 0;
    }

    vi = -1;
    en = -1;
    any = 0;

    p = value.data;
    last = p + value.len;

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

        end = ngx_http_ihanoi_header_end(p, last, ',');
        q = ngx_http_ihanoi_header_quality(p, end);

        if (len >= 2 && (len == 2 || tag[2] == '-')) {

            if (ngx_strncasecmp(tag, (u_char *) "vi", 2) == 0) {
                vi = ngx_max(vi, q);

            } else if (ngx_strncasecmp(tag, (u_char *) "en", 2) == 0) {
                en = ngx_max(en, q);
            }

        } else if (len == 1 && *tag == '*') {
            any = q;
        }

        p = end;
    }

    if (vi == -1) {
        vi = any;
    }

    if (en == -1) {
        en = any;
    }

    return en > vi;
}


/*
 * Replaces each {member} of a detail text by that member, a scalar, as people
 * of the language write it; programs have the member itself.
 */
static json_t *
ngx_http_ihanoi_problem_detail(ngx_str_t *text, json_t *members,
    ngx_uint_t english)
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
            to = ngx_http_ihanoi_problem_text(to, to_last,
                                              json_string_value(value),
                                              json_string_length(value),
                                              english);

        } else if (json_is_integer(value)) {
            to = ngx_http_ihanoi_problem_number(to, to_last,
                                                json_integer_value(value),
                                                english);

        } else if (json_is_real(value)) {
            end = to;
            to = ngx_snprintf(to, to_last - to, "%.1f",
                              json_real_value(value));
            end = english ? NULL : ngx_strlchr(end, to, '.');

            if (end) {
                *end = ',';
            }
        }
    }

    /* NULL when the text was cut inside a character: better none than broken */

    return json_stringn(buf, to - (u_char *) buf);
}


/*
 * A day, "2026-11-29", and a second of it, "2026-11-29 08:00:00", as one writes
 * them in Vietnamese; other texts as they are.
 */
static u_char *
ngx_http_ihanoi_problem_text(u_char *to, u_char *last, const char *s,
    size_t len, ngx_uint_t english)
{
    size_t             i;
    ngx_int_t          month, day;
    static const char  form[] = "0000-00-00 00:00:00";

    if (english || (len != sizeof("0000-00-00") - 1 && len != sizeof(form) - 1))
    {
        goto other;
    }

    for (i = 0; i < len; i++) {

        if (form[i] == '0' ? s[i] < '0' || s[i] > '9' : s[i] != form[i]) {
            goto other;
        }
    }

    /* somebody's number may have that form, too */

    month = ngx_atoi((u_char *) s + 5, 2);
    day = ngx_atoi((u_char *) s + 8, 2);

    if (month < 1 || month > 12 || day < 1 || day > 31) {
        goto other;
    }

    if (len == sizeof(form) - 1) {
        to = ngx_snprintf(to, last - to, "%*s ngày ", (size_t) 8, s + 11);
    }

    return ngx_snprintf(to, last - to, "%*s/%*s/%*s", (size_t) 2, s + 8,
                        (size_t) 2, s + 5, (size_t) 4, s);

other:

    return ngx_cpymem(to, s, ngx_min(len, (size_t) (last - to)));
}


/* 1.234.567, in English 1,234,567; four digits may be a year: they stay so. */
static u_char *
ngx_http_ihanoi_problem_number(u_char *to, u_char *last, int64_t n,
    ngx_uint_t english)
{
    u_char   digits[NGX_INT64_LEN], *p, *end;
    size_t   left;

    end = ngx_sprintf(digits, "%L", n);

    for (p = digits; p < end && to < last; p++) {
        *to++ = *p;
        left = end - p - 1;

        if ((n >= 10000 || n <= -10000) && *p != '-' && left && left % 3 == 0
            && to < last)
        {
            *to++ = english ? ',' : '.';
        }
    }

    return to;
}


ngx_buf_t *
ngx_http_ihanoi_problem_document(ngx_http_request_t *r,
    const ngx_http_ihanoi_problem_t *problem, json_t *members,
    ngx_http_variable_value_t *request_id)
{
    char        *text;
    size_t       len;
    u_char      *p;
    ngx_buf_t   *b;
    json_t      *doc, *detail;
    ngx_str_t   *title, *about;
    ngx_uint_t   english;
    u_char       urn[256];

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

    /* the response's: a status without a row has the words of its class */

    json_object_set_new(doc, "status",
                        json_integer(r->headers_out.status));

    if (about->len) {
        detail = ngx_http_ihanoi_problem_detail(about, members, english);

        if (detail) {
            json_object_set_new(doc, "detail", detail);
        }
    }

    if (request_id && !request_id->not_found) {
        p = ngx_snprintf(urn, sizeof(urn), "urn:ihanoi:request:%v",
                         request_id);

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
