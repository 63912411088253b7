/*
 * Copyright (C) iHaNoi contributors
 *
 * Against libjwt 1.10.2, the oracle: whatever HS, RS or ES token with "typ"
 * JWT the strict reader takes libjwt takes too, over honest tokens and many
 * damaged ones; and what libjwt takes that nobody should is refused here.
 */

#include <openssl/err.h>
#include <jwt.h>

#include "ihanoi_jwt.h"
#include "mint.h"
#include "tap.h"


#define NOW      1800000000.0
#define PAYLOAD  "{\"iss\":\"me\",\"sub\":\"a\",\"exp\":1800000600,"          \
                 "\"aud\":\"us\",\"name\":\"Nguy\xe1\xbb\x85n\",\"n\":-1.5}"

#define ROUNDS   6000


typedef struct {
    mint_key_t     *key;
    const char     *alg;
    const char     *kid;
    char           *pem;
    size_t          pem_len;
} row_t;


static ihanoi_jwks_t  *set;
static unsigned        seed = 1;


static unsigned
random_to(unsigned n)
{
    /* the same on every run */
    seed = seed * 1103515245 + 12345;

    return (seed >> 16) % n;
}


static int
strict(const char *token)
{
    ihanoi_jwt_e          rc;
    ihanoi_jwt_t          jwt;
    ihanoi_jwt_rules_t    rules;
    ihanoi_jwt_claims_t   claims;
    const ihanoi_jwks_t  *sets[1];

    memset(&rules, 0, sizeof(rules));
    sets[0] = set;

    rc = ihanoi_jwt_parse(&jwt, token, strlen(token));

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_check(&jwt, &rules, NOW, &claims);
    }

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_verify(&jwt, sets, 1);
    }

    ihanoi_jwt_free(&jwt);

    return rc == IHANOI_JWT_OK;
}


/* libjwt with the key, and the check of the algorithm that it leaves to us */

static int
lenient(const char *token, const row_t *row, int check)
{
    int     rc;
    jwt_t  *jwt;

    jwt = NULL;

    rc = jwt_decode(&jwt, token, (unsigned char *) row->pem,
                    (int) row->pem_len);

    if (rc == 0 && check) {
        rc = strcmp(jwt_alg_str(jwt_get_alg(jwt)), row->alg);
    }

    jwt_free(jwt);
    ERR_clear_error();

    return rc == 0;
}


static void
damage(char *token)
{
    size_t             len, i;
    static const char  bytes[] = "AZaz09-_.+/=~!\n \x80{}";

    len = strlen(token);
    i = random_to((unsigned) len);

    switch (random_to(4)) {

    case 0:
        token[i] = bytes[random_to(sizeof(bytes) - 1)];
        break;

    case 1:
        memmove(token + i, token + i + 1, len - i);
        break;

    case 2:
        memmove(token + i + 1, token + i, len - i + 1);
        token[i] = bytes[random_to(sizeof(bytes) - 1)];
        break;

    case 3:
        /* the last characters are where unused bits are */
        token[len - 1 - random_to(3)] = bytes[random_to(8)];
        break;
    }
}


int
main(void)
{
    char          *text, *key, *token, *copy, header[128];
    long           taken, both, disagree, libjwt_only;
    size_t         i, k, n;
    row_t         *row;
    unsigned       round;
    mint_key_t    *rsa, *p256, *p384, *p521, *hs;
    char           error[256];

    ihanoi_jwks_options_t  options;

    row_t rows[9];

    static const char *const algs[] = {
        "HS256", "HS384", "HS512", "RS256", "RS384", "RS512",
        "ES256", "ES384", "ES512"
    };

    rsa = mint_key("RSA-2048");
    p256 = mint_key("P-256");
    p384 = mint_key("P-384");
    p521 = mint_key("P-521");
    hs = mint_secret("0123456789abcdef0123456789abcdef"
                     "0123456789abcdef0123456789abcdef", 64);

    text = mint_alloc(16384);
    strcpy(text, "{\"keys\":[");

    for (i = 0; i < 9; i++) {
        row = &rows[i];
        row->alg = algs[i];
        row->kid = algs[i];
        row->key = i < 3 ? hs : i < 6 ? rsa : i == 6 ? p256 : i == 7 ? p384
                                                               : p521;
        if (i < 3) {
            row->pem = (char *) hs->secret;
            row->pem_len = hs->secret_len;
        } else {
            row->pem = mint_pem(row->key);
            row->pem_len = strlen(row->pem);
        }

        snprintf(header, sizeof(header), "\"alg\":\"%s\",\"kid\":\"%s\"",
                 row->alg, row->kid);
        key = mint_jwk(row->key, header);
        strcat(text, i ? "," : "");
        strcat(text, key);
        free(key);
    }

    strcat(text, "]}");
    memset(&options, 0, sizeof(options));
    set = ihanoi_jwks_parse(text, strlen(text), &options, error);
    free(text);

    if (!ok(set != NULL, "set")) {
        printf("# %s\n", error);
        return done_testing();
    }

    taken = both = disagree = libjwt_only = 0;

    for (i = 0; i < 9; i++) {
        row = &rows[i];
        snprintf(header, sizeof(header),
                 "{\"typ\":\"JWT\",\"alg\":\"%s\",\"kid\":\"%s\"}",
                 row->alg, row->kid);
        token = mint_token(row->key, row->alg, header, PAYLOAD);
        copy = mint_alloc(strlen(token) + 16);

        ok(strict(token) && lenient(token, row, 1), "%s: both take it",
           row->alg);

        /* libjwt parses PEM on each call, so asymmetric ones get fewer */

        n = i < 3 ? ROUNDS : ROUNDS / 10;

        for (round = 0; round < n; round++) {
            strcpy(copy, token);

            for (k = 0; k <= random_to(3); k++) {
                damage(copy);
            }

            if (strict(copy)) {
                taken++;

                if (strcmp(copy, token) != 0) {
                    ok(0, "%s: a damaged token was taken: %s", row->alg, copy);
                }

                if (lenient(copy, row, 1)) {
                    both++;
                } else {
                    disagree++;
                }

            } else {
                libjwt_only += lenient(copy, row, 1);
            }
        }

        free(copy);
        free(token);
    }

    is_int(disagree, 0, "libjwt takes what is taken here (%ld)", both);
    is_int(taken, both, "all of it");
    printf("# %ld damaged tokens were taken by libjwt and refused here\n",
           libjwt_only);
    ok(libjwt_only > 0, "libjwt takes other spellings, here they are refused");

    /* what libjwt takes and must not be */

    {
        struct {
            const char  *name, *header, *alg, *payload;
            size_t       oracle;               /* row whose key libjwt gets */
            mint_key_t  *signer;
        } table[] = {
            { "HS512 with the secret of HS256",
              "{\"alg\":\"HS512\",\"kid\":\"HS256\"}", "HS512", PAYLOAD, 0,
              hs },
            { "algorithm in lower case",
              "{\"alg\":\"hs256\",\"kid\":\"HS256\"}", "HS256", PAYLOAD, 0,
              hs },
            { "RS512 with the key of RS256",
              "{\"alg\":\"RS512\",\"kid\":\"RS256\"}", "RS512", PAYLOAD, 3,
              rsa },
            { "ES384 with a P-256 key",
              "{\"alg\":\"ES384\",\"kid\":\"ES256\"}", "ES384-P256", PAYLOAD, 6,
              p256 },
            { "crit that nobody understands",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"crit\":[\"x\"]}",
              "HS256", PAYLOAD, 0, hs },
            { "empty crit",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"crit\":[]}", "HS256",
              PAYLOAD, 0, hs },
            { "b64: false",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"b64\":false}", "HS256",
              PAYLOAD, 0, hs },
            { "typ that is no string",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\",\"typ\":5}", "HS256",
              PAYLOAD, 0, hs },
            { "alg twice",
              "{\"alg\":\"none\",\"alg\":\"HS256\",\"kid\":\"HS256\"}",
              "HS256", PAYLOAD, 0, hs },
            { "a claim twice", "{\"alg\":\"HS256\",\"kid\":\"HS256\"}",
              "HS256", "{\"sub\":\"a\",\"sub\":\"b\",\"exp\":1800000600}", 0,
              hs },
            { "payload that is an array",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\"}", "HS256", "[]", 0, hs },
            { "payload without exp",
              "{\"alg\":\"HS256\",\"kid\":\"HS256\"}", "HS256", "{}", 0, hs }
        };

        for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
            token = mint_token(table[i].signer, table[i].alg, table[i].header,
                               table[i].payload);
            ok(lenient(token, &rows[table[i].oracle], 0) && !strict(token),
               "libjwt takes it, here it is refused: %s", table[i].name);
            free(token);
        }
    }

    /* the PEM text as secret */

    for (i = 3; i < 9; i++) {
        mint_key_t  *forger;

        forger = mint_secret(rows[i].pem, rows[i].pem_len);
        snprintf(header, sizeof(header), "{\"alg\":\"HS256\",\"kid\":\"%s\"}",
                 rows[i].kid);
        token = mint_token(forger, "HS256", header, PAYLOAD);
        ok(lenient(token, &rows[i], 0) && !strict(token),
           "libjwt takes HS256 with the PEM of %s as secret, here it is "
           "refused", rows[i].alg);
        free(token);
        mint_key_free(forger);
    }

    for (i = 3; i < 9; i++) {
        free(rows[i].pem);
    }

    ihanoi_jwks_free(set);
    mint_key_free(rsa);
    mint_key_free(p256);
    mint_key_free(p384);
    mint_key_free(p521);
    mint_key_free(hs);

    return done_testing();
}
