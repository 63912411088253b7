/*
 * Copyright (C) iHaNoi contributors
 *
 * Tokens: what is taken and what is refused, and for which reason.  Numbers
 * A1 ... are rows of the attack list that the project works down; rows that
 * need a server are in tests/http.
 */

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

static ihanoi_jwt_e
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


static ihanoi_jwt_e
verdict(const char *token)
{
    return verdict_n(token, strlen(token));
}


#define is_verdict(token, expected, ...)                                      \
    tap_is_str(ihanoi_jwt_reason(verdict(token)),                             \
               ihanoi_jwt_reason(expected), __FILE__, __LINE__, __VA_ARGS__)


static void
header_is(const char *header, ihanoi_jwt_e expected)
{
    char  *token;

    token = mint_token(rsa, "RS256", header, GOOD);
    is_verdict(token, expected, "header %.100s", header);
    free(token);
}


static void
payload_is(const char *payload, ihanoi_jwt_e expected)
{
    char  *token;

    token = mint_token(rsa, "RS256", HEADER, payload);
    is_verdict(token, expected, "payload %.120s", payload);
    free(token);
}


/* `"iss":…,"sub":…,"aud":…,"iat":…` and more */

static void
claims_are(const char *more, ihanoi_jwt_e expected)
{
    char  payload[512];

    snprintf(payload, sizeof(payload), "{" CLAIMS ",%s}", more);
    payload_is(payload, expected);
}


static ihanoi_jwks_t *
build(void)
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


static void
good_tokens(void)
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


/* A1, A4, A5, A16: what the header says about the algorithm */

static void
algorithms(void)
{
    char         header[128], *token, *unsigned_token;
    size_t       i, k;

    static const char *const none[] = {
        "none", "None", "NONE", "nOnE", "none ", "", "null"
    };

    static const char *const wrong[][3] = {
        { "RS384", "rsa", "RS384" }, { "RS512", "rsa", "RS512" },
        { "PS256", "rsa", "PS256" }, { "RS256", "ps", "RS256" },
        { "PS384", "ps", "PS384" },  { "RS256", "rsa", "PS256" },
        { "RS256", "rsa", "RS1" },   { "RS256", "rsa", "RS512" },
    };

    for (i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"rsa\"}",
                 none[i]);
        header_is(header, IHANOI_JWT_ALG);

        token = mint_token(rsa, "RS256", header, GOOD);
        strrchr(token, '.')[1] = '\0';
        is_verdict(token, IHANOI_JWT_SEGMENTS, "and unsigned");

        *strrchr(token, '.') = '\0';
        is_verdict(token, IHANOI_JWT_SEGMENTS, "and without the last dot");
        free(token);
    }

    header_is("{\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":null,\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":256,\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":[\"RS256\"],\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":\"rs256\",\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":\"RS256 \",\"kid\":\"rsa\"}", IHANOI_JWT_ALG);
    header_is("{\"alg\":\"RS256\\u0000\",\"kid\":\"rsa\"}", IHANOI_JWT_HEADER);
    header_is("{\"alg\":\"ES256K\",\"kid\":\"rsa\"}", IHANOI_JWT_ALG);

    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        snprintf(header, sizeof(header), "{\"alg\":\"%s\",\"kid\":\"%s\"}",
                 wrong[i][0], wrong[i][1]);
        token = mint_token(rsa, wrong[i][2], header, GOOD);
        k = strcmp(wrong[i][0], "RS256") == 0
            && strcmp(wrong[i][1], "rsa") == 0;
        is_verdict(token, k ? IHANOI_JWT_SIGNATURE : IHANOI_JWT_KEY_ALG,
                   "A4: header %s, signed with %s, key %s", wrong[i][0],
                   wrong[i][2], wrong[i][1]);
        free(token);
    }

    token = mint_token(secret, "HS512", "{\"alg\":\"HS512\",\"kid\":\"hs\"}",
                       GOOD);
    is_verdict(token, IHANOI_JWT_KEY_ALG, "A4: HS512 with the HS256 secret");
    free(token);

    token = mint_token(p384, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p384\"}",
                       GOOD);
    is_verdict(token, IHANOI_JWT_KEY_ALG, "A5: ES256 of the P-384 key");
    free(token);

    token = mint_token(p384, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\"}",
                       GOOD);
    is_verdict(token, IHANOI_JWT_SIGNATURE, "A5: the same under P-256's kid");
    free(token);

    token = mint_token(k256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\"}",
                       GOOD);
    is_verdict(token, IHANOI_JWT_SIGNATURE, "A5: secp256k1");
    free(token);

    token = mint_token(p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p384\"}",
                       GOOD);
    is_verdict(token, IHANOI_JWT_KEY_ALG, "A5: P-256 under P-384's kid");
    free(token);

    unsigned_token = mint_token(rsa, "RS256", HEADER, GOOD);
    is_verdict(unsigned_token, IHANOI_JWT_OK, "and the good one still is");
    free(unsigned_token);
}


/* A3, A6: the public key, in whatever form, as a secret */

static void
confusion(void)
{
    char           *jwk, *pem, *token, *n;
    size_t          i, k, len;
    mint_key_t     *forger, *keys[4];
    unsigned char  *der;

    struct {
        const void  *data;
        size_t       len;
    } forms[6];

    static const char *const kids[] = { "rsa", "p256", "p384", "hs" };

    keys[0] = rsa;
    keys[1] = p256;
    keys[2] = p384;
    keys[3] = ed25519;

    for (i = 0; i < 4; i++) {
        pem = mint_pem(keys[i]);
        jwk = mint_jwk(keys[i], "");
        len = mint_der(keys[i], &der);
        n = (i == 0) ? mint_bn(keys[i]->pkey, OSSL_PKEY_PARAM_RSA_N, 0) : jwk;

        forms[0].data = pem;
        forms[0].len = strlen(pem);
        forms[1].data = pem;
        forms[1].len = strlen(pem) - 1;
        forms[2].data = der;
        forms[2].len = len;
        forms[3].data = jwk;
        forms[3].len = strlen(jwk);
        forms[4].data = n;
        forms[4].len = strlen(n);
        forms[5].data = "";
        forms[5].len = 0;

        for (k = 0; k < 6; k++) {
            static const char *const algs[] = { "HS256", "HS384", "HS512" };
            size_t  a, kid;
            char    header[64];

            forger = mint_secret(forms[k].data, forms[k].len);

            for (a = 0; a < 3; a++) {
                for (kid = 0; kid < 4; kid++) {
                    snprintf(header, sizeof(header),
                             "{\"alg\":\"%s\",\"kid\":\"%s\"}", algs[a],
                             kids[kid]);
                    token = mint_token(forger, algs[a], header, GOOD);

                    if (verdict(token) == IHANOI_JWT_OK) {
                        ok(0, "A3: key %d, form %d, %s", (int) i, (int) k,
                           header);
                    }

                    free(token);
                }
            }

            mint_key_free(forger);
        }

        if (n != jwk) {
            free(n);
        }

        free(pem);
        free(jwk);
        free(der);
    }

    ok(1, "A3, A6: a public key or nothing as secret is never taken (288)");
}


/* A2: every bit of the signature; A17: every byte of the token */

static void
mutations(void)
{
    char       *token, *copy, *other;
    size_t      len, i, start, taken;
    int         c;

    token = mint_token(p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\"}",
                       GOOD);
    len = strlen(token);
    copy = mint_alloc(len + 2);
    start = strrchr(token, '.') + 1 - token;
    taken = 0;

    for (i = 0; i < len; i++) {
        for (c = 0; c < 256; c++) {
            memcpy(copy, token, len + 1);

            if ((unsigned char) copy[i] == c) {
                continue;
            }

            /* all bytes around the signature's, in steps elsewhere */

            if (i < start && (i * 7 + c) % 11) {
                continue;
            }

            copy[i] = (char) c;
            taken += (verdict_n(copy, len) == IHANOI_JWT_OK);
        }
    }

    is_int(taken, 0, "A2, A17: no changed byte anywhere is taken");

    taken = 0;

    for (i = 0; i < len; i++) {
        taken += (verdict_n(token, i) == IHANOI_JWT_OK);
    }

    is_int(taken, 0, "A2: no shorter token is taken");

    taken = 0;

    for (i = 0; i <= len; i++) {
        for (c = 0; c < 256; c++) {
            if ((i * 5 + c) % 3) {
                continue;
            }

            memcpy(copy, token, i);
            copy[i] = (char) c;
            memcpy(copy + i + 1, token + i, len - i);
            taken += (verdict_n(copy, len + 1) == IHANOI_JWT_OK);
        }
    }

    is_int(taken, 0, "A17: no inserted byte anywhere is taken");

    other = mint_token(p256, "ES256", "{\"alg\":\"ES256\",\"kid\":\"p256\"}",
                       "{" CLAIMS ",\"exp\":1800000601}");
    strcpy(copy, token);
    strcpy(copy + start, strrchr(other, '.') + 1);
    is_verdict(copy, IHANOI_JWT_SIGNATURE, "A2: another token's signature");

    is_verdict(token, IHANOI_JWT_OK, "and the token itself still is");

    free(token);
    free(other);
    free(copy);
}


/* A17: spellings of one token that lenient readers take */

static void
spellings(void)
{
    char    *token, *copy, *h, *p, *s;
    size_t   len, i;

    static const struct {
        const char    *format;
        ihanoi_jwt_e   expected;
    } rows[] = {
        { "%s.%s.%s=", IHANOI_JWT_BASE64 },
        { "%s.%s.%s==", IHANOI_JWT_BASE64 },
        { "%s=.%s.%s", IHANOI_JWT_BASE64 },
        { "%s.%s=.%s", IHANOI_JWT_BASE64 },
        { " %s.%s.%s", IHANOI_JWT_BASE64 },
        { "%s.%s.%s ", IHANOI_JWT_BASE64 },
        { "%s.%s.%s\n", IHANOI_JWT_BASE64 },
        { "%s.%s.\t%s", IHANOI_JWT_BASE64 },
        { "%s.%s.%s.", IHANOI_JWT_SEGMENTS },
        { "%s.%s.%s.x", IHANOI_JWT_SEGMENTS },
        { ".%s.%s.%s", IHANOI_JWT_SEGMENTS },
        { "%s..%s.%s", IHANOI_JWT_SEGMENTS },
        { "%s.%s", IHANOI_JWT_SEGMENTS },
        { "%s", IHANOI_JWT_SEGMENTS },
        { "%s.%s.", IHANOI_JWT_SEGMENTS },
        { "%s..", IHANOI_JWT_SEGMENTS },
        { "..", IHANOI_JWT_SEGMENTS },
        { "...", IHANOI_JWT_SEGMENTS },
        { "....", IHANOI_JWT_SEGMENTS },
        { ".", IHANOI_JWT_SEGMENTS },
        { "", IHANOI_JWT_SEGMENTS }
    };

    /* RS256 of 2048 bits: 342 characters, the last with 4 unused bits */

    token = mint_token(rsa, "RS256", HEADER, GOOD);
    len = strlen(token);
    copy = mint_alloc(len + 16);

    h = strcpy(mint_alloc(len + 1), token);
    p = strchr(h, '.');
    *p++ = '\0';
    s = strchr(p, '.');
    *s++ = '\0';

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(copy, len + 16, rows[i].format, h, p, s);
#pragma GCC diagnostic pop
        is_verdict(copy, rows[i].expected, "A17: \"%s\"", rows[i].format);
    }

    for (i = 1; i < 16; i++) {
        static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";

        strcpy(copy, token);
        copy[len - 1] = abc[(strchr(abc, copy[len - 1]) - abc) ^ i];

        if (verdict(copy) != IHANOI_JWT_BASE64) {
            ok(0, "A17: unused bits %d", (int) i);
        }
    }

    ok(1, "A17: unused bits of the signature must be zero");

    /* HS256: 43 characters, the last with 2 unused bits */

    for (i = 1; i < 4; i++) {
        static const char  abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                   "abcdefghijklmnopqrstuvwxyz0123456789-_";
        char  *hs, *last;

        hs = mint_token(secret, "HS256", "{\"alg\":\"HS256\",\"kid\":\"hs\"}",
                        GOOD);
        last = hs + strlen(hs) - 1;
        *last = abc[(strchr(abc, *last) - abc) ^ i];
        is_verdict(hs, IHANOI_JWT_BASE64, "A17: two unused bits, %d", (int) i);
        free(hs);
    }

    strcpy(copy, token);
    copy[len - 1] = '\0';
    is_verdict(copy, IHANOI_JWT_BASE64, "A17: length 1 modulo 4");

    free(token);
    free(copy);
    free(h);
}


/* A7, A8, A12, A13, A14, A15, A16: members of the header */

static void
headers(void)
{
    size_t  i;
    char    kid[600], header[700], *token, *jwk;

    static const struct {
        const char    *more;
        ihanoi_jwt_e   expected;
    } rows[] = {
        { "\"typ\":\"JWT\"", IHANOI_JWT_OK },
        { "\"typ\":\"jwt\"", IHANOI_JWT_OK },
        { "\"typ\":\"at+jwt\"", IHANOI_JWT_OK },
        { "\"typ\":\"application/at+jwt\"", IHANOI_JWT_OK },
        { "\"typ\":\"application\\/at+jwt\"", IHANOI_JWT_OK },
        { "\"typ\":\"dpop+jwt\"", IHANOI_JWT_TYP },
        { "\"typ\":\"logout+jwt\"", IHANOI_JWT_TYP },
        { "\"typ\":\"secevent+jwt\"", IHANOI_JWT_TYP },
        { "\"typ\":\"id+jwt\"", IHANOI_JWT_TYP },
        { "\"typ\":\"\"", IHANOI_JWT_TYP },
        { "\"typ\":5", IHANOI_JWT_TYP },
        { "\"typ\":null", IHANOI_JWT_TYP },
        { "\"typ\":[\"JWT\"]", IHANOI_JWT_TYP },

        { "\"crit\":[\"exp\"]", IHANOI_JWT_CRIT },
        { "\"crit\":[]", IHANOI_JWT_CRIT },
        { "\"crit\":null", IHANOI_JWT_CRIT },
        { "\"crit\":\"alg\"", IHANOI_JWT_CRIT },
        { "\"crit\":[\"alg\"]", IHANOI_JWT_CRIT },
        { "\"crit\":[\"b64\"],\"b64\":false", IHANOI_JWT_CRIT },
        { "\"crit\":[\"x\",\"x\"],\"x\":1", IHANOI_JWT_CRIT },
        { "\"b64\":false", IHANOI_JWT_CRIT },
        { "\"b64\":true", IHANOI_JWT_CRIT },
        { "\"zip\":\"DEF\"", IHANOI_JWT_CRIT },
        { "\"enc\":\"A128GCM\"", IHANOI_JWT_CRIT },

        { "\"cty\":\"JWT\"", IHANOI_JWT_NESTED },
        { "\"cty\":\"jwt\"", IHANOI_JWT_NESTED },
        { "\"cty\":\"application/jwt\"", IHANOI_JWT_NESTED },

        { "\"jku\":\"http://127.0.0.1:1/\"", IHANOI_JWT_OK },
        { "\"x5u\":\"http://127.0.0.1:1/\"", IHANOI_JWT_OK },
        { "\"x5c\":[\"AAAA\"]", IHANOI_JWT_OK },
        { "\"unknown\":{\"a\":[1,2,{}]}", IHANOI_JWT_OK },

        { "\"alg\":\"RS256\"", IHANOI_JWT_HEADER },
        { "\"alg\":\"none\"", IHANOI_JWT_HEADER },
        { "\"Alg\":\"none\"", IHANOI_JWT_HEADER },
        { "\"ALG\":\"RS256\"", IHANOI_JWT_HEADER },
        { "\"Crit\":[\"x\"]", IHANOI_JWT_HEADER },
        { "\"KID\":\"x\"", IHANOI_JWT_HEADER },
        { "\"\\u0061lg\":\"none\"", IHANOI_JWT_HEADER },
        { "\"x\\u0041\":1", IHANOI_JWT_HEADER },
        { "\"kid\":\"rsa\"", IHANOI_JWT_HEADER }
    };

    static const struct {
        const char    *header;
        ihanoi_jwt_e   expected;
    } whole[] = {
        { "[]", IHANOI_JWT_HEADER },
        { "\"RS256\"", IHANOI_JWT_HEADER },
        { "null", IHANOI_JWT_HEADER },
        { "{}", IHANOI_JWT_ALG },
        { "{", IHANOI_JWT_HEADER },
        { " " HEADER " ", IHANOI_JWT_OK },
        { HEADER "x", IHANOI_JWT_HEADER },
        { HEADER HEADER, IHANOI_JWT_HEADER },
        { "\xef\xbb\xbf" HEADER, IHANOI_JWT_HEADER },
        { "{\"alg\":\"RS256\",\"kid\":\"rsa\",}", IHANOI_JWT_HEADER },
        { "{'alg':'RS256'}", IHANOI_JWT_HEADER },
        { "{\"alg\":\"RS256\",\"kid\":\"\\u0072sa\"}", IHANOI_JWT_OK },
        { "{\"\\u0061lg\":\"RS256\",\"kid\":\"rsa\"}", IHANOI_JWT_HEADER },
        { "{\"\\u0061lg\" : \"RS256\",\"kid\":\"rsa\"}", IHANOI_JWT_HEADER },

        { "{\"alg\":\"RS256\",\"kid\":\"other\"}", IHANOI_JWT_KEY },
        { "{\"alg\":\"RS256\",\"kid\":\"\"}", IHANOI_JWT_KID },
        { "{\"alg\":\"RS256\",\"kid\":5}", IHANOI_JWT_KID },
        { "{\"alg\":\"RS256\",\"kid\":null}", IHANOI_JWT_KID },
        { "{\"alg\":\"RS256\",\"kid\":[\"rsa\"]}", IHANOI_JWT_KID },
        { "{\"alg\":\"RS256\",\"kid\":\"rsa\\u0000\"}", IHANOI_JWT_HEADER },
        { "{\"alg\":\"RS256\",\"kid\":\"RSA\"}", IHANOI_JWT_KEY },
        { "{\"alg\":\"RS256\",\"kid\":\"../../dev/null\"}", IHANOI_JWT_KEY },
        { "{\"alg\":\"RS256\",\"kid\":\"/dev/null\"}", IHANOI_JWT_KEY },
        { "{\"alg\":\"RS256\",\"kid\":\"x' union select 'k\"}",
          IHANOI_JWT_KEY },
        { "{\"alg\":\"RS256\",\"kid\":\"|sleep 10\"}", IHANOI_JWT_KEY },
        { "{\"alg\":\"ES256\",\"kid\":\"rsa\"}", IHANOI_JWT_KEY_ALG }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(header, sizeof(header),
                 "{\"alg\":\"RS256\",\"kid\":\"rsa\",%s}", rows[i].more);
        header_is(header, rows[i].expected);
    }

    for (i = 0; i < sizeof(whole) / sizeof(whole[0]); i++) {
        header_is(whole[i].header, whole[i].expected);
    }

    memset(kid, 'k', sizeof(kid));
    kid[256] = '\0';
    snprintf(header, sizeof(header), "{\"alg\":\"RS256\",\"kid\":\"%s\"}", kid);
    header_is(header, IHANOI_JWT_KID);

    token = mint_token_n(rsa, "RS256", HEADER "\0", sizeof(HEADER), GOOD,
                         strlen(GOOD));
    is_verdict(token, IHANOI_JWT_HEADER, "A18: NUL after the header");
    free(token);

    /* A7: the key in the token is not a key */

    {
        char        *big;
        mint_key_t  *mine;

        mine = mint_key("RSA-2048");
        jwk = mint_jwk(mine, "");
        big = mint_alloc(strlen(jwk) + 100);

        sprintf(big, "{\"alg\":\"RS256\",\"jwk\":%s}", jwk);
        token = mint_token(mine, "RS256", big, GOOD);
        is_verdict(token, IHANOI_JWT_SIGNATURE, "A7: signed by its own jwk");
        free(token);

        sprintf(big, "{\"alg\":\"RS256\",\"kid\":\"rsa\",\"jwk\":%s}", jwk);
        token = mint_token(mine, "RS256", big, GOOD);
        is_verdict(token, IHANOI_JWT_SIGNATURE, "A7: with our kid");
        free(token);
        free(jwk);
        free(big);
        mint_key_free(mine);
    }

    /* A12: a place may ask for one type */

    {
        static ihanoi_jwt_str_t  types[] = { { "at+jwt", 6 } };

        rules.types = types;
        rules.ntypes = 1;
        header_is(HEADER, IHANOI_JWT_TYP);
        header_is("{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"JWT\"}",
                  IHANOI_JWT_TYP);
        header_is("{\"alg\":\"RS256\",\"kid\":\"rsa\",\"typ\":\"AT+JWT\"}",
                  IHANOI_JWT_OK);
        rules.types = NULL;
        rules.ntypes = 0;
    }
}


/* A14: other serializations and encrypted tokens */

static void
serializations(void)
{
    size_t  i;

    static const char *const rows[] = {
        /* flattened and general JSON, RFC 7515 A.6, A.7 */
        "{\"payload\":\"e30\",\"protected\":\"e30\",\"signature\":\"AA\"}",
        "{\"payload\":\"e30\",\"signatures\":[{\"signature\":\"AA\"}]}",
        /* five parts, RFC 7516 A.1 */
        "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.AA.AA.AA.AA",
        /* PBES2 with an endless count */
        ("eyJhbGciOiJQQkVTMi1IUzUxMitBMjU2S1ciLCJwMmMiOjIxNDc0ODM2NDd9"
         ".AA.AA.AA.AA"),
        "eyJhbGciOiJkaXIifQ..AA.AA.AA"
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        ok(verdict(rows[i]) != IHANOI_JWT_OK, "A14: %.40s", rows[i]);
    }

    /* the header of a JWE in three parts */

    header_is("{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"}", IHANOI_JWT_CRIT);
    header_is("{\"alg\":\"PBES2-HS512+A256KW\",\"p2c\":2147483647}",
              IHANOI_JWT_ALG);
}


/* A18 and the shape of the payload */

static void
payloads(void)
{
    char    *token, *big, *p;
    int      i;

    static const char *const bad[] = {
        "", "[]", "5", "\"a\"", "null", "true", "{", "{}x", "{} {}",
        "\xef\xbb\xbf" GOOD, GOOD "x", GOOD ",",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\xff\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\xc0\xaf\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\xed\xa0\x80\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\\ud800\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\\u0000\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":\"\n\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":NaN}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":1e400}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":1e-9999}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":[-0.0E-00001000]}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":0e99999999999999999999}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":01}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":99999999999999999999}",
        "{" CLAIMS ",\"exp\":1800000600,\"exp\":1900000600}",
        "{" CLAIMS ",\"exp\":1800000600,\"sub\":\"admin\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"Sub\":\"admin\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"SUB\":\"admin\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"s\\u0075b\":\"admin\"}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\\u0041\":1}",
        "{" CLAIMS ",\"exp\":1800000600,\"x\":{\"a\":1,\"a\":2}}"
    };

    for (i = 0; i < (int) (sizeof(bad) / sizeof(bad[0])); i++) {
        if (bad[i][0] == '\0') {
            continue;
        }
        payload_is(bad[i], IHANOI_JWT_PAYLOAD);
    }

    claims_are("\"exp\":1800000600,\"x\":\"Nguy\\u1ec5n\"", IHANOI_JWT_OK);
    claims_are("\"exp\":1800000600,\"https:\\/\\/x\":1", IHANOI_JWT_OK);
    claims_are("\"exp\":1800000600,\"x\":\"a\\\"b\\\\\"", IHANOI_JWT_OK);

    token = mint_token_n(rsa, "RS256", HEADER, strlen(HEADER), GOOD "\0{}",
                         strlen(GOOD) + 3);
    is_verdict(token, IHANOI_JWT_PAYLOAD, "A18: NUL and more after the object");
    free(token);

    /* depth: 32 levels with the object itself */

    big = mint_alloc(20000);

    for (i = 30; i <= 33; i++) {
        p = big + sprintf(big, "{" CLAIMS ",\"exp\":1800000600,\"x\":");
        memset(p, '[', (size_t) i);
        memset(p + i, ']', (size_t) i);
        strcpy(p + 2 * i, "}");
        payload_is(big, i < 32 ? IHANOI_JWT_OK : IHANOI_JWT_PAYLOAD);
    }

    memset(big, '[', 5000);
    big[5000] = '\0';
    payload_is(big, IHANOI_JWT_PAYLOAD);
    memset(big, ']', 5000);
    payload_is(big, IHANOI_JWT_PAYLOAD);

    /* size: 8 KB of token */

    p = big + sprintf(big, "{" CLAIMS ",\"exp\":1800000600,\"x\":\"");
    memset(p, 'x', 5500);
    strcpy(p + 5500, "\"}");
    payload_is(big, IHANOI_JWT_OK);
    memset(p, 'x', 6000);
    strcpy(p + 6000, "\"}");
    payload_is(big, IHANOI_JWT_SIZE);
    free(big);

    /* memory: a very long token is refused before anything is done */

    big = mint_alloc(20000000);
    memset(big, 'A', 20000000);
    is_int(verdict_n(big, 20000000), IHANOI_JWT_SIZE, "20 MB are refused");
    free(big);
}


/* A10, A11, A12: claims */

static void
claims(void)
{
    size_t  i;
    char    payload[1024], name[300];

    static const struct {
        const char    *claims;
        ihanoi_jwt_e   expected;
    } rows[] = {
        { "\"exp\":1800000001", IHANOI_JWT_OK },
        { "\"exp\":1800000000", IHANOI_JWT_EXPIRED },
        { "\"exp\":1799999999", IHANOI_JWT_EXPIRED },
        { "\"exp\":1800000000.5", IHANOI_JWT_OK },
        { "\"exp\":1.8000006e9", IHANOI_JWT_OK },
        { "\"exp\":0", IHANOI_JWT_EXPIRED },
        { "\"exp\":-1", IHANOI_JWT_EXP },
        { "\"exp\":-0.5", IHANOI_JWT_EXP },
        { "\"exp\":\"1800000600\"", IHANOI_JWT_EXP },
        { "\"exp\":null", IHANOI_JWT_EXP },
        { "\"exp\":true", IHANOI_JWT_EXP },
        { "\"exp\":[1800000600]", IHANOI_JWT_EXP },
        { "\"exp\":{}", IHANOI_JWT_EXP },
        { "\"x\":1", IHANOI_JWT_EXP },
        { "\"exp\":9007199254740992", IHANOI_JWT_OK },
        { "\"exp\":9223372036854775807", IHANOI_JWT_OK },
        { "\"exp\":9223372036854775808", IHANOI_JWT_PAYLOAD },
        { "\"exp\":1e400", IHANOI_JWT_PAYLOAD },
        { "\"exp\":1e308", IHANOI_JWT_OK },
        { "\"exp\":1800000600,\"x\":[1e-999,0e0000,2E+0012,true,false]",
          IHANOI_JWT_OK },

        { "\"exp\":1800000600,\"nbf\":1800000000", IHANOI_JWT_OK },
        { "\"exp\":1800000600,\"nbf\":1800000001", IHANOI_JWT_EARLY },
        { "\"exp\":1800000600,\"nbf\":1800000000.5", IHANOI_JWT_EARLY },
        { "\"exp\":1800000600,\"nbf\":0", IHANOI_JWT_OK },
        { "\"exp\":1800000600,\"nbf\":-1", IHANOI_JWT_NBF },
        { "\"exp\":1800000600,\"nbf\":\"1\"", IHANOI_JWT_NBF },
        { "\"exp\":1800000600,\"nbf\":null", IHANOI_JWT_NBF },
        { "\"exp\":1800000600,\"nbf\":false", IHANOI_JWT_NBF },

        { "\"exp\":1800000600,\"jti\":\"x\",\"sid\":\"y\"", IHANOI_JWT_OK },
        { "\"exp\":1800000600,\"jti\":5", IHANOI_JWT_CLAIM },
        { "\"exp\":1800000600,\"jti\":\"\"", IHANOI_JWT_CLAIM },
        { "\"exp\":1800000600,\"sid\":null", IHANOI_JWT_CLAIM },
        { "\"exp\":1800000600,\"sid\":\"a\\nb\"", IHANOI_JWT_CLAIM },

        { "\"exp\":1800000600,\"at_hash\":\"x\"", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"c_hash\":\"x\"", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"events\":{}", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"typ\":\"Refresh\"", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"typ\":\"ID\"", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"typ\":\"Logout\"", IHANOI_JWT_PURPOSE },
        { "\"exp\":1800000600,\"typ\":\"Bearer\"", IHANOI_JWT_OK },
        { "\"exp\":1800000600,\"cnf\":{\"jkt\":\"x\"}", IHANOI_JWT_BOUND },
        { "\"exp\":1800000600,\"cnf\":null", IHANOI_JWT_BOUND }
    };

    static const struct {
        const char    *iat;
        ihanoi_jwt_e   expected;
    } issued[] = {
        { "1800000005", IHANOI_JWT_OK }, { "1800000006", IHANOI_JWT_IAT },
        { "1e308", IHANOI_JWT_IAT }, { "-1", IHANOI_JWT_IAT },
        { "\"1\"", IHANOI_JWT_IAT }, { "null", IHANOI_JWT_IAT },
        { "[]", IHANOI_JWT_IAT }, { "0", IHANOI_JWT_OK },
        { "1799999999.5", IHANOI_JWT_OK }
    };

    static const struct {
        const char    *aud;
        ihanoi_jwt_e   expected;
    } audiences[] = {
        { "\"us\"", IHANOI_JWT_OK }, { "\"them\"", IHANOI_JWT_AUD },
        { "\"US\"", IHANOI_JWT_AUD }, { "\"us \"", IHANOI_JWT_AUD },
        { "\"u\"", IHANOI_JWT_AUD }, { "\"\"", IHANOI_JWT_AUD },
        { "[\"them\",\"us\"]", IHANOI_JWT_OK },
        { "[\"them\"]", IHANOI_JWT_AUD }, { "[]", IHANOI_JWT_AUD },
        { "[\"us\",5]", IHANOI_JWT_AUD }, { "[[\"us\"]]", IHANOI_JWT_AUD },
        { "{\"us\":1}", IHANOI_JWT_AUD }, { "5", IHANOI_JWT_AUD },
        { "null", IHANOI_JWT_AUD }, { "true", IHANOI_JWT_AUD }
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        claims_are(rows[i].claims, rows[i].expected);
    }

    for (i = 0; i < sizeof(issued) / sizeof(issued[0]); i++) {
        snprintf(payload, sizeof(payload), "{\"iss\":\"me\",\"sub\":\"a\","
                 "\"aud\":\"us\",\"exp\":1800000600,\"iat\":%s}",
                 issued[i].iat);
        payload_is(payload, issued[i].expected);
    }

    for (i = 0; i < sizeof(audiences) / sizeof(audiences[0]); i++) {
        snprintf(payload, sizeof(payload), "{\"iss\":\"me\",\"sub\":\"a\","
                 "\"exp\":1800000600,\"aud\":%s}", audiences[i].aud);
        payload_is(payload, audiences[i].expected);
    }

    payload_is("{\"iss\":\"me\",\"sub\":\"a\",\"exp\":1800000600}",
               IHANOI_JWT_AUD);

    rules.naudiences = 0;
    payload_is("{\"iss\":\"me\",\"sub\":\"a\",\"exp\":1800000600}",
               IHANOI_JWT_OK);
    payload_is("{\"iss\":\"me\",\"sub\":\"a\",\"exp\":1800000600,\"aud\":5}",
               IHANOI_JWT_AUD);
    payload_is("{\"sub\":\"a\",\"exp\":1800000600}", IHANOI_JWT_OK);
    payload_is("{\"iss\":5,\"sub\":\"a\",\"exp\":1800000600}", IHANOI_JWT_ISS);
    payload_is("{\"iss\":\"\",\"sub\":\"a\",\"exp\":1800000600}",
               IHANOI_JWT_ISS);
    payload_is("{\"iss\":\"a b\",\"sub\":\"a\",\"exp\":1800000600}",
               IHANOI_JWT_ISS);
    payload_is("{\"iss\":\"a\\tb\",\"sub\":\"a\",\"exp\":1800000600}",
               IHANOI_JWT_ISS);
    payload_is("{\"iss\":\"me\",\"exp\":1800000600}", IHANOI_JWT_SUB);
    payload_is("{\"sub\":\"\",\"exp\":1800000600}", IHANOI_JWT_SUB);
    payload_is("{\"sub\":5,\"exp\":1800000600}", IHANOI_JWT_SUB);
    payload_is("{\"sub\":\"a\\u0007\",\"exp\":1800000600}", IHANOI_JWT_SUB);
    payload_is("{\"sub\":\"a b\",\"exp\":1800000600}", IHANOI_JWT_OK);

    memset(name, 'n', sizeof(name));
    name[255] = '\0';
    snprintf(payload, sizeof(payload), "{\"sub\":\"%s\",\"exp\":1800000600}",
             name);
    payload_is(payload, IHANOI_JWT_OK);
    name[255] = 'n';
    name[256] = '\0';
    snprintf(payload, sizeof(payload), "{\"sub\":\"%s\",\"exp\":1800000600}",
             name);
    payload_is(payload, IHANOI_JWT_SUB);
    rules.naudiences = 1;

    rules.leeway = 30;
    claims_are("\"exp\":1799999971", IHANOI_JWT_OK);
    claims_are("\"exp\":1799999970", IHANOI_JWT_EXPIRED);
    claims_are("\"exp\":1800000600,\"nbf\":1800000030", IHANOI_JWT_OK);
    claims_are("\"exp\":1800000600,\"nbf\":1800000031", IHANOI_JWT_EARLY);
    rules.leeway = 0;

    rules.max_lifetime = 3600;
    claims_are("\"exp\":1800003590", IHANOI_JWT_OK);
    claims_are("\"exp\":1800003591", IHANOI_JWT_LIFETIME);
    claims_are("\"exp\":9223372036854775807", IHANOI_JWT_LIFETIME);
    payload_is("{\"iss\":\"me\",\"sub\":\"a\",\"aud\":\"us\","
               "\"exp\":1800003600}", IHANOI_JWT_OK);
    payload_is("{\"iss\":\"me\",\"sub\":\"a\",\"aud\":\"us\","
               "\"exp\":1800003601}", IHANOI_JWT_LIFETIME);
    rules.max_lifetime = 0;
}


/* A19, A20: forms of signatures, over what the honest key signed */

static void
signatures(void)
{
    char           *input, *token, *sig, *h, *p;
    size_t          i, n, len;
    BIGNUM         *order, *s;
    EC_GROUP       *group;
    unsigned char   raw[200], *made, digest[32];
    unsigned int    dlen;

    h = mint_b64("{\"alg\":\"ES256\",\"kid\":\"p256\"}", 28);
    p = mint_b64(GOOD, strlen(GOOD));
    input = mint_alloc(1000);
    token = mint_alloc(2000);
    sprintf(input, "%s.%s", h, p);
    len = mint_signature(p256, "ES256", input, strlen(input), &made);

    group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    order = BN_dup(EC_GROUP_get0_order(group));

#define es(bytes, n, expected, ...)                                           \
    sig = mint_b64(bytes, n);                                                 \
    sprintf(token, "%s.%s", input, sig);                                      \
    is_verdict(token, expected, __VA_ARGS__);                                 \
    free(sig);

    es(made, len, IHANOI_JWT_OK, "A19: the signature itself");

    memset(raw, 0, sizeof(raw));
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: r = s = 0");

    memcpy(raw, made, 64);
    memset(raw, 0, 32);
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: r = 0");

    memcpy(raw, made, 64);
    memset(raw + 32, 0, 32);
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: s = 0");

    memcpy(raw, made, 64);
    BN_bn2binpad(order, raw + 32, 32);
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: s = n");

    memcpy(raw, made, 64);
    BN_bn2binpad(order, raw, 32);
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: r = n");

    memset(raw, 0xff, 64);
    es(raw, 64, IHANOI_JWT_SIGNATURE, "A19: r and s above n");

    es(made, 63, IHANOI_JWT_SIGNATURE, "A19: one byte short");
    memcpy(raw, made, 64);
    raw[64] = 0;
    es(raw, 65, IHANOI_JWT_SIGNATURE, "A19: one byte long");
    es(raw, 1, IHANOI_JWT_SIGNATURE, "A19: one byte");
    es(raw, 128, IHANOI_JWT_SIGNATURE, "A19: 128 bytes");

    /* with high s it is a valid signature, hence nothing is keyed on text */

    s = BN_bin2bn(made + 32, 32, NULL);
    BN_sub(s, order, s);
    memcpy(raw, made, 32);
    BN_bn2binpad(s, raw + 32, 32);
    es(raw, 64, IHANOI_JWT_OK, "A19: n - s is taken");
    BN_free(s);

    /* DER, as OpenSSL writes it */

    {
        const BIGNUM  *r0, *s0;
        ECDSA_SIG     *ecdsa;
        unsigned char *q;

        ecdsa = ECDSA_SIG_new();
        r0 = BN_bin2bn(made, 32, NULL);
        s0 = BN_bin2bn(made + 32, 32, NULL);
        ECDSA_SIG_set0(ecdsa, (BIGNUM *) r0, (BIGNUM *) s0);
        q = raw;
        n = (size_t) i2d_ECDSA_SIG(ecdsa, &q);
        es(raw, n, IHANOI_JWT_SIGNATURE, "A19: DER");
        ECDSA_SIG_free(ecdsa);
    }

    free(made);
    BN_free(order);
    EC_GROUP_free(group);
    free(h);

    /* A20 */

    for (i = 0; i < 6; i++) {
        static const struct {
            const char    *alg;
            ihanoi_jwt_e   expected;
        } pss[] = {
            { "PS256", IHANOI_JWT_OK },
            { "PS256-salt0", IHANOI_JWT_SIGNATURE },
            { "PS256-salt20", IHANOI_JWT_SIGNATURE },
            { "PS256-saltmax", IHANOI_JWT_SIGNATURE },
            { "PS256-mgf1", IHANOI_JWT_SIGNATURE },
            { "RS256", IHANOI_JWT_SIGNATURE }
        };

        sig = mint_token(rsa, pss[i].alg,
                         "{\"alg\":\"PS256\",\"kid\":\"ps\"}", GOOD);
        is_verdict(sig, pss[i].expected, "A20: PS256 signed with %s",
                   pss[i].alg);
        free(sig);
    }

    /* PKCS #1 v1.5 blocks made with the private key, wrong in one way each */

    h = mint_b64(HEADER, strlen(HEADER));
    sprintf(input, "%s.%s", h, p);
    EVP_Digest(input, strlen(input), digest, &dlen, EVP_sha256(), NULL);

    for (i = 0; i < 7; i++) {
        static const unsigned char  info[] = {
            0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65,
            0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20
        };
        static const char *const names[] = {
            "as it should be", "short padding, garbage behind the digest",
            "padding with another byte", "type 2", "no digest info",
            "garbage inside the parameters", "without the zero byte"
        };
        unsigned char  em[256], out[256];
        size_t         outlen, t;
        EVP_PKEY_CTX  *ctx;

        memset(em, 0xff, sizeof(em));
        em[0] = 0;
        em[1] = 1;
        t = 256 - 51;
        em[t - 1] = 0;
        memcpy(em + t, info, 19);
        memcpy(em + t + 19, digest, 32);

        switch (i) {
        case 1:
            memset(em + 10, 0, 246);
            memcpy(em + 11, info, 19);
            memcpy(em + 30, digest, 32);
            break;
        case 2:
            em[50] = 0xfe;
            break;
        case 3:
            em[1] = 2;
            break;
        case 4:
            memset(em + 2, 0xff, 254);
            em[223] = 0;
            memcpy(em + 224, digest, 32);
            break;
        case 5:
            em[t + 15] = 0x04;
            break;
        case 6:
            em[t - 1] = 0xff;
            break;
        }

        ctx = EVP_PKEY_CTX_new(rsa->pkey, NULL);
        EVP_PKEY_sign_init(ctx);
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING);
        outlen = sizeof(out);
        EVP_PKEY_sign(ctx, out, &outlen, em, sizeof(em));
        EVP_PKEY_CTX_free(ctx);

        es(out, outlen, i == 0 ? IHANOI_JWT_OK : IHANOI_JWT_SIGNATURE,
           "A20: %s", names[i]);
    }

    free(h);
    free(p);
    free(input);
    free(token);
}


/* Without a kid at most so many keys are tried: a set is not a work list. */

static void
tries(void)
{
    int                     i;
    char                   *text, *key, *token, kid[64];
    mint_key_t             *keys[6];
    ihanoi_jwks_t          *saved;
    ihanoi_jwks_options_t   options;

    text = mint_alloc(8192);
    strcpy(text, "{\"keys\":[");

    for (i = 0; i < 6; i++) {
        keys[i] = mint_key("P-256");
        snprintf(kid, sizeof(kid), "\"kid\":\"%d\"", i);
        key = mint_jwk(keys[i], kid);
        strcat(text, i ? "," : "");
        strcat(text, key);
        free(key);
    }

    strcat(text, "]}");
    memset(&options, 0, sizeof(options));
    saved = set;
    set = ihanoi_jwks_parse(text, strlen(text), &options, error);
    free(text);

    for (i = 0; i < 6; i++) {
        token = mint_token(keys[i], "ES256", "{\"alg\":\"ES256\"}", GOOD);
        is_verdict(token, i < 4 ? IHANOI_JWT_OK : IHANOI_JWT_SIGNATURE,
                   "without a kid: key %d of 6", i + 1);
        free(token);

        snprintf(kid, sizeof(kid), "{\"alg\":\"ES256\",\"kid\":\"%d\"}", i);
        token = mint_token(keys[i], "ES256", kid, GOOD);
        is_verdict(token, IHANOI_JWT_OK, "with it: key %d of 6", i + 1);
        free(token);
    }

    for (i = 0; i < 6; i++) {
        mint_key_free(keys[i]);
    }

    ihanoi_jwks_free(set);
    set = saved;
}


/*
 * RFC 7515 A.1 to A.3 and RFC 8037 A.4: published tokens, whose payloads are
 * expired or no JSON at all.
 */

static void
vectors(void)
{
    size_t                  i;
    ihanoi_jwt_e            rc;
    ihanoi_jwt_t            jwt;
    ihanoi_jwks_t          *keys;
    const ihanoi_jwks_t    *sets[1];
    ihanoi_jwks_options_t   options;

    static const struct {
        const char  *name, *key, *token;
    } rows[] = {
        { "RFC 7515 A.1, HS256",
          "{\"kty\":\"oct\",\"k\":\"AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQ"
          "Lr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow\"}",
          "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJl"
          "eHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV"
          "lfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk" },
        { "RFC 7515 A.2, RS256",
          "{\"kty\":\"RSA\",\"n\":\"ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQ"
          "oTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2"
          "lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpa"
          "SHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4"
          "uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8"
          "q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ\",\"e\":\"AQAB\"}",
          "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsD"
          "QogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.cC4hiUPoj9Eetdgt"
          "v3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh-0Qc_lF5Y"
          "Kt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnb"
          "yTyWzO75vRK5h6xBArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_"
          "dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPqvhJ1phCnvWh6IeYI2w9QOYEUip"
          "UTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw" },
        { "RFC 7515 A.3, ES256",
          "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1g"
          "HMzV76e8Tus9uPHvRVEU\",\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStik"
          "YjKIWI5a0\"}",
          "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsD"
          "QogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38V"
          "WAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6"
          "NU1Q" },
        { "RFC 8037 A.4, EdDSA",
          "{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQH"
          "Og7hcvPapiMlrwIaaPcHURo\"}",
          "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_M"
          "GCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVv"
          "pAr_MuM0KAg" }
    };

    memset(&options, 0, sizeof(options));

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char  text[1024];

        snprintf(text, sizeof(text), "{\"keys\":[%s]}", rows[i].key);
        keys = ihanoi_jwks_parse(text, strlen(text), &options, error);

        if (keys == NULL) {
            ok(0, "%s: %s", rows[i].name, error);
            continue;
        }

        sets[0] = keys;
        rc = ihanoi_jws_parse(&jwt, rows[i].token, strlen(rows[i].token));

        if (rc == IHANOI_JWT_OK) {
            rc = ihanoi_jwt_verify(&jwt, sets, 1);
        }

        is_str(ihanoi_jwt_reason(rc), ihanoi_jwt_reason(IHANOI_JWT_OK), "%s",
               rows[i].name);
        ihanoi_jwt_free(&jwt);
        ihanoi_jwks_free(keys);
    }
}


int
main(void)
{
    rsa = mint_key("RSA-2048");
    p256 = mint_key("P-256");
    p384 = mint_key("P-384");
    p521 = mint_key("P-521");
    k256 = mint_key("secp256k1");
    ed25519 = mint_key("ED25519");
    secret = mint_secret("0123456789abcdef0123456789abcdef", 32);

    set = build();

    good_tokens();
    algorithms();
    confusion();
    mutations();
    spellings();
    headers();
    serializations();
    payloads();
    claims();
    signatures();
    tries();
    vectors();
    good_tokens();

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
