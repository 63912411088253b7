/*
 * Copyright (C) iHaNoi contributors
 *
 * A token's signature: its forms, and the keys that it is held against.
 */

#include "jwt_fixture.h"


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
    jwt_begin();

    confusion();
    signatures();
    tries();
    vectors();

    return jwt_end();
}
