/*
 * Copyright (C) iHaNoi contributors
 *
 * A token's payload: its shape and its claims.
 */

#include "jwt_fixture.h"


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


int
main(void)
{
    jwt_begin();

    payloads();
    claims();

    return jwt_end();
}
