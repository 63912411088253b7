/*
 * Copyright (C) iHaNoi contributors
 *
 * Every allocation of a verification fails once (A33): a forged token is never
 * taken, a good one neither blamed nor taken for another person's, nothing leaks,
 * nothing is left in OpenSSL's error queue, and the next good token is taken.
 */

#include <stdlib.h>

#include <openssl/crypto.h>
#include <openssl/err.h>

#include "ihanoi_digest.h"
#include "ihanoi_jwt.h"
#include "mint.h"
#include "tap.h"


#define NOW     1800000000.0
#define SUBJECT "0123456789abcdefghijklmnopqrstuvwxyz"
#define GOOD    "{\"iss\":\"me\",\"sub\":\"" SUBJECT "\",\"aud\":[\"us\"],"             \
                "\"exp\":1800000600,\"iat\":1799999990,\"x\":{\"y\":[1,2.5]}}"
#define FORGED  "{\"iss\":\"me\",\"sub\":\"b\",\"aud\":[\"us\"],"             \
                "\"exp\":1800000600,\"iat\":1799999990,\"x\":{\"y\":[1,2.5]}}"


static long  countdown = -1;       /* allocations until one fails */
static long  outstanding;
static int   failed;


static int
fails(void)
{
    if (countdown < 0) {
        return 0;
    }

    if (countdown-- == 0) {
        failed = 1;
        return 1;
    }

    return 0;
}


#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__  1
#endif
#endif

#if !defined(__SANITIZE_ADDRESS__)

#define EVERYTHING  1

/* all of the process: ours, jansson's and OpenSSL's */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void __libc_free(void *p);


void *
malloc(size_t size)
{
    void  *p;

    p = fails() ? NULL : __libc_malloc(size);
    outstanding += (p != NULL);

    return p;
}


void *
calloc(size_t n, size_t size)
{
    void  *p;

    p = fails() ? NULL : __libc_calloc(n, size);
    outstanding += (p != NULL);

    return p;
}


void *
realloc(void *old, size_t size)
{
    void  *p;

    if (fails()) {
        return NULL;
    }

    p = __libc_realloc(old, size);
    outstanding += (old == NULL && p != NULL);

    return p;
}


void
free(void *p)
{
    outstanding -= (p != NULL);
    __libc_free(p);
}


static void
hook(void)
{
}

#else

/* AddressSanitizer has malloc: the libraries' own hooks */

#define EVERYTHING  0


static void *
hook_malloc(size_t size)
{
    void  *p;

    p = fails() ? NULL : malloc(size);
    outstanding += (p != NULL);

    return p;
}


static void
hook_free(void *p)
{
    outstanding -= (p != NULL);
    free(p);
}


static void *
hook_crypto_malloc(size_t size, const char *file, int line)
{
    return hook_malloc(size);
}


static void *
hook_crypto_realloc(void *old, size_t size, const char *file, int line)
{
    void  *p;

    if (size == 0) {
        hook_free(old);
        return NULL;
    }

    if (fails()) {
        return NULL;
    }

    p = realloc(old, size);
    outstanding += (old == NULL && p != NULL);

    return p;
}


static void
hook_crypto_free(void *p, const char *file, int line)
{
    hook_free(p);
}


static void
hook(void)
{
    if (CRYPTO_set_mem_functions(hook_crypto_malloc, hook_crypto_realloc,
                                 hook_crypto_free)
        != 1)
    {
        printf("Bail out! OpenSSL has allocated already\n");
        exit(1);
    }

    json_set_alloc_funcs(hook_malloc, hook_free);
}

#endif


static ihanoi_jwt_e
verdict(const ihanoi_jwks_t *set, const char *token)
{
    ihanoi_jwt_e             rc;
    ihanoi_jwt_t             jwt;
    ihanoi_jwt_rules_t       rules;
    ihanoi_jwt_claims_t      claims;
    static ihanoi_jwt_str_t  audience[] = { { "us", 2 } };

    memset(&rules, 0, sizeof(rules));
    rules.audiences = audience;
    rules.naudiences = 1;

    rc = ihanoi_jwt_parse(&jwt, token, strlen(token));

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_check(&jwt, &rules, NOW, &claims);
    }

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_verify(&jwt, &set, 1);
    }

    if (rc == IHANOI_JWT_OK
        && (claims.sub.len != sizeof(SUBJECT) - 1
            || memcmp(claims.sub.data, SUBJECT, claims.sub.len) != 0))
    {
        rc = IHANOI_JWT_SUB;
    }

    ihanoi_jwt_free(&jwt);

    return rc;
}


/* The number of allocations that failed one by one. */

static long
torture(const ihanoi_jwks_t *set, const char *token, const char *name,
    ihanoi_jwt_e expected)
{
    long          n, before, leaks, wrong, dirty, refused, blamed;
    ihanoi_jwt_e  rc;

    leaks = wrong = dirty = refused = blamed = 0;

    /* what libraries allocate once is there after a first time */
    (void) verdict(set, token);

    for (n = 0; /* void */ ; n++) {

        /* the header is read each time */
        ihanoi_jwt_forget();

        failed = 0;
        before = outstanding;
        countdown = n;

        rc = verdict(set, token);

        countdown = -1;

        ihanoi_jwt_forget();

        dirty += (ERR_peek_error() != 0);
        ERR_clear_error();
        leaks += (outstanding != before);

        if (!failed) {
            break;
        }

        refused += (rc != IHANOI_JWT_OK);

        /* a good token may be taken when an optional allocation failed */

        wrong += (rc == IHANOI_JWT_OK && expected != IHANOI_JWT_OK)
                 || rc == IHANOI_JWT_SUB;
        blamed += (rc != IHANOI_JWT_OK && rc != IHANOI_JWT_MEMORY
                   && expected == IHANOI_JWT_OK);
    }

    is_str(ihanoi_jwt_reason(rc), ihanoi_jwt_reason(expected),
           "%s: with memory the verdict is right", name);
    is_int(wrong, 0, "%s: never taken, nor for another's, %ld allocations failed",
           name, n);

    /* of one of Ed25519's OpenSSL tells nothing */

    ok(blamed <= 1, "%s: nor is it blamed (%ld)", name, blamed);
    is_int(leaks, 0, "%s: nothing leaks", name);
    is_int(dirty, 0, "%s: no error is left behind", name);
    ok(refused > 0, "%s: and failures are noticed (%ld)", name, refused);

    return n;
}


static ihanoi_jwks_t *
parse(const char *text, const ihanoi_jwks_t *previous)
{
    char                   error[256];
    ihanoi_jwks_options_t  options;

    memset(&options, 0, sizeof(options));
    options.previous = previous;

    return ihanoi_jwks_parse(text, strlen(text), &options, error);
}


/* A file's set is there as a whole or not at all. */

static void
torture_set(const char *text, const ihanoi_jwks_t *previous)
{
    long            n, before, leaks, partial, dirty;
    ihanoi_jwks_t  *set;

    leaks = partial = dirty = 0;
    ihanoi_jwks_free(parse(text, previous));

    for (n = 0; /* void */ ; n++) {

        failed = 0;
        before = outstanding;
        countdown = n;

        set = parse(text, previous);

        countdown = -1;

        dirty += (ERR_peek_error() != 0);
        ERR_clear_error();

        partial += (set && ihanoi_jwks_count(set) != 5);
        ihanoi_jwks_free(set);

        if (failed && outstanding != before) {

            /* OpenSSL keeps texts of errors for its next one: only what grows
               with every failure leaks */

            before = outstanding;
            countdown = n;
            ihanoi_jwks_free(parse(text, previous));
            countdown = -1;
            failed = 1;
        }

        leaks += (outstanding != before);

        if (!failed) {
            break;
        }
    }

    ok(set != NULL, "set: with memory it is built");
    is_int(partial, 0, "set: whole or not at all, %ld allocations failed", n);
    is_int(leaks, 0, "set: nothing leaks");
    is_int(dirty, 0, "set: no error is left behind");
}


int
main(void)
{
    char           *text, *key, *token, *forged, *p, name[64];
    long            total;
    size_t          i;
    mint_key_t     *rsa, *p256, *p384, *ed, *secret;
    ihanoi_jwks_t  *set;
    unsigned char   digest[IHANOI_SHA256_LEN];

    struct {
        mint_key_t  **key;
        const char   *alg;
        const char   *kid;
    } rows[] = {
        { &rsa, "RS256", "rs" }, { &rsa, "PS256", "ps" },
        { &p256, "ES256", "es" }, { &ed, "EdDSA", "ed" },
        { &secret, "HS256", "hs" }
    };

    hook();

    rsa = mint_key("RSA-2048");
    p256 = mint_key("P-256");
    p384 = mint_key("P-384");
    ed = mint_key("ED25519");
    secret = mint_secret("0123456789abcdef0123456789abcdef", 32);

    text = mint_alloc(8192);
    strcpy(text, "{\"keys\":[");

    for (i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "\"kid\":\"%s\",\"alg\":\"%s\"",
                 rows[i].kid, rows[i].alg);
        key = mint_jwk(*rows[i].key, name);
        strcat(text, i ? "," : "");
        strcat(text, key);
        free(key);
    }

    strcat(text, "]}");

    set = parse(text, NULL);
    total = 0;

    if (!ok(set != NULL, "set")) {
        return done_testing();
    }

    for (i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "{\"alg\":\"%s\",\"kid\":\"%s\","
                 "\"typ\":\"JWT\"}", rows[i].alg, rows[i].kid);

        token = mint_token(*rows[i].key, rows[i].alg, name, GOOD);
        forged = mint_token(*rows[i].key, rows[i].alg, name, FORGED);

        /* the signature of one under the payload of the other */

        p = strrchr(token, '.');
        memcpy(strrchr(forged, '.'), p, strlen(p) + 1);

        snprintf(name, sizeof(name), "good %s", rows[i].alg);
        total += torture(set, token, name, IHANOI_JWT_OK);
        snprintf(name, sizeof(name), "forged %s", rows[i].alg);
        total += torture(set, forged, name, IHANOI_JWT_SIGNATURE);
        is_int(verdict(set, token), IHANOI_JWT_OK,
               "the next good one is taken");

        free(token);
        free(forged);
    }

    torture_set(text, set);

    /* digests */

    ihanoi_digest_init();
    failed = 0;

    for (i = 0; i < 20; i++) {
        countdown = (long) i;
        failed = 0;
        memset(digest, 0, sizeof(digest));

        if (ihanoi_hmac_sha256("key", 3, "data", 4, digest) == 0) {
            countdown = -1;
            if (digest[0] != 0x50 || digest[31] != 0xd0) {
                /* HMAC-SHA-256("key", "data") = 5031fe3d...bd0 */
                ok(0, "HMAC is right or failed (%02x %02x)", digest[0],
                   digest[31]);
            }
        }

        countdown = -1;
    }

    ihanoi_digest_done();

    ok(ERR_peek_error() == 0, "digests leave no error behind");

    printf("# %ld allocations of verifications failed one by one%s\n", total,
           EVERYTHING ? "" : " (OpenSSL's and jansson's)");

    ihanoi_jwks_free(set);
    mint_key_free(rsa);
    mint_key_free(p256);
    mint_key_free(p384);
    mint_key_free(ed);
    mint_key_free(secret);
    free(text);

    return done_testing();
}
