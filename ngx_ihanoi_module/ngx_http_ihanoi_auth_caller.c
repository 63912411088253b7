/*
 * Copyright (C) iHaNoi contributors
 *
 * A verified token as the rest of the module sees it: who is calling, with the
 * texts that requests would otherwise make again and again.
 */

#include "ngx_http_ihanoi_auth_caller.h"
#include "ngx_http_ihanoi_auth_shared.h"
#include "ihanoi_contract.h"


static ngx_int_t ngx_http_ihanoi_auth_entry_strings(
    ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_entry_t *entry, ngx_str_t *token, ihanoi_jwt_t *jwt,
    ngx_log_t *log);
static ngx_int_t ngx_http_ihanoi_auth_subject_hash(
    ngx_http_ihanoi_auth_main_conf_t *amcf, ngx_str_t *subject, u_char *hash);
static u_char *ngx_http_ihanoi_auth_member(u_char *p, const char *head,
    json_t *claims, const char *name);
static ngx_int_t ngx_http_ihanoi_auth_list(ngx_pool_t *pool, json_t *json,
    ngx_str_t *value);
static char *ngx_http_ihanoi_auth_payload(ihanoi_jwt_t *jwt);
static char *ngx_http_ihanoi_auth_scope(json_t *claims);
static ngx_uint_t ngx_http_ihanoi_auth_assurance(
    ngx_http_ihanoi_auth_issuer_t *issuer, json_t *claims);


ngx_http_ihanoi_auth_entry_t *
ngx_http_ihanoi_auth_entry_create(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_issuer_t *issuer, ngx_str_t *token,
    ihanoi_jwt_t *jwt, ihanoi_jwt_claims_t *claims, ngx_log_t *log)
{
    ngx_http_ihanoi_auth_entry_t  *entry;

    entry = ngx_calloc(sizeof(ngx_http_ihanoi_auth_entry_t), log);
    if (entry == NULL) {
        return NULL;
    }

    entry->claims = *claims;
    entry->caller.assurance = ngx_http_ihanoi_auth_assurance(issuer,
                                                             jwt->claims);

    if (ngx_http_ihanoi_auth_entry_strings(amcf, entry, token, jwt, log)
        != NGX_OK)
    {
        ngx_free(entry);
        return NULL;
    }

    entry->size += sizeof(ngx_http_ihanoi_auth_entry_t) + 64
                   + ngx_http_ihanoi_auth_json_size(jwt->claims)
                   + ngx_http_ihanoi_auth_json_size(jwt->header);

    entry->caller.claims = jwt->claims;
    entry->caller.header = jwt->header;
    jwt->claims = NULL;
    jwt->header = NULL;

    entry->refs = 1;

    return entry;
}


static ngx_int_t
ngx_http_ihanoi_auth_entry_strings(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_http_ihanoi_auth_entry_t *entry, ngx_str_t *token, ihanoi_jwt_t *jwt,
    ngx_log_t *log)
{
    char                           *payload, *scope;
    u_char                         *p, hash[IHANOI_SHA256_LEN];
    const char                     *assurance;
    size_t                          size, payload_len, scope_len;
    ngx_int_t                       rc;
    ihanoi_jwt_claims_t            *c;
    ngx_http_ihanoi_caller_t       *caller;

    c = &entry->claims;
    caller = &entry->caller;
    assurance = ihanoi_assurances[caller->assurance];
    rc = NGX_ERROR;

    payload = ngx_http_ihanoi_auth_payload(jwt);
    scope = ngx_http_ihanoi_auth_scope(jwt->claims);

    if (payload == NULL || scope == NULL) {
        goto done;
    }

    payload_len = ngx_strlen(payload);
    scope_len = ngx_strlen(scope);

    /* in JSON a character of iss and sub is two at most: none is a control */

    size = token->len
           + c->iss.len + 1 + c->sub.len
           + IHANOI_SHA256_LEN
           + scope_len
           + sizeof("\"iss\":\"\",\"sub\":\"\"") - 1
           + sizeof(",\"assurance\":\"\",\"claims\":") - 1
           + 2 * c->iss.len + 2 * c->sub.len
           + ngx_strlen(assurance)
           + payload_len;

    p = ngx_alloc(size, log);
    if (p == NULL) {
        goto done;
    }

    entry->text = p;
    entry->size = size;

    entry->token.data = p;
    entry->token.len = token->len;
    p = ngx_cpymem(p, token->data, token->len);

    caller->subject.data = p;
    caller->subject.len = c->iss.len + 1 + c->sub.len;
    caller->iss.data = p;
    caller->iss.len = c->iss.len;

    if (c->iss.len) {
        p = ngx_cpymem(p, c->iss.data, c->iss.len);
    }

    *p++ = ' ';

    caller->sub.data = p;
    caller->sub.len = c->sub.len;
    p = ngx_cpymem(p, c->sub.data, c->sub.len);

    if (ngx_http_ihanoi_auth_subject_hash(amcf, &caller->subject, hash)
        != NGX_OK)
    {
        ngx_free(entry->text);
        goto done;
    }

    /* 128 bits are enough to tell people apart and short in logs */

    caller->subject_hash.data = p;
    caller->subject_hash.len = IHANOI_SHA256_LEN;
    ihanoi_hex(hash, IHANOI_SHA256_LEN / 2, (char *) p);
    p += IHANOI_SHA256_LEN;

    caller->scope.data = p;
    caller->scope.len = scope_len;
    p = ngx_cpymem(p, scope, scope_len);

    caller->caller.data = p;
    p = ngx_http_ihanoi_auth_member(p, "\"iss\":", jwt->claims, "iss");
    p = ngx_http_ihanoi_auth_member(p, ",\"sub\":", jwt->claims, "sub");
    p = ngx_sprintf(p, ",\"assurance\":\"%s\",\"claims\":", assurance);

    caller->payload.data = p;
    caller->payload.len = payload_len;
    p = ngx_cpymem(p, payload, payload_len);

    caller->caller.len = p - caller->caller.data;

    rc = NGX_OK;

done:

    free(payload);
    free(scope);

    return rc;
}


/* With the operator's key; without one with a random one, all workers'. */

static ngx_int_t
ngx_http_ihanoi_auth_subject_hash(ngx_http_ihanoi_auth_main_conf_t *amcf,
    ngx_str_t *subject, u_char *hash)
{
    u_char                         *key;
    ngx_slab_pool_t                *shpool;
    ngx_http_ihanoi_auth_shared_t  *sh;

    key = amcf->subject_key;

    if (!amcf->subject_key_set) {
        sh = ngx_http_ihanoi_auth_shared(&shpool);
        if (sh == NULL) {
            return NGX_ERROR;
        }

        key = sh->subject_key;
    }

    return ihanoi_hmac_sha256(key, IHANOI_SHA256_LEN, subject->data,
                              subject->len, hash)
           == 0 ? NGX_OK : NGX_ERROR;
}


/* Writes a claim that is a string, or absent, as JSON. */

static u_char *
ngx_http_ihanoi_auth_member(u_char *p, const char *head, json_t *claims,
    const char *name)
{
    size_t   room;
    json_t  *value;

    p = ngx_cpymem(p, head, ngx_strlen(head));

    value = json_object_get(claims, name);
    if (value == NULL) {
        return ngx_cpymem(p, "\"\"", 2);
    }

    room = 2 * json_string_length(value) + 2;

    return p + json_dumpb(value, (char *) p, room, JSON_ENCODE_ANY);
}


/*
 * As signed; but a payload with line breaks between its members is written
 * without, because operators put it into headers.
 */

static char *
ngx_http_ihanoi_auth_payload(ihanoi_jwt_t *jwt)
{
    char    *copy;
    size_t   i;

    for (i = 0; i < jwt->payload.len; i++) {
        if ((u_char) jwt->payload.data[i] < 0x20) {
            return json_dumps(jwt->claims,
                              JSON_COMPACT|JSON_REAL_PRECISION(15));
        }
    }

    copy = malloc(jwt->payload.len + 1);

    if (copy) {
        ngx_memcpy(copy, jwt->payload.data, jwt->payload.len);
        copy[jwt->payload.len] = '\0';
    }

    return copy;
}


/* RFC 8693 4.2: a string; some write an array.  Anything else is no scope. */

static char *
ngx_http_ihanoi_auth_scope(json_t *claims)
{
    char        *out, *p;
    size_t       i, len;
    json_t      *scope, *value;
    const char  *s;

    scope = json_object_get(claims, "scope");
    len = json_string_length(scope);

    json_array_foreach(scope, i, value) {
        len += json_string_length(value) + 1;
    }

    p = out = malloc(len + 1);
    if (out == NULL) {
        return NULL;
    }

    if (json_is_string(scope)) {
        p = (char *) ngx_cpymem(p, json_string_value(scope), len);
    }

    json_array_foreach(scope, i, value) {
        s = json_string_value(value);

        if (s) {
            if (p != out) {
                *p++ = ' ';
            }

            p = (char *) ngx_cpymem(p, s, ngx_strlen(s));
        }
    }

    *p = '\0';

    return out;
}


static ngx_uint_t
ngx_http_ihanoi_auth_assurance(ngx_http_ihanoi_auth_issuer_t *issuer,
    json_t *claims)
{
    ngx_uint_t   i;
    const char  *s;

    s = json_string_value(json_object_get(claims, issuer->assurance_claim));

    for (i = IHANOI_ASSURANCE_DECLARED; s && i <= IHANOI_ASSURANCE_VERIFIED;
         i++)
    {
        if (ngx_strcmp(s, ihanoi_assurances[i]) == 0) {
            return i;
        }
    }

    return IHANOI_ASSURANCE_NONE;
}


ngx_int_t
ngx_http_ihanoi_auth_value(ngx_pool_t *pool, json_t *json, ngx_str_t *value)
{
    char    *text;
    size_t   i;

    switch (json_typeof(json)) {

    case JSON_STRING:
        value->data = (u_char *) json_string_value(json);
        value->len = json_string_length(json);
        break;

    case JSON_TRUE:
        ngx_str_set(value, "true");
        break;

    case JSON_FALSE:
        ngx_str_set(value, "false");
        break;

    case JSON_NULL:
        return NGX_DECLINED;

    case JSON_ARRAY:
        return ngx_http_ihanoi_auth_list(pool, json, value);

    default: /* JSON_OBJECT, JSON_INTEGER, JSON_REAL */

        text = json_dumps(json, JSON_COMPACT|JSON_ENCODE_ANY
                                |JSON_REAL_PRECISION(15));
        if (text == NULL) {
            return NGX_ERROR;
        }

        value->len = ngx_strlen(text);
        value->data = ngx_pnalloc(pool, value->len);

        if (value->data) {
            ngx_memcpy(value->data, text, value->len);
        }

        free(text);

        return value->data ? NGX_OK : NGX_ERROR;
    }

    /*
     * Operators put these into headers and logs: a value that would begin
     * another line is as good as not there.
     */

    for (i = 0; i < value->len; i++) {
        if (value->data[i] < 0x20 || value->data[i] == 0x7f) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* Comma-joined, as NGINX Plus does. */

static ngx_int_t
ngx_http_ihanoi_auth_list(ngx_pool_t *pool, json_t *json, ngx_str_t *value)
{
    u_char       *p;
    size_t        i, len;
    json_t       *item;
    ngx_str_t    *part, one;
    ngx_array_t   list;

    if (ngx_array_init(&list, pool, json_array_size(json) + 1,
                       sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    len = 0;

    json_array_foreach(json, i, item) {

        switch (ngx_http_ihanoi_auth_value(pool, item, &one)) {
        case NGX_OK:
            break;
        case NGX_DECLINED:
            continue;
        default:
            return NGX_ERROR;
        }

        part = ngx_array_push(&list);
        if (part == NULL) {
            return NGX_ERROR;
        }

        *part = one;
        len += part->len + 1;
    }

    p = ngx_pnalloc(pool, len + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    part = list.elts;

    for (i = 0; i < list.nelts; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_cpymem(p, part[i].data, part[i].len);
    }

    value->len = p - value->data;

    return NGX_OK;
}


ngx_uint_t
ngx_http_ihanoi_auth_has_scope(ngx_http_ihanoi_caller_t *caller,
    ngx_str_t *scope)
{
    u_char  *p, *last, *word;

    p = caller->scope.data;
    last = p + caller->scope.len;

    while (p < last) {

        word = p;

        while (p < last && *p != ' ') {
            p++;
        }

        if (p > word && (size_t) (p - word) == scope->len
            && ngx_memcmp(word, scope->data, scope->len) == 0)
        {
            return 1;
        }

        p++;
    }

    return 0;
}
