/*
 * Copyright (C) iHaNoi contributors
 *
 * Tokens as text: good ones are taken, and no other spelling of one.
 */

#include "jwt_fixture.h"


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


int
main(void)
{
    jwt_begin();

    jwt_good_tokens();
    mutations();
    spellings();
    serializations();

    return jwt_end();
}
