/*
 * Copyright (C) iHaNoi contributors
 *
 * Headers by name.  nginx hashes only those it knows, and which ones it keeps
 * in headers_in differs between versions, so the list is walked.
 */

#include "ngx_http_ihanoi_header.h"


ngx_int_t
ngx_http_ihanoi_header_in(ngx_http_request_t *r, const char *name,
    size_t len, ngx_str_t *value)
{
    u_char           *p;
    ngx_str_t         joined;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    ngx_str_null(value);

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

        if (h[i].key.len != len
            || ngx_strncasecmp(h[i].key.data, (u_char *) name, len) != 0)
        {
            continue;
        }

        if (value->data == NULL) {
            *value = h[i].value;
            continue;
        }

        joined.len = value->len + 2 + h[i].value.len;
        joined.data = ngx_pnalloc(r->pool, joined.len);
        if (joined.data == NULL) {
            return NGX_ERROR;
        }

        p = ngx_cpymem(joined.data, value->data, value->len);
        *p++ = ',';
        *p++ = ' ';
        ngx_memcpy(p, h[i].value.data, h[i].value.len);

        *value = joined;
    }

    return NGX_OK;
}


ngx_table_elt_t *
ngx_http_ihanoi_header_add(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NULL;
    }

    h->hash = 1;
#if (nginx_version >= 1023000)
    h->next = NULL;
#endif
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return h;
}


ngx_int_t
ngx_http_ihanoi_header_retry(ngx_http_request_t *r, ngx_uint_t seconds)
{
    ngx_str_t  value;

    value.data = ngx_pnalloc(r->pool, NGX_INT_T_LEN);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    value.len = ngx_sprintf(value.data, "%ui", seconds) - value.data;

    if (ngx_http_ihanoi_header_add(r, "Retry-After", &value) == NULL) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_ihanoi_header_etag(ngx_http_request_t *r, ngx_str_t *tag)
{
    ngx_str_t  value;

    value.len = tag->len + 2;
    value.data = ngx_pnalloc(r->pool, value.len);
    if (value.data == NULL) {
        return NGX_ERROR;
    }

    ngx_sprintf(value.data, "\"%V\"", tag);

    r->headers_out.etag = ngx_http_ihanoi_header_add(r, "ETag", &value);

    return r->headers_out.etag ? NGX_OK : NGX_ERROR;
}


u_char *
ngx_http_ihanoi_header_end(u_char *p, u_char *last, u_char c)
{
    ngx_uint_t  quoted;

    quoted = 0;

    for ( /* void */ ; p < last; p++) {

        if (*p == '"') {
            quoted = !quoted;

        } else if (quoted) {

            if (*p == '\\' && p + 1 < last) {
                p++;
            }

        } else if (*p == c) {
            break;
        }
    }

    return p;
}


void
ngx_http_ihanoi_header_gzip_vary(ngx_http_request_t *r)
{
#if (NGX_HTTP_GZIP)
    r->gzip_vary = 1;
#endif
}


ngx_int_t
ngx_http_ihanoi_header_quality(u_char *p, u_char *last)
{
    ngx_int_t  q, scale;

    for ( ;; ) {
        p = ngx_http_ihanoi_header_end(p, last, ';');

        while (p < last && (*p == ' ' || *p == '\t' || *p == ';')) {
            p++;
        }

        if (last - p < 3) {
            return 1000;
        }

        if ((*p == 'q' || *p == 'Q') && p[1] == '=') {
            break;
        }
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
