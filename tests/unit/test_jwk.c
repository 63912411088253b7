/*
 * Copyright (C) iHaNoi contributors
 *
 * Key sets: what is built, what is left out, what is refused.
 */

#include <openssl/err.h>

#include "ihanoi_jwk.h"
#include "mint.h"
#include "tap.h"


static char          error[256];
static char          notes[1024];
static mint_key_t   *rsa, *p256, *p384, *p521, *ed25519, *ed448, *k256;


static void
note(void *ctx, const char *text)
{
    strncat(notes, text, sizeof(notes) - strlen(notes) - 2);
    strcat(notes, "\n");
}


static ihanoi_jwks_t *
parse_n(const char *text, size_t len, int remote, const ihanoi_alg_e *algs,
    unsigned n)
{
    ihanoi_jwks_t          *set;
    ihanoi_jwks_options_t   options;

    memset(&options, 0, sizeof(options));
    options.remote = remote;
    options.algorithms = algs;
    options.nalgorithms = n;
    options.note = note;

    notes[0] = error[0] = '\0';

    set = ihanoi_jwks_parse(text, len, &options, error);

    if (set == NULL && error[0] == '\0') {
        ok(0, "a refused set says why");
    }

    return set;
}


static ihanoi_jwks_t *
parse(const char *text, int remote)
{
    return parse_n(text, strlen(text), remote, NULL, 0);
}


/* A set of one or two keys; frees their text. */

static char *
keys(char *a, char *b)
{
    char  *out;

    out = mint_alloc(strlen(a) + (b ? strlen(b) : 0) + 32);
    sprintf(out, "{\"keys\":[%s%s%s]}", a, b ? "," : "", b ? b : "");
    free(a);
    free(b);

    return out;
}


static char *
text(const char *s)
{
    return strcpy(mint_alloc(strlen(s) + 1), s);
}


/* The only key of a set verifies what its owner signed, and nothing else. */

static void
key_verifies(mint_key_t *key, const char *more, const char *alg)
{
    char            *set_text;
    size_t           len;
    ihanoi_jwks_t   *set;
    unsigned char   *sig;

    set_text = keys(mint_jwk(key, more), NULL);
    set = parse(set_text, 0);

    if (!ok(set != NULL, "%s key with {%s} is taken", alg, more)) {
        printf("# %s\n", error);
        return;
    }

    is_str(ihanoi_alg_name(ihanoi_jwk_alg(ihanoi_jwks_key(set, 0))), alg,
           "and is pinned to %s", alg);

    len = mint_signature(key, alg, "data", 4, &sig);

    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(set, 0), "data", 4, sig, len), 1,
           "and verifies a signature");
    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(set, 0), "date", 4, sig, len), 0,
           "not over other data");
    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(set, 0), "data", 4, sig, len - 1),
           0, "not a shorter one");
    sig[len / 2] ^= 4;
    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(set, 0), "data", 4, sig, len), 0,
           "not a changed one");
    ok(ERR_peek_error() == 0, "and leaves no OpenSSL error behind");

    free(sig);
    free(set_text);
    ihanoi_jwks_free(set);
}


/* A file is refused with a reason; of a remote set the key is left out. */

static void
key_is_faulty(char *key, const char *reason)
{
    char           *set_text;
    ihanoi_jwks_t  *set;

    set_text = keys(text(key), NULL);
    set = parse(set_text, 0);
    ok(set == NULL && strstr(error, reason), "file: %s", reason);
    if (set || !strstr(error, reason)) {
        printf("# %s\n", error);
    }
    ihanoi_jwks_free(set);
    free(set_text);

    set_text = keys(key, mint_jwk(p256, "\"kid\":\"good\""));
    set = parse(set_text, 1);
    ok(set && ihanoi_jwks_count(set) == 1 && strstr(notes, reason)
       && ihanoi_jwks_find(set, "good", 4),
       "remote: left out, the rest is kept: %s", reason);
    ihanoi_jwks_free(set);
    free(set_text);

    ok(ERR_peek_error() == 0, "no OpenSSL error is left behind");
}


static void
key_is_foreign(char *key, const char *reason)
{
    char           *set_text;
    ihanoi_jwks_t  *set;

    set_text = keys(key, mint_jwk(p256, "\"kid\":\"good\""));
    set = parse(set_text, 0);
    ok(set && ihanoi_jwks_count(set) == 1 && strstr(notes, reason),
       "left out: %s", reason);
    if (set == NULL) {
        printf("# %s\n", error);
    }
    ihanoi_jwks_free(set);
    free(set_text);
}


static void
set_is_refused(char *set_text, int remote, const char *reason)
{
    ihanoi_jwks_t  *set;

    set = parse(set_text, remote);
    ok(set == NULL && strstr(error, reason), "%s set refused: %s",
       remote ? "remote" : "file", reason);
    if (set == NULL && !strstr(error, reason)) {
        printf("# %s\n", error);
    }
    ihanoi_jwks_free(set);
    free(set_text);
}


/* With e = 1 the padded digest is its own signature. */

static char *
rsa_with(const char *n, const char *e)
{
    char  *own, *out;

    own = NULL;

    if (n == NULL) {
        n = own = mint_bn(rsa->pkey, OSSL_PKEY_PARAM_RSA_N, 0);
    }

    out = mint_alloc(strlen(n) + strlen(e) + 64);
    sprintf(out, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"}", n, e);
    free(own);

    return out;
}


static void
rsa_limits(void)
{
    char           *n, *e, big[2000];
    mint_key_t     *weak;
    unsigned char   buf[1100];

    key_is_faulty(rsa_with(NULL, "AQ"), "exponent is 1");
    key_is_faulty(rsa_with(NULL, "AA"), "even");
    key_is_faulty(rsa_with(NULL, "AQAA"), "even");
    key_is_faulty(rsa_with(NULL, "AQAAAAAAAAAB"), "at most 64 bits");
    key_is_faulty(rsa_with("AQAB", "AQAB"), "at least 2048");
    key_is_faulty(rsa_with("", "AQAB"), "\"n\" is not");
    key_is_faulty(rsa_with("AAAA", "AQAB"), "\"n\" is not");
    key_is_faulty(text("{\"kty\":\"RSA\",\"e\":\"AQAB\"}"), "\"n\" is not");
    key_is_faulty(text("{\"kty\":\"RSA\",\"n\":5,\"e\":\"AQAB\"}"),
                  "\"n\" is not");

    weak = mint_key("RSA-1024");
    key_is_faulty(mint_jwk(weak, ""), "at least 2048");
    mint_key_free(weak);

    /* an even modulus, and a prime one: 2^2203 - 1 */

    memset(buf, 0xff, sizeof(buf));
    buf[255] = 0xfe;
    n = mint_b64(buf, 256);
    key_is_faulty(rsa_with(n, "AQAB"), "even");
    free(n);

    memset(buf, 0xff, sizeof(buf));
    buf[0] = 0x07;
    n = mint_b64(buf, 276);
    key_is_faulty(rsa_with(n, "AQAB"), "OpenSSL's check");
    free(n);

    memset(buf, 0xff, sizeof(buf));
    n = mint_b64(buf, 1025);
    key_is_faulty(rsa_with(n, "AQAB"), "at most 8192");
    free(n);

    /* one zero byte in front, as some write it */

    n = mint_bn(rsa->pkey, OSSL_PKEY_PARAM_RSA_N, 257);
    e = rsa_with(n, "AQAB");
    snprintf(big, sizeof(big), "{\"keys\":[%s]}", e);
    ihanoi_jwks_free(parse(big, 0));
    is_str(error, "", "a modulus with a zero byte in front is taken");
    free(n);
    free(e);
}


static void
curve_limits(void)
{
    char           *x, *y, key[512];
    unsigned char   zeros[57], y_of[57];

    memset(zeros, 0, sizeof(zeros));
    x = mint_b64(zeros, 32);

    snprintf(key, sizeof(key), "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\","
             "\"y\":\"%s\"}", x, x);
    key_is_faulty(text(key), "not on its curve");

    y = mint_bn(p256->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, 32);
    snprintf(key, sizeof(key), "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\","
             "\"y\":\"%s\"}", x, y);
    key_is_faulty(text(key), "not on its curve");

    snprintf(key, sizeof(key), "{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"%s\","
             "\"y\":\"%s\"}", x, y);
    key_is_faulty(text(key), "of 48 bytes");

    snprintf(key, sizeof(key),
             "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "of 32 bytes");
    key_is_faulty(text("{\"kty\":\"EC\"}"), "no \"crv\"");

    snprintf(key, sizeof(key), "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
             "\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "small order");
    free(x);
    free(y);

    /* the same with the sign bit, and p + 1 */

    memset(y_of, 0xff, sizeof(y_of));
    y_of[0] = 0xee;
    x = mint_b64(y_of, 32);
    snprintf(key, sizeof(key), "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
             "\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "small order");
    free(x);

    x = mint_b64(zeros, 31);
    snprintf(key, sizeof(key), "{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
             "\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "of 32 bytes");
    free(x);

    x = mint_b64(zeros, 57);
    snprintf(key, sizeof(key), "{\"kty\":\"OKP\",\"crv\":\"Ed448\","
             "\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "small order");
    free(x);

    memset(y_of, 0xff, sizeof(y_of));
    y_of[0] = 0xfe;
    y_of[28] = 0xfe;
    y_of[56] = 0x80;
    x = mint_b64(y_of, 57);
    snprintf(key, sizeof(key), "{\"kty\":\"OKP\",\"crv\":\"Ed448\","
             "\"x\":\"%s\"}", x);
    key_is_faulty(text(key), "small order");
    free(x);
}


static void
secrets(void)
{
    char         big[1200];
    mint_key_t  *key;

    memset(big, 'k', sizeof(big));

    key = mint_secret(big, 31);
    key_is_faulty(mint_jwk(key, "\"alg\":\"HS256\""), "shorter than the 32");
    mint_key_free(key);

    key = mint_secret(big, 63);
    key_is_faulty(mint_jwk(key, "\"alg\":\"HS512\""), "shorter than the 64");
    mint_key_free(key);

    key = mint_secret(big, 0);
    key_is_faulty(mint_jwk(key, "\"alg\":\"HS256\""), "shorter than the 32");
    mint_key_free(key);

    key = mint_secret(big, 1025);
    key_is_faulty(mint_jwk(key, ""), "at most 1024 bytes");
    mint_key_free(key);

    key_is_faulty(text("{\"kty\":\"oct\"}"), "\"k\" is not");
    key_is_faulty(text("{\"kty\":\"oct\",\"k\":null}"), "\"k\" is not");
    key_is_faulty(text("{\"kty\":\"oct\",\"k\":\"a b\"}"), "\"k\" is not");

    key = mint_secret(big, 48);
    key_verifies(key, "", "HS256");
    key_verifies(key, "\"alg\":\"HS256\"", "HS256");
    key_verifies(key, "\"alg\":\"HS384\"", "HS384");

    set_is_refused(keys(mint_jwk(key, ""), mint_jwk(p256, "")), 1,
                   "secrets and public keys");
    mint_key_free(key);

    key = mint_secret(big, 64);
    key_verifies(key, "\"alg\":\"HS512\"", "HS512");
    mint_key_free(key);
}


static void
purposes(void)
{
    key_is_foreign(mint_jwk(p384, "\"use\":\"enc\""), "\"use\"");
    key_is_foreign(mint_jwk(p384, "\"key_ops\":[\"encrypt\"]"), "\"key_ops\"");
    key_is_foreign(mint_jwk(p384, "\"key_ops\":[]"), "\"key_ops\"");
    key_is_foreign(mint_jwk(rsa, "\"alg\":\"RSA-OAEP\""), "unknown \"alg\"");
    key_is_foreign(mint_jwk(rsa, "\"alg\":\"none\""), "unknown \"alg\"");
    key_is_foreign(mint_jwk(k256, "\"alg\":\"ES256K\""), "unknown \"crv\"");
    key_is_foreign(text("{\"kty\":\"AKP\"}"), "unknown \"kty\"");
    key_is_faulty(text("{}"), "no \"kty\"");
    key_is_faulty(text("5"), "no \"kty\"");
    key_is_faulty(mint_jwk(p384, "\"use\":5"), "\"use\" is not");
    key_is_faulty(mint_jwk(p384, "\"key_ops\":\"verify\""), "\"key_ops\" is");
    key_is_faulty(mint_jwk(p384, "\"alg\":256"), "\"alg\" is not");
    key_is_faulty(mint_jwk(p384, "\"alg\":\"ES256\""), "does not fit");
    key_is_faulty(mint_jwk(p384, "\"alg\":\"RS256\""), "does not fit");
    key_is_faulty(mint_jwk(rsa, "\"alg\":\"HS256\""), "does not fit");
    key_is_faulty(mint_jwk(p384, "\"kid\":\"\""), "\"kid\" is not");
    key_is_faulty(mint_jwk(p384, "\"kid\":5"), "\"kid\" is not");
    key_is_faulty(mint_jwk(rsa, "\"d\":\"AQAB\""), "private key");
    key_is_faulty(mint_jwk(p384, "\"d\":\"AQAB\""), "private key");
    key_is_faulty(mint_jwk(ed25519, "\"d\":\"AQAB\""), "private key");
    key_is_faulty(mint_jwk(rsa, "\"p\":null"), "private key");
}


static void
pinning(void)
{
    char                *set_text;
    ihanoi_jwks_t       *set;
    static ihanoi_alg_e  ps[] = { IHANOI_ES256, IHANOI_PS256, IHANOI_RS256 };

    set_text = keys(mint_jwk(rsa, ""), mint_jwk(p384, ""));
    set = parse_n(set_text, strlen(set_text), 0, ps, 3);
    ok(set && ihanoi_jwks_count(set) == 1
       && ihanoi_jwk_alg(ihanoi_jwks_key(set, 0)) == IHANOI_PS256,
       "a key without alg gets the first allowed one that fits, others go");
    ihanoi_jwks_free(set);
    free(set_text);

    set_text = keys(mint_jwk(rsa, "\"alg\":\"RS256\""),
                    mint_jwk(p256, "\"alg\":\"ES256\""));
    set = parse_n(set_text, strlen(set_text), 0, ps, 2);
    ok(set && ihanoi_jwks_count(set) == 1
       && ihanoi_jwk_alg(ihanoi_jwks_key(set, 0)) == IHANOI_ES256,
       "a key of an algorithm that is not allowed is left out");
    ihanoi_jwks_free(set);
    free(set_text);
}


static void
sets(void)
{
    char            kid[300], more[400], *big, *p;
    int             i;
    ihanoi_jwks_t  *set;

    set_is_refused(text(""), 0, "not JSON");
    set_is_refused(text("{"), 1, "not JSON");
    set_is_refused(text("<html>"), 1, "not JSON");
    set_is_refused(text("[]"), 0, "no member \"keys\"");
    set_is_refused(text("{}"), 0, "no member \"keys\"");
    set_is_refused(text("{\"keys\":{}}"), 0, "no member \"keys\"");
    set_is_refused(text("{\"keys\":[]}"), 0, "no usable key");
    set_is_refused(text("{\"keys\":[]}"), 1, "no usable key");
    set_is_refused(text("{\"keys\":[],\"keys\":[]}"), 0, "not JSON");
    set_is_refused(text("{\"keys\":[]} x"), 0, "not JSON");
    set_is_refused(mint_jwk(p256, ""), 0, "no member \"keys\"");
    set_is_refused(keys(mint_jwk(p256, "\"kid\":\"a\""),
                        mint_jwk(p384, "\"kid\":\"a\"")), 0, "one \"kid\"");
    set_is_refused(keys(mint_jwk(p256, "\"kid\":\"a\",\"kid\":\"b\""), NULL),
                   0, "not JSON");

    set = parse_n("{\"keys\":[]}\0", 12, 0, NULL, 0);
    ok(set == NULL, "bytes after the set are refused");

    big = mint_alloc(IHANOI_JWKS_MAX_SIZE + 2);
    memset(big, ' ', IHANOI_JWKS_MAX_SIZE + 1);
    big[IHANOI_JWKS_MAX_SIZE + 1] = '\0';
    set_is_refused(big, 1, "larger than");

    p = big = mint_alloc(20 * IHANOI_JWKS_MAX_KEYS + 100);
    p += sprintf(p, "{\"keys\":[{}");
    for (i = 0; i < IHANOI_JWKS_MAX_KEYS; i++) {
        p += sprintf(p, ",{\"kty\":\"x\"}");
    }
    strcpy(p, "]}");
    set_is_refused(big, 1, "more than 64 keys");

    memset(kid, 'k', sizeof(kid));
    kid[255] = '\0';
    snprintf(more, sizeof(more), "\"kid\":\"%s\"", kid);
    big = keys(mint_jwk(p256, more), NULL);
    set = parse(big, 0);
    ok(set && ihanoi_jwks_find(set, kid, 255)
       && !ihanoi_jwks_find(set, kid, 254), "a kid of 255 bytes is found");
    ihanoi_jwks_free(set);
    free(big);

    kid[255] = 'k';
    kid[256] = '\0';
    snprintf(more, sizeof(more), "\"kid\":\"%s\"", kid);
    key_is_faulty(mint_jwk(p384, more), "\"kid\" is not");
}


/* The second time RSA keys are taken over from the set before. */

static void
reuse(void)
{
    char                   *set_text;
    size_t                  len;
    ihanoi_jwks_t          *a, *b;
    unsigned char          *sig;
    ihanoi_jwks_options_t   options;

    memset(&options, 0, sizeof(options));
    options.remote = 1;

    set_text = keys(mint_jwk(rsa, "\"kid\":\"1\",\"alg\":\"RS256\""), NULL);
    a = ihanoi_jwks_parse(set_text, strlen(set_text), &options, error);
    free(set_text);

    set_text = keys(mint_jwk(rsa, "\"kid\":\"2\",\"alg\":\"PS256\""), NULL);
    options.previous = a;
    b = ihanoi_jwks_parse(set_text, strlen(set_text), &options, error);
    free(set_text);

    ok(a && b, "a key is taken over from the set before");
    ihanoi_jwks_free(a);

    len = mint_signature(rsa, "PS256", "data", 4, &sig);
    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(b, 0), "data", 4, sig, len), 1,
           "and outlives it, with its new algorithm");
    free(sig);
    ihanoi_jwks_free(b);
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
    ed448 = mint_key("ED448");

    key_verifies(rsa, "", "RS256");
    key_verifies(rsa, "\"alg\":\"RS256\"", "RS256");
    key_verifies(rsa, "\"alg\":\"RS384\"", "RS384");
    key_verifies(rsa, "\"alg\":\"RS512\",\"use\":\"sig\"", "RS512");
    key_verifies(rsa, "\"alg\":\"PS256\"", "PS256");
    key_verifies(rsa, "\"alg\":\"PS384\"", "PS384");
    key_verifies(rsa, "\"alg\":\"PS512\"", "PS512");
    key_verifies(p256, "", "ES256");
    key_verifies(p384, "\"key_ops\":[\"verify\"]", "ES384");
    key_verifies(p521, "\"kid\":\"x\"", "ES512");
    key_verifies(ed25519, "", "EdDSA");
    key_verifies(ed448, "\"alg\":\"EdDSA\"", "EdDSA");

    secrets();
    rsa_limits();
    curve_limits();
    purposes();
    pinning();
    sets();
    reuse();

    mint_key_free(rsa);
    mint_key_free(p256);
    mint_key_free(p384);
    mint_key_free(p521);
    mint_key_free(k256);
    mint_key_free(ed25519);
    mint_key_free(ed448);

    return done_testing();
}
