/*
 * Copyright (C) iHaNoi contributors
 *
 * For tests of tokens: keys, a set of them, and the verdict on a token with
 * its reason.  Numbers A1 ... of the tests are rows of the attack list that
 * the project works down; rows that need a server are in tests/http.
 */

#ifndef _JWT_FIXTURE_H_INCLUDED_
#define _JWT_FIXTURE_H_INCLUDED_


#include <openssl/err.h>

#include "ihanoi_jwt.h"
#include "mint.h"
#include "tap.h"


#define NOW     1800000000.0
#define HEADER  "{\"alg\":\"RS256\",\"kid\":\"rsa\"}"
#define CLAIMS  "\"iss\":\"me\",\"sub\":\"a\",\"aud\":\"us\",\"iat\":1799999990"
#define GOOD    "{" CLAIMS ",\"exp\":1800000600}"


static char             error[256];
static mint_key_t      *rsa, *p256, *p384, *p521, *ed25519, *secret, *k256;
static ihanoi_jwks_t   *set;
static ihanoi_jwt_str_t audience[] = { { "us", 2 } };
static ihanoi_jwt_rules_t rules = { audience, 1, NULL, 0, 0, 0 };


/* All three steps, as the module takes them. */

static __attribute__((unused)) ihanoi_jwt_e
verdict_n(const char *token, size_t len)
{
    ihanoi_jwt_e          rc;
    ihanoi_jwt_t          jwt;
    ihanoi_jwt_claims_t   claims;
    const ihanoi_jwks_t  *sets[1];

    sets[0] = set;

    rc = ihanoi_jwt_parse(&jwt, token, len);

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_check(&jwt, &rules, NOW, &claims);
    }

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_verify(&jwt, sets, 1);
    }

    ihanoi_jwt_free(&jwt);

    if (ERR_peek_error() != 0) {
        ok(0, "an OpenSSL error was left behind");
        ERR_clear_error();
    }

    return rc;
}


static __attribute__((unused)) ihanoi_jwt_e
verdict(const char *token)
{
    return verdict_n(token, strlen(token));
}


#define is_verdict(token, expected, ...)                                      \
    tap_is_str(ihanoi_jwt_reason(verdict(token)),                             \
               ihanoi_jwt_reason(expected), __FILE__, __LINE__, __VA_ARGS__)


static __attribute__((unused)) void
header_is(const char *header, ihanoi_jwt_e expected)
{
    char  *token;

    token = mint_token(rsa, "RS256", header, GOOD);
    is_verdict(token, expected, "header %.100s", header);
    free(token);
}


static __attribute__((unused)) void
payload_is(const char *payload, ihanoi_jwt_e expected)
{
    char  *token;

    token = mint_token(rsa, "RS256", HEADER, payload);
    is_verdict(token, expected, "payload %.120s", payload);
    free(token);
}


/* `"iss":…,"sub":…,"aud":…,"iat":…` and more */

static __attribute__((unused)) void
claims_are(const char *more, ihanoi_jwt_e expected)
{
    char  payload[512];

    snprintf(payload, sizeof(payload), "{" CLAIMS ",%s}", more);
    payload_is(payload, expected);
}


static __attribute__((unused)) ihanoi_jwks_t *
jwt_build(void)
{
    char                   *text, *key;
    size_t                  i;
    ihanoi_jwks_t          *built;
    ihanoi_jwks_options_t   options;

    struct {
        mint_key_t  *key;
        const char  *more;
    } rows[] = {
        { rsa,     "\"kid\":\"rsa\",\"alg\":\"RS256\"" },
        { rsa,     "\"kid\":\"ps\",\"alg\":\"PS256\"" },
        { p256,    "\"kid\":\"p256\",\"alg\":\"ES256\"" },
        { p384,    "\"kid\":\"p384\",\"alg\":\"ES384\"" },
        { p521,    "\"kid\":\"p521\",\"alg\":\"ES512\"" },
        { ed25519, "\"kid\":\"ed\",\"alg\":\"EdDSA\"" },
        { secret,  "\"kid\":\"hs\",\"alg\":\"HS256\"" }
    };

    text = mint_alloc(16384);
    strcpy(text, "{\"keys\":[");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        key = mint_jwk(rows[i].key, rows[i].more);
        strcat(text, i ? "," : "");
        strcat(text, key);
        free(key);
    }

    strcat(text, "]}");

    memset(&options, 0, sizeof(options));
    built = ihanoi_jwks_parse(text, strlen(text), &options, error);
    free(text);

    if (built == NULL) {
        printf("Bail out! %s\n", error);
        exit(1);
    }

    return built;
}


static __attribute__((unused)) void
jwt_begin(void)
{
    rsa = mint_key("RSA-2048");
    p256 = mint_key("P-256");
    p384 = mint_key("P-384");
    p521 = mint_key("P-521");
    k256 = mint_key("secp256k1");
    ed25519 = mint_key("ED25519");
    secret = mint_secret("0123456789abcdef0123456789abcdef", 32);

    set = jwt_build();
}


/* Of every algorithm, with and without a kid. */

static __attribute__((unused)) void
jwt_good_tokens(void)
{
    size_t       i;
    char         header[128], *token;

    struct {
        mint_key_t  *key;
        const char  *alg, *kid;
    } rows[] = {
        { rsa, "RS256", "rsa" }, { rsa, "PS256", "ps" },
        { p256, "ES256", "p256" }, { p384, "ES384", "p384" },
        { p521, "ES512", "p521" }, { ed25519, "EdDSA", "ed" },
        { secret, "HS256", "hs" }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
                 rows[i].alg, rows[i].kid);
        token = mint_token(rows[i].key, rows[i].alg, header, GOOD);
        is_verdict(token, IHANOI_JWT_OK, "%s is taken", rows[i].alg);
        free(token);

        snprintf(header, sizeof(header), "{\"alg\":\"%s\"}", rows[i].alg);
        token = mint_token(rows[i].key, rows[i].alg, header, GOOD);
        is_verdict(token, IHANOI_JWT_OK, "%s without a kid", rows[i].alg);
        free(token);
    }
}


/* After all that was refused, good tokens still are taken. */

static __attribute__((unused)) int
jwt_end(void)
{
    jwt_good_tokens();

    ihanoi_jwks_free(set);
    mint_key_free(rsa);
    mint_key_free(p256);
    mint_key_free(p384);
    mint_key_free(p521);
    mint_key_free(k256);
    mint_key_free(ed25519);
    mint_key_free(secret);

    return done_testing();
}


#endif /* _JWT_FIXTURE_H_INCLUDED_ */
