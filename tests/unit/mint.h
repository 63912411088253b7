/*
 * Copyright (C) iHaNoi contributors
 *
 * A minter of tokens for tests, honest and hostile ones: nothing that is
 * asked of it is checked.  Only OpenSSL, so that what is tested is not tested
 * with itself.  Aborts when memory fails; everything it returns is malloc'ed.
 */

#ifndef _MINT_H_INCLUDED_
#define _MINT_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>


#define MINT_UNUSED  __attribute__((unused))


typedef struct {
    EVP_PKEY        *pkey;         /* NULL: a secret */
    unsigned char   *secret;
    size_t           secret_len;
} mint_key_t;


/* How a signature is made; name is what an honest header says. */
typedef struct {
    const char      *name;
    const char      *md;
    char             kind;         /* H, R, P, E, D */
    size_t           field;        /* E: bytes of r and of s */
    int              salt;         /* P: RSA_PSS_SALTLEN_DIGEST or bytes */
    const char      *mgf;          /* P: other than md */
} mint_alg_t;


static const mint_alg_t  mint_algs[] = {
    { "HS256", "SHA256", 'H', 0, 0, NULL },
    { "HS384", "SHA384", 'H', 0, 0, NULL },
    { "HS512", "SHA512", 'H', 0, 0, NULL },
    { "RS256", "SHA256", 'R', 0, 0, NULL },
    { "RS384", "SHA384", 'R', 0, 0, NULL },
    { "RS512", "SHA512", 'R', 0, 0, NULL },
    { "RS1",   "SHA1",   'R', 0, 0, NULL },
    { "PS256", "SHA256", 'P', 0, RSA_PSS_SALTLEN_DIGEST, NULL },
    { "PS384", "SHA384", 'P', 0, RSA_PSS_SALTLEN_DIGEST, NULL },
    { "PS512", "SHA512", 'P', 0, RSA_PSS_SALTLEN_DIGEST, NULL },
    { "PS256-salt0",  "SHA256", 'P', 0, 0, NULL },
    { "PS256-salt20", "SHA256", 'P', 0, 20, NULL },
    { "PS256-saltmax", "SHA256", 'P', 0, RSA_PSS_SALTLEN_MAX_SIGN, NULL },
    { "PS256-mgf1", "SHA256", 'P', 0, RSA_PSS_SALTLEN_DIGEST, "SHA1" },
    { "ES256", "SHA256", 'E', 32, 0, NULL },
    { "ES384", "SHA384", 'E', 48, 0, NULL },
    { "ES512", "SHA512", 'E', 66, 0, NULL },
    { "ES384-P256", "SHA384", 'E', 32, 0, NULL },
    { "EdDSA", NULL,     'D', 0, 0, NULL },
    { NULL,    NULL,     0,   0, 0, NULL }
};


static MINT_UNUSED void
mint_die(const char *what)
{
    fprintf(stderr, "mint: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}


static MINT_UNUSED void *
mint_alloc(size_t size)
{
    void  *p;

    p = malloc(size);
    if (p == NULL) {
        mint_die("out of memory");
    }

    return p;
}


static MINT_UNUSED char *
mint_b64(const void *data, size_t len)
{
    char                 *out, *p;
    size_t                i;
    unsigned              v;
    const unsigned char  *s;
    static const char     abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "abcdefghijklmnopqrstuvwxyz0123456789-_";

    s = data;
    p = out = mint_alloc(len * 4 / 3 + 5);

    for (i = 0; i < len; i += 3) {
        v = (unsigned) s[i] << 16;
        v |= (i + 1 < len) ? (unsigned) s[i + 1] << 8 : 0;
        v |= (i + 2 < len) ? (unsigned) s[i + 2] : 0;

        *p++ = abc[v >> 18];
        *p++ = abc[v >> 12 & 63];

        if (i + 1 < len) {
            *p++ = abc[v >> 6 & 63];
        }

        if (i + 2 < len) {
            *p++ = abc[v & 63];
        }
    }

    *p = '\0';

    return out;
}


/* "RSA-2048", "P-256", "secp256k1", "ED25519", "RSA-2048-e3" ... */
static MINT_UNUSED mint_key_t *
mint_key(const char *type)
{
    int           bits;
    const char   *e;
    BIGNUM       *exponent;
    mint_key_t   *key;
    EVP_PKEY_CTX *ctx;

    key = mint_alloc(sizeof(mint_key_t));
    memset(key, 0, sizeof(mint_key_t));

    if (strncmp(type, "RSA-", 4) == 0) {
        bits = atoi(type + 4);
        ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);

        if (ctx == NULL || EVP_PKEY_keygen_init(ctx) != 1
            || EVP_PKEY_CTX_set_rsa_keygen_bits(ctx, bits) != 1)
        {
            mint_die(type);
        }

        e = strstr(type, "-e");

        if (e) {
            exponent = BN_new();
            BN_set_word(exponent, (BN_ULONG) atoi(e + 2));
            EVP_PKEY_CTX_set1_rsa_keygen_pubexp(ctx, exponent);
            BN_free(exponent);
        }

        if (EVP_PKEY_generate(ctx, &key->pkey) != 1) {
            mint_die(type);
        }

        EVP_PKEY_CTX_free(ctx);

    } else if (strncmp(type, "ED", 2) == 0) {
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, type);

    } else {
        key->pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", type);
    }

    if (key->pkey == NULL) {
        mint_die(type);
    }

    return key;
}


static MINT_UNUSED mint_key_t *
mint_secret(const void *secret, size_t len)
{
    mint_key_t  *key;

    key = mint_alloc(sizeof(mint_key_t));
    key->pkey = NULL;
    key->secret = mint_alloc(len + 1);
    key->secret_len = len;
    memcpy(key->secret, secret, len);

    return key;
}


static MINT_UNUSED void
mint_key_free(mint_key_t *key)
{
    EVP_PKEY_free(key->pkey);
    free(key->secret);
    free(key);
}


/* Left-padded to size when size is not 0. */
static MINT_UNUSED char *
mint_bn(EVP_PKEY *pkey, const char *name, int size)
{
    char           *b64;
    BIGNUM         *bn;
    unsigned char   buf[2048];

    bn = NULL;

    if (EVP_PKEY_get_bn_param(pkey, name, &bn) != 1) {
        mint_die(name);
    }

    if (size == 0) {
        size = BN_num_bytes(bn);
    }

    BN_bn2binpad(bn, buf, size);
    b64 = mint_b64(buf, (size_t) size);
    BN_free(bn);

    return b64;
}


/* The public JWK; more is put in as it is: `"kid":"a","alg":"RS256"`. */
static MINT_UNUSED char *
mint_jwk(mint_key_t *key, const char *more)
{
    int             size;
    char           *out, *a, *b, group[64];
    size_t          len;
    unsigned char   raw[64];
    const char     *type, *comma;

    comma = *more ? "," : "";

    if (key->pkey == NULL) {
        a = mint_b64(key->secret, key->secret_len);
        out = mint_alloc(strlen(a) + strlen(more) + 64);
        sprintf(out, "{\"kty\":\"oct\",\"k\":\"%s\"%s%s}", a, comma, more);
        free(a);
        return out;
    }

    type = EVP_PKEY_get0_type_name(key->pkey);

    if (strcmp(type, "RSA") == 0) {
        a = mint_bn(key->pkey, OSSL_PKEY_PARAM_RSA_N, 0);
        b = mint_bn(key->pkey, OSSL_PKEY_PARAM_RSA_E, 0);
        out = mint_alloc(strlen(a) + strlen(b) + strlen(more) + 64);
        sprintf(out, "{\"kty\":\"RSA\",\"n\":\"%s\",\"e\":\"%s\"%s%s}", a, b,
                comma, more);
        free(a);
        free(b);
        return out;
    }

    if (strcmp(type, "EC") == 0) {
        EVP_PKEY_get_group_name(key->pkey, group, sizeof(group), &len);
        size = (EVP_PKEY_get_bits(key->pkey) + 7) / 8;

        /* OpenSSL's names of curves are not those of RFC 7518 */

        type = strcmp(group, "prime256v1") == 0 ? "P-256"
               : strcmp(group, "secp384r1") == 0 ? "P-384"
               : strcmp(group, "secp521r1") == 0 ? "P-521" : group;

        a = mint_bn(key->pkey, OSSL_PKEY_PARAM_EC_PUB_X, size);
        b = mint_bn(key->pkey, OSSL_PKEY_PARAM_EC_PUB_Y, size);
        out = mint_alloc(strlen(a) + strlen(b) + strlen(more) + 128);
        sprintf(out, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%s\",\"y\":"
                "\"%s\"%s%s}", type, a, b, comma, more);
        free(a);
        free(b);
        return out;
    }

    len = sizeof(raw);
    EVP_PKEY_get_raw_public_key(key->pkey, raw, &len);
    a = mint_b64(raw, len);
    out = mint_alloc(strlen(a) + strlen(more) + 64);
    sprintf(out, "{\"kty\":\"OKP\",\"crv\":\"%s\",\"x\":\"%s\"%s%s}",
            len == 32 ? "Ed25519" : "Ed448", a, comma, more);
    free(a);

    return out;
}


/* SubjectPublicKeyInfo as PEM text. */
static MINT_UNUSED char *
mint_pem(mint_key_t *key)
{
    BIO   *bio;
    char  *data, *out;
    long   len;

    bio = BIO_new(BIO_s_mem());

    if (PEM_write_bio_PUBKEY(bio, key->pkey) != 1) {
        mint_die("PEM");
    }

    len = BIO_get_mem_data(bio, &data);
    out = mint_alloc((size_t) len + 1);
    memcpy(out, data, (size_t) len);
    out[len] = '\0';
    BIO_free(bio);

    return out;
}


/* The same as DER; returns its length. */
static MINT_UNUSED size_t
mint_der(mint_key_t *key, unsigned char **out)
{
    int             len;
    unsigned char  *p;

    len = i2d_PUBKEY(key->pkey, NULL);
    p = *out = mint_alloc((size_t) len);
    i2d_PUBKEY(key->pkey, &p);

    return (size_t) len;
}


/* A certificate of the key, signed by itself, as DER. */
static MINT_UNUSED size_t
mint_cert(mint_key_t *key, unsigned char **out)
{
    int             len;
    X509           *cert;
    X509_NAME      *name;
    unsigned char  *p;

    cert = X509_new();
    name = X509_get_subject_name(cert);

    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               (const unsigned char *) "id.example", -1, -1,
                               0);
    X509_set_issuer_name(cert, name);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), 0);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_set_pubkey(cert, key->pkey);

    if (X509_sign(cert, key->pkey, EVP_sha256()) == 0) {
        mint_die("certificate");
    }

    len = i2d_X509(cert, NULL);
    p = *out = mint_alloc((size_t) len);
    i2d_X509(cert, &p);
    X509_free(cert);

    return (size_t) len;
}


/* Signature bytes in JWS form over data; alg is a name of mint_algs. */
static MINT_UNUSED size_t
mint_signature(mint_key_t *key, const char *name, const void *data,
    size_t len, unsigned char **out)
{
    size_t                siglen;
    EVP_MD_CTX           *ctx;
    ECDSA_SIG            *sig;
    EVP_PKEY_CTX         *pctx;
    unsigned int          n;
    unsigned char        *der, *raw;
    const mint_alg_t     *alg;
    const unsigned char  *p;

    for (alg = mint_algs; alg->name; alg++) {
        if (strcmp(alg->name, name) == 0) {
            break;
        }
    }

    if (alg->name == NULL) {
        mint_die(name);
    }

    if (alg->kind == 'H') {
        *out = mint_alloc(EVP_MAX_MD_SIZE);
        HMAC(EVP_get_digestbyname(alg->md), key->secret,
             (int) key->secret_len, data, len, *out, &n);
        return n;
    }

    ctx = EVP_MD_CTX_new();

    if (EVP_DigestSignInit_ex(ctx, &pctx, alg->md, NULL, NULL, key->pkey, NULL)
        != 1)
    {
        mint_die("sign init");
    }

    if (alg->kind == 'P') {
        EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING);
        EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, alg->salt);

        if (alg->mgf) {
            EVP_PKEY_CTX_set_rsa_mgf1_md(pctx, EVP_get_digestbyname(alg->mgf));
        }
    }

    if (EVP_DigestSign(ctx, NULL, &siglen, data, len) != 1) {
        mint_die("sign");
    }

    der = mint_alloc(siglen);

    if (EVP_DigestSign(ctx, der, &siglen, data, len) != 1) {
        mint_die("sign");
    }

    EVP_MD_CTX_free(ctx);

    if (alg->kind != 'E') {
        *out = der;
        return siglen;
    }

    p = der;
    sig = d2i_ECDSA_SIG(NULL, &p, (long) siglen);
    raw = mint_alloc(2 * alg->field);
    memset(raw, 0, 2 * alg->field);

    if (BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, (int) alg->field) < 0
        || BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + alg->field,
                        (int) alg->field) < 0)
    {
        /* a key of a larger curve: what fits */
        BN_bn2bin(ECDSA_SIG_get0_r(sig), der);
        memcpy(raw, der, alg->field);
    }

    ECDSA_SIG_free(sig);
    free(der);
    *out = raw;

    return 2 * alg->field;
}


/* header and payload are any bytes. */
static MINT_UNUSED char *
mint_token_n(mint_key_t *key, const char *alg, const char *header,
    size_t hlen, const char *payload, size_t plen)
{
    char           *h, *p, *s, *out;
    size_t          len;
    unsigned char  *signature;

    h = mint_b64(header, hlen);
    p = mint_b64(payload, plen);

    out = mint_alloc(strlen(h) + strlen(p) + 4096);
    sprintf(out, "%s.%s", h, p);

    len = mint_signature(key, alg, out, strlen(out), &signature);
    s = mint_b64(signature, len);
    strcat(out, ".");
    strcat(out, s);

    free(h);
    free(p);
    free(s);
    free(signature);

    return out;
}


static MINT_UNUSED char *
mint_token(mint_key_t *key, const char *alg, const char *header,
    const char *payload)
{
    return mint_token_n(key, alg, header, strlen(header), payload,
                        strlen(payload));
}


#endif /* _MINT_H_INCLUDED_ */
