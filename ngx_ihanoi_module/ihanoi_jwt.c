/*
 * Copyright (C) iHaNoi contributors
 *
 * JSON Web Tokens: strict reading, signature, claims.
 *
 * What is not needed is refused rather than ignored wherever two readers of
 * one token could disagree about what it says.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ihanoi_base64.h"
#include "ihanoi_jwt.h"


typedef struct {
    const char  *result;
    const char  *reason;
} ihanoi_jwt_text_t;


static const ihanoi_jwt_text_t ihanoi_jwt_texts[IHANOI_JWT_ERRORS] = {
    { "ok",        "token is good" },
    { "error",     "out of memory" },

    { "malformed", "token is too long" },
    { "malformed", "token has not three parts" },
    { "malformed", "token is not base64url" },
    { "malformed", "header is not a proper JSON object" },
    { "malformed", "payload is not a proper JSON object" },
    { "algorithm", "\"alg\" is absent or not supported" },
    { "malformed", "\"kid\" is not a short string" },
    { "type",      "\"typ\" is not that of an access token" },
    { "type",      "\"crit\", \"b64\", \"enc\" or \"zip\" in the header" },
    { "type",      "token is nested" },

    { "key",       "no key of that \"kid\"" },
    { "algorithm", "key is for another algorithm" },
    { "signature", "signature is wrong" },

    { "issuer",    "\"iss\" is absent, malformed or not known" },
    { "claims",    "\"sub\" is absent or malformed" },
    { "audience",  "\"aud\" is absent, malformed or somebody else" },
    { "claims",    "\"exp\" is absent or malformed" },
    { "expired",   "token has expired" },
    { "claims",    "\"nbf\" is malformed" },
    { "early",     "token is not valid yet" },
    { "claims",    "\"iat\" is malformed or in the future" },
    { "lifetime",  "token lives longer than allowed" },
    { "claims",    "\"jti\" or \"sid\" is malformed" },
    { "type",      "token is not an access token by its claims" },
    { "bound",     "token is bound to a key (\"cnf\")" }
};


/*
 * Names in a header that some reader gives a meaning: another case of them is
 * refused, because a lenient reader might take it for the real one.
 */
static const char *const ihanoi_jwt_header_names[] = {
    "alg", "kid", "typ", "cty", "crit", "b64", "enc", "zip", "jwk", "jku",
    "x5u", "x5c", "x5t", NULL
};

static const char *const ihanoi_jwt_claim_names[] = {
    "iss", "sub", "aud", "exp", "nbf", "iat", "jti", "sid", "cnf", NULL
};


/* Values of the "typ" claim that Keycloak gives tokens of another purpose. */
static const char *const ihanoi_jwt_purposes[] = {
    "Refresh", "Offline", "ID", "Logout", NULL
};


static const ihanoi_jwt_str_t ihanoi_jwt_usual_types[] = {
    { "JWT", 3 },
    { "at+jwt", 6 },               /* RFC 9068 2.1 */
    { "application/at+jwt", 18 }
};


/*
 * The tokens of an issuer begin with the same text for as long as its key is
 * the same: the header that was read last is kept, and not read again.  Who
 * has a part of it has a reference, and nobody changes it.
 */
static struct {
    char              text[IHANOI_JWT_KEPT_HEADER];  /* base64url */
    size_t            len;                           /* 0: there is none */
    json_t           *header;
    ihanoi_alg_e      alg;
    ihanoi_jwt_str_t  kid;                           /* in header */
} ihanoi_jwt_kept;


static ihanoi_jwt_e ihanoi_jwt_split(ihanoi_jwt_t *jwt, const char *text,
    size_t len);
static ihanoi_jwt_e ihanoi_jwt_header(ihanoi_jwt_t *jwt, const char *text,
    size_t len, unsigned char **p);
static ihanoi_jwt_e ihanoi_jwt_read_header(ihanoi_jwt_t *jwt,
    const char *data, size_t len);
static int ihanoi_jwt_try(const ihanoi_jwt_t *jwt, const ihanoi_jwk_t *key,
    unsigned *tries, ihanoi_jwt_e *result);
static ihanoi_jwt_e ihanoi_jwt_check_type(const ihanoi_jwt_t *jwt,
    const ihanoi_jwt_rules_t *rules);
static ihanoi_jwt_e ihanoi_jwt_check_purpose(const json_t *claims);
static ihanoi_jwt_e ihanoi_jwt_check_audience(json_t *aud,
    const ihanoi_jwt_rules_t *rules);


ihanoi_jwt_e
ihanoi_jwt_parse(ihanoi_jwt_t *jwt, const char *text, size_t len)
{
    ihanoi_jwt_e  rc;

    rc = ihanoi_jws_parse(jwt, text, len);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    jwt->claims = ihanoi_jwt_json(jwt->payload.data, jwt->payload.len,
                                  ihanoi_jwt_claim_names);
    if (jwt->claims == NULL) {
        return errno == ENOMEM ? IHANOI_JWT_MEMORY : IHANOI_JWT_PAYLOAD;
    }

    /*
     * The subject of a caller is written as iss, a space, sub: an issuer with
     * a space in it could be taken for another one.
     */

    if (ihanoi_jwt_string(jwt->claims, "iss", IHANOI_JWT_MAX_ISSUER, &jwt->iss)
        != 0
        || (jwt->iss.data && memchr(jwt->iss.data, ' ', jwt->iss.len)))
    {
        return IHANOI_JWT_ISS;
    }

    return IHANOI_JWT_OK;
}


ihanoi_jwt_e
ihanoi_jws_parse(ihanoi_jwt_t *jwt, const char *text, size_t len)
{
    memset(jwt, 0, sizeof(ihanoi_jwt_t));

    return ihanoi_jwt_split(jwt, text, len);
}


/* RFC 7515 7.1: three parts of base64url, none of them empty. */

static ihanoi_jwt_e
ihanoi_jwt_split(ihanoi_jwt_t *jwt, const char *text, size_t len)
{
    size_t          room;
    ssize_t         n;
    const char     *first, *second, *end;
    ihanoi_jwt_e    rc;
    unsigned char  *p;

    if (len > IHANOI_JWT_MAX_SIZE) {
        return IHANOI_JWT_SIZE;
    }

    end = text + len;

    first = memchr(text, '.', len);
    if (first == NULL) {
        return IHANOI_JWT_SEGMENTS;
    }

    second = memchr(first + 1, '.', (size_t) (end - first - 1));
    if (second == NULL) {
        return IHANOI_JWT_SEGMENTS;
    }

    if (memchr(second + 1, '.', (size_t) (end - second - 1))
        || first == text || second == first + 1 || end == second + 1)
    {
        return IHANOI_JWT_SEGMENTS;
    }

    /* one piece of memory for the three, each with a NUL after it */

    room = ihanoi_base64url_decoded(len) + 3 * 3;

    p = malloc(room);
    if (p == NULL) {
        return IHANOI_JWT_MEMORY;
    }

    jwt->memory = p;

    rc = ihanoi_jwt_header(jwt, text, (size_t) (first - text), &p);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    n = ihanoi_base64url_decode(p, first + 1, (size_t) (second - first - 1));
    if (n < 0) {
        return IHANOI_JWT_BASE64;
    }

    p[n] = '\0';
    jwt->payload.data = (char *) p;
    jwt->payload.len = (size_t) n;
    p += n + 1;

    n = ihanoi_base64url_decode(p, second + 1, (size_t) (end - second - 1));
    if (n < 0) {
        return IHANOI_JWT_BASE64;
    }

    jwt->signature = p;
    jwt->siglen = (size_t) n;

    jwt->input.data = text;
    jwt->input.len = (size_t) (second - text);

    return IHANOI_JWT_OK;
}


/* Decodes it to *p, which then is behind it, unless it is the one kept. */

static ihanoi_jwt_e
ihanoi_jwt_header(ihanoi_jwt_t *jwt, const char *text, size_t len,
    unsigned char **p)
{
    ssize_t       n;
    ihanoi_jwt_e  rc;

    if (len == ihanoi_jwt_kept.len
        && memcmp(text, ihanoi_jwt_kept.text, len) == 0)
    {
        jwt->header = json_incref(ihanoi_jwt_kept.header);
        jwt->alg = ihanoi_jwt_kept.alg;
        jwt->kid = ihanoi_jwt_kept.kid;

        return IHANOI_JWT_OK;
    }

    n = ihanoi_base64url_decode(*p, text, len);
    if (n < 0) {
        return IHANOI_JWT_BASE64;
    }

    (*p)[n] = '\0';

    rc = ihanoi_jwt_read_header(jwt, (char *) *p, (size_t) n);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    *p += n + 1;

    if (len <= IHANOI_JWT_KEPT_HEADER) {
        json_decref(ihanoi_jwt_kept.header);

        memcpy(ihanoi_jwt_kept.text, text, len);
        ihanoi_jwt_kept.len = len;
        ihanoi_jwt_kept.header = json_incref(jwt->header);
        ihanoi_jwt_kept.alg = jwt->alg;
        ihanoi_jwt_kept.kid = jwt->kid;
    }

    return IHANOI_JWT_OK;
}


static ihanoi_jwt_e
ihanoi_jwt_read_header(ihanoi_jwt_t *jwt, const char *data, size_t len)
{
    json_t  *header, *value;

    header = ihanoi_jwt_json(data, len, ihanoi_jwt_header_names);
    if (header == NULL) {
        return errno == ENOMEM ? IHANOI_JWT_MEMORY : IHANOI_JWT_HEADER;
    }

    jwt->header = header;

    /*
     * No extension is understood, so whatever is critical is refused (RFC 7515
     * 4.1.11); "b64" (RFC 7797) changes what is signed; "enc" and "zip" belong
     * to encrypted tokens.  "jwk", "jku", "x5u" and "x5c" are never followed.
     */

    if (json_object_get(header, "crit") || json_object_get(header, "b64")
        || json_object_get(header, "enc") || json_object_get(header, "zip"))
    {
        return IHANOI_JWT_CRIT;
    }

    /* RFC 7519 5.2: only a nested token has a content type */

    if (json_object_get(header, "cty")) {
        return IHANOI_JWT_NESTED;
    }

    value = json_object_get(header, "alg");

    if (!json_is_string(value)) {
        return IHANOI_JWT_ALG;
    }

    jwt->alg = ihanoi_alg_find(json_string_value(value),
                               json_string_length(value));
    if (jwt->alg == IHANOI_ALG_NONE) {
        return IHANOI_JWT_ALG;
    }

    value = json_object_get(header, "typ");
    if (value && !json_is_string(value)) {
        return IHANOI_JWT_TYP;
    }

    value = json_object_get(header, "kid");

    if (value) {
        jwt->kid.data = json_string_value(value);
        jwt->kid.len = json_string_length(value);

        if (jwt->kid.data == NULL
            || jwt->kid.len == 0 || jwt->kid.len > IHANOI_JWK_MAX_KID)
        {
            return IHANOI_JWT_KID;
        }
    }

    return IHANOI_JWT_OK;
}


void
ihanoi_jwt_free(ihanoi_jwt_t *jwt)
{
    json_decref(jwt->header);
    json_decref(jwt->claims);
    free(jwt->memory);

    memset(jwt, 0, sizeof(ihanoi_jwt_t));
}


void
ihanoi_jwt_forget(void)
{
    json_decref(ihanoi_jwt_kept.header);

    ihanoi_jwt_kept.header = NULL;
    ihanoi_jwt_kept.len = 0;
}


ihanoi_jwt_e
ihanoi_jwt_verify(const ihanoi_jwt_t *jwt, const ihanoi_jwks_t *const *sets,
    unsigned n)
{
    unsigned             i, k, tries;
    ihanoi_jwt_e         result;
    const ihanoi_jwk_t  *key;

    if (jwt->alg == IHANOI_ALG_NONE || jwt->siglen == 0) {
        return IHANOI_JWT_SIGNATURE;
    }

    result = IHANOI_JWT_KEY;
    tries = 0;

    for (i = 0; i < n; i++) {

        if (sets[i] == NULL) {
            continue;
        }

        if (jwt->kid.data) {
            key = ihanoi_jwks_find(sets[i], jwt->kid.data, jwt->kid.len);

            if (key && ihanoi_jwt_try(jwt, key, &tries, &result)) {
                return result;
            }

            continue;
        }

        for (k = 0; k < ihanoi_jwks_count(sets[i]); k++) {
            key = ihanoi_jwks_key(sets[i], k);

            if (ihanoi_jwt_try(jwt, key, &tries, &result)) {
                return result;
            }
        }
    }

    return result;
}


/* 1: *result is final; 0: it is what to say when no other key fits. */

static int
ihanoi_jwt_try(const ihanoi_jwt_t *jwt, const ihanoi_jwk_t *key,
    unsigned *tries, ihanoi_jwt_e *result)
{
    int  rc;

    if (ihanoi_jwk_alg(key) != jwt->alg) {

        if (*result == IHANOI_JWT_KEY) {
            *result = IHANOI_JWT_KEY_ALG;
        }

        return 0;
    }

    *result = IHANOI_JWT_SIGNATURE;

    if ((*tries)++ == IHANOI_JWT_MAX_TRIES) {
        return 1;
    }

    rc = ihanoi_jwk_verify(key, jwt->input.data, jwt->input.len,
                           jwt->signature, jwt->siglen);
    if (rc == 0) {
        return 0;
    }

    *result = (rc == 1) ? IHANOI_JWT_OK : IHANOI_JWT_MEMORY;

    return 1;
}


ihanoi_jwt_e
ihanoi_jwt_check(const ihanoi_jwt_t *jwt, const ihanoi_jwt_rules_t *rules,
    double now, ihanoi_jwt_claims_t *claims)
{
    json_t        *c;
    ihanoi_jwt_e   rc;

    memset(claims, 0, sizeof(ihanoi_jwt_claims_t));

    c = jwt->claims;
    if (c == NULL) {
        return IHANOI_JWT_PAYLOAD;
    }

    rc = ihanoi_jwt_check_type(jwt, rules);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    rc = ihanoi_jwt_check_purpose(c);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    claims->iss = jwt->iss;

    if (ihanoi_jwt_string(c, "sub", IHANOI_JWT_MAX_NAME, &claims->sub) != 0
        || claims->sub.data == NULL)
    {
        return IHANOI_JWT_SUB;
    }

    if (ihanoi_jwt_string(c, "jti", IHANOI_JWT_MAX_NAME, &claims->jti) != 0
        || ihanoi_jwt_string(c, "sid", IHANOI_JWT_MAX_NAME, &claims->sid) != 0)
    {
        return IHANOI_JWT_CLAIM;
    }

    rc = ihanoi_jwt_check_audience(json_object_get(c, "aud"), rules);
    if (rc != IHANOI_JWT_OK) {
        return rc;
    }

    if (ihanoi_jwt_time(c, "exp", &claims->exp) != 0
        || json_object_get(c, "exp") == NULL)
    {
        return IHANOI_JWT_EXP;
    }

    if (ihanoi_jwt_time(c, "nbf", &claims->nbf) != 0) {
        return IHANOI_JWT_NBF;
    }

    if (ihanoi_jwt_time(c, "iat", &claims->iat) != 0) {
        return IHANOI_JWT_IAT;
    }

    return ihanoi_jwt_check_times(claims, rules, now);
}


/*
 * RFC 8725 3.11, RFC 9068 4: media types are compared without case.  An absent
 * "typ" is usual only where no type is asked for.
 */

static ihanoi_jwt_e
ihanoi_jwt_check_type(const ihanoi_jwt_t *jwt, const ihanoi_jwt_rules_t *rules)
{
    unsigned                 i, n;
    const char              *typ;
    const ihanoi_jwt_str_t  *types;

    types = rules->types;
    n = rules->ntypes;

    if (n == 0) {
        types = ihanoi_jwt_usual_types;
        n = sizeof(ihanoi_jwt_usual_types) / sizeof(ihanoi_jwt_usual_types[0]);
    }

    typ = json_string_value(json_object_get(jwt->header, "typ"));

    if (typ == NULL) {
        return rules->ntypes ? IHANOI_JWT_TYP : IHANOI_JWT_OK;
    }

    for (i = 0; i < n; i++) {
        if (strcasecmp(typ, types[i].data) == 0) {
            return IHANOI_JWT_OK;
        }
    }

    return IHANOI_JWT_TYP;
}


/*
 * Of the same issuer, for the same audience and with the same type may be: an
 * ID token (OpenID Connect Core 3.1.3.6, 3.3.2.11), a logout or event token
 * (RFC 8417 2.2), a refresh token (Keycloak).
 */

static ihanoi_jwt_e
ihanoi_jwt_check_purpose(const json_t *claims)
{
    unsigned     i;
    const char  *typ;

    if (json_object_get(claims, "at_hash")
        || json_object_get(claims, "c_hash")
        || json_object_get(claims, "events"))
    {
        return IHANOI_JWT_PURPOSE;
    }

    typ = json_string_value(json_object_get(claims, "typ"));

    for (i = 0; typ && ihanoi_jwt_purposes[i]; i++) {
        if (strcasecmp(typ, ihanoi_jwt_purposes[i]) == 0) {
            return IHANOI_JWT_PURPOSE;
        }
    }

    /* RFC 7800: whoever has it may not be whom it was given to */

    return json_object_get(claims, "cnf") ? IHANOI_JWT_BOUND : IHANOI_JWT_OK;
}


ihanoi_jwt_e
ihanoi_jwt_check_times(const ihanoi_jwt_claims_t *claims,
    const ihanoi_jwt_rules_t *rules, double now)
{
    double  leeway, since;

    leeway = (double) rules->leeway;

    /* RFC 7519 4.1.4: "on or after" is too late */

    if (now >= claims->exp + leeway) {
        return IHANOI_JWT_EXPIRED;
    }

    if (now + leeway < claims->nbf) {
        return IHANOI_JWT_EARLY;
    }

    if (now + (leeway > IHANOI_JWT_IAT_SKEW ? leeway : IHANOI_JWT_IAT_SKEW)
        < claims->iat)
    {
        return IHANOI_JWT_IAT;
    }

    if (rules->max_lifetime) {

        /* who does not say when it began cannot live longer than from now */

        since = claims->iat ? claims->iat : now + leeway;

        if (claims->exp - since > (double) rules->max_lifetime) {
            return IHANOI_JWT_LIFETIME;
        }
    }

    return IHANOI_JWT_OK;
}


/* RFC 7519 4.1.3: a string, or an array of strings. */

static ihanoi_jwt_e
ihanoi_jwt_check_audience(json_t *aud, const ihanoi_jwt_rules_t *rules)
{
    int          found;
    size_t       i, n;
    json_t      *value;
    unsigned     k;

    if (aud == NULL) {
        return rules->naudiences ? IHANOI_JWT_AUD : IHANOI_JWT_OK;
    }

    if (!json_is_string(aud) && !json_is_array(aud)) {
        return IHANOI_JWT_AUD;
    }

    n = json_is_array(aud) ? json_array_size(aud) : 1;
    found = 0;

    for (i = 0; i < n; i++) {

        value = json_is_array(aud) ? json_array_get(aud, i) : aud;

        if (!json_is_string(value)) {
            return IHANOI_JWT_AUD;
        }

        for (k = 0; k < rules->naudiences; k++) {
            if (json_string_length(value) == rules->audiences[k].len
                && memcmp(json_string_value(value), rules->audiences[k].data,
                          rules->audiences[k].len) == 0)
            {
                found = 1;
            }
        }
    }

    if (rules->naudiences && !found) {
        return IHANOI_JWT_AUD;
    }

    return IHANOI_JWT_OK;
}


const char *
ihanoi_jwt_reason(ihanoi_jwt_e error)
{
    return ihanoi_jwt_texts[error].reason;
}


const char *
ihanoi_jwt_result(ihanoi_jwt_e error)
{
    return ihanoi_jwt_texts[error].result;
}
