/*
 * Copyright (C) iHaNoi contributors
 *
 * Fuzz target: a token, or a key set, from anybody.
 *
 * The first byte chooses: a token as it is; a header and a payload (parted by
 * a NUL) that are signed properly, so that the claims are reached; a key set.
 * Whatever comes, nothing unsigned is taken, and no OpenSSL error stays.
 */

#include <stdint.h>
#include <stdlib.h>

#include <openssl/err.h>

#include "ihanoi_jwk.h"
#include "ihanoi_jwt.h"
#include "../unit/mint.h"


#define NOW  1800000000.0


static ihanoi_jwks_t  *set;
static mint_key_t     *secret, *ec;


static void
check(int cond, const char *what)
{
    if (!cond) {
        fprintf(stderr, "fuzz token: %s\n", what);
        abort();
    }
}


static void
prepare(void)
{
    char                   *a, *b, *text, error[256];
    ihanoi_jwks_options_t   options;

    secret = mint_secret("0123456789abcdef0123456789abcdef", 32);
    ec = mint_key("P-256");

    a = mint_jwk(secret, "\"kid\":\"s\",\"alg\":\"HS256\"");
    b = mint_jwk(ec, "\"kid\":\"e\",\"alg\":\"ES256\"");
    text = mint_alloc(2048);
    sprintf(text, "{\"keys\":[%s,%s]}", a, b);

    memset(&options, 0, sizeof(options));
    set = ihanoi_jwks_parse(text, strlen(text), &options, error);
    check(set != NULL, error);

    free(a);
    free(b);
    free(text);
}


static ihanoi_jwt_e
verdict(const char *token, size_t len)
{
    ihanoi_jwt_e             rc;
    ihanoi_jwt_t             jwt;
    ihanoi_jwt_rules_t       rules;
    ihanoi_jwt_claims_t      claims;
    const ihanoi_jwks_t     *sets[1];
    static ihanoi_jwt_str_t  audience[] = { { "us", 2 } };

    memset(&rules, 0, sizeof(rules));
    rules.audiences = audience;
    rules.naudiences = 1;
    rules.max_lifetime = 3600;
    sets[0] = set;

    rc = ihanoi_jwt_parse(&jwt, token, len);

    if (rc == IHANOI_JWT_OK) {
        (void) ihanoi_jwt_verify(&jwt, sets, 1);
        rc = ihanoi_jwt_check(&jwt, &rules, NOW, &claims);
    }

    if (rc == IHANOI_JWT_OK) {

        /* what was checked is there */
        check(claims.sub.data != NULL && claims.exp > NOW, "no claims");

        rc = ihanoi_jwt_verify(&jwt, sets, 1);
    }

    ihanoi_jwt_free(&jwt);

    check(ERR_peek_error() == 0, "an OpenSSL error was left behind");

    return rc;
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                   *text, *token, error[256];
    const uint8_t          *nul;
    ihanoi_jwks_t          *keys;
    ihanoi_jwks_options_t   options;

    if (set == NULL) {
        prepare();
    }

    if (size < 1) {
        return 0;
    }

    /* exactly as long as it is, so that one byte too far is seen */

    text = mint_alloc(size);
    memcpy(text, data + 1, size - 1);
    size--;

    switch (data[0] % 3) {

    case 0:
        /* nobody can sign without the key */
        check(verdict(text, size) != IHANOI_JWT_OK, "a forged token was taken");
        break;

    case 1:
        nul = memchr(text, '\0', size);

        if (nul == NULL) {
            break;
        }

        token = mint_token_n(secret, "HS256", text,
                             (size_t) ((char *) nul - text),
                             (char *) nul + 1,
                             size - (size_t) ((char *) nul - text) - 1);
        (void) verdict(token, strlen(token));
        free(token);
        break;

    case 2:
        memset(&options, 0, sizeof(options));
        options.remote = size & 1;
        keys = ihanoi_jwks_parse(text, size, &options, error);
        check(keys == NULL || ihanoi_jwks_count(keys) > 0, "empty set");
        ihanoi_jwks_free(keys);
        check(ERR_peek_error() == 0, "an OpenSSL error was left behind");
        break;
    }

    free(text);

    return 0;
}
