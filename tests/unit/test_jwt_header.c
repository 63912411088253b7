/*
 * Copyright (C) iHaNoi contributors
 *
 * A token's header: its algorithm and the other members.
 */

#include "jwt_fixture.h"


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


/* The header of the token before is not read again; nothing else of it stays. */

static void
kept(void)
{
    char          *one, *other;
    ihanoi_jwt_t   first, second;

    one = mint_token(rsa, "RS256", HEADER, GOOD);
    other = mint_token(rsa, "RS256", "{\"alg\":\"RS256\",\"kid\":\"rsb\"}", GOOD);

    is_verdict(one, IHANOI_JWT_OK, "a header that is read");
    is_verdict(one, IHANOI_JWT_OK, "and again");
    is_verdict(other, IHANOI_JWT_KEY, "another kid, as long, is another one");
    is_verdict(one, IHANOI_JWT_OK, "the first one after it");

    /* each token has its own reference, in whatever order they are freed */

    (void) ihanoi_jwt_parse(&first, one, strlen(one));
    (void) ihanoi_jwt_parse(&second, one, strlen(one));
    ok(first.header == second.header, "two tokens share one header");

    ihanoi_jwt_free(&first);
    is_verdict(other, IHANOI_JWT_KEY, "one is freed, another header is kept");
    ok(second.kid.len == 3 && memcmp(second.kid.data, "rsa", 3) == 0,
       "the second token still has its own");
    ihanoi_jwt_free(&second);

    free(one);
    free(other);
}


int
main(void)
{
    jwt_begin();

    algorithms();
    headers();
    kept();

    return jwt_end();
}
