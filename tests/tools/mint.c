/*
 * Copyright (C) iHaNoi contributors
 *
 * Mints honest and hostile tokens for tests in Perl (IHanoi::Test::Mint): one
 * command a line, one answer a line; bytes are in hex.
 *
 *   key NAME TYPE                  a new key pair: RSA-2048, P-256, ED25519 ...
 *   secret NAME HEX                a secret
 *   jwk NAME HEX                   the public JWK with more members
 *   pem NAME                       the public key as PEM, in hex
 *   der NAME                       the same as DER
 *   cert NAME                      a certificate of it, signed by itself, as DER
 *   sign NAME ALG HEADER PAYLOAD   a token
 */

#include "../unit/mint.h"


static struct {
    char         name[64];
    mint_key_t  *key;
} keys[64];


static mint_key_t *
find(const char *name)
{
    size_t  i;

    for (i = 0; i < 64 && keys[i].key; i++) {
        if (strcmp(keys[i].name, name) == 0) {
            return keys[i].key;
        }
    }

    mint_die(name);

    return NULL;
}


static void
add(const char *name, mint_key_t *key)
{
    size_t  i;

    for (i = 0; i < 64; i++) {
        if (keys[i].key == NULL || strcmp(keys[i].name, name) == 0) {
            break;
        }
    }

    if (i == 64) {
        mint_die("too many keys");
    }

    if (keys[i].key) {
        mint_key_free(keys[i].key);
    }

    snprintf(keys[i].name, sizeof(keys[i].name), "%s", name);
    keys[i].key = key;
}


/* "-" is nothing */

static size_t
unhex(const char *hex, unsigned char **out)
{
    size_t    i, n;
    unsigned  v;

    n = (*hex == '-') ? 0 : strlen(hex) / 2;
    *out = mint_alloc(n + 1);

    for (i = 0; i < n; i++) {
        sscanf(hex + 2 * i, "%2x", &v);
        (*out)[i] = (unsigned char) v;
    }

    (*out)[n] = '\0';

    return n;
}


static void
print_hex(const void *data, size_t len)
{
    size_t                i;
    const unsigned char  *p;

    p = data;

    for (i = 0; i < len; i++) {
        printf("%02x", p[i]);
    }
}


int
main(void)
{
    int             n;
    char           *line, *word[5], *text, *save;
    size_t          size, hlen, plen;
    unsigned char  *header, *payload;

    line = NULL;
    size = 0;

    while (getline(&line, &size, stdin) > 0) {
        n = 0;

        for (text = strtok_r(line, " \n", &save);
             text && n < 5;
             text = strtok_r(NULL, " \n", &save))
        {
            word[n++] = text;
        }

        if (n < 2) {
            continue;
        }

        if (strcmp(word[0], "key") == 0 && n == 3) {
            add(word[1], mint_key(word[2]));
            printf("ok");

        } else if (strcmp(word[0], "secret") == 0 && n == 3) {
            hlen = unhex(word[2], &header);
            add(word[1], mint_secret(header, hlen));
            free(header);
            printf("ok");

        } else if (strcmp(word[0], "jwk") == 0 && n == 3) {
            unhex(word[2], &header);
            text = mint_jwk(find(word[1]), (char *) header);
            printf("%s", text);
            free(text);
            free(header);

        } else if (strcmp(word[0], "pem") == 0) {
            text = mint_pem(find(word[1]));
            print_hex(text, strlen(text));
            free(text);

        } else if (strcmp(word[0], "der") == 0) {
            hlen = mint_der(find(word[1]), &header);
            print_hex(header, hlen);
            free(header);

        } else if (strcmp(word[0], "cert") == 0) {
            hlen = mint_cert(find(word[1]), &header);
            print_hex(header, hlen);
            free(header);

        } else if (strcmp(word[0], "sign") == 0 && n == 5) {
            hlen = unhex(word[3], &header);
            plen = unhex(word[4], &payload);
            text = mint_token_n(find(word[1]), word[2], (char *) header, hlen,
                                (char *) payload, plen);
            printf("%s", text);
            free(text);
            free(header);
            free(payload);

        } else {
            mint_die(word[0]);
        }

        printf("\n");
        fflush(stdout);
    }

    for (n = 0; n < 64 && keys[n].key; n++) {
        mint_key_free(keys[n].key);
    }

    free(line);

    return 0;
}
