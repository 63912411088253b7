/*
 * Copyright (C) iHaNoi contributors
 *
 * Mints tokens with libjwt, for development and tests.  The part of the
 * command that needs C; "ihanoi token" is the one for people.
 *
 * usage: ihanoi-token ALG KEYFILE < lines > tokens
 *
 * ALG is libjwt's: none, HS256..512, RS256..512, ES256..512.  KEYFILE is a
 * PEM private key, or the secret's bytes for HS*; it is not read for none.
 * A line of input is one JSON object {"header": {...}, "claims": {...}};
 * a line of output is its token.
 */

#include <jansson.h>
#include <jwt.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>


#define KEY_MAX   16384
#define LINE_MAX_ 65536


static int read_key(const char *name, unsigned char *key, size_t *len);
static int mint(const char *line, jwt_alg_t alg, const unsigned char *key,
    size_t len);


int
main(int argc, char **argv)
{
    size_t                len;
    jwt_alg_t             alg;
    static char           line[LINE_MAX_];
    static unsigned char  key[KEY_MAX];

    if (argc != 3) {
        fprintf(stderr, "usage: ihanoi-token ALG KEYFILE < lines > tokens\n");
        return 2;
    }

    alg = jwt_str_alg(argv[1]);
    if (alg == JWT_ALG_INVAL) {
        fprintf(stderr, "ihanoi-token: libjwt does not know \"%s\"\n", argv[1]);
        return 2;
    }

    len = 0;

    if (alg != JWT_ALG_NONE && read_key(argv[2], key, &len) != 0) {
        return 1;
    }

    while (fgets(line, sizeof(line), stdin) != NULL) {
        if (strchr(line, '\n') == NULL && !feof(stdin)) {
            fprintf(stderr, "ihanoi-token: line longer than %d bytes\n",
                    LINE_MAX_ - 2);
            return 1;
        }

        if (mint(line, alg, key, len) != 0) {
            return 1;
        }
    }

    return fflush(stdout) == 0 ? 0 : 1;
}


static int
read_key(const char *name, unsigned char *key, size_t *len)
{
    FILE  *f;

    f = fopen(name, "rb");
    if (f == NULL) {
        perror(name);
        return -1;
    }

    *len = fread(key, 1, KEY_MAX, f);

    if (ferror(f) || *len == 0 || *len == KEY_MAX) {
        fprintf(stderr, "ihanoi-token: \"%s\" is empty, too long or could not "
                "be read\n", name);
        fclose(f);
        return -1;
    }

    fclose(f);
    return 0;
}


/* Prints the token of one line. */

static int
mint(const char *line, jwt_alg_t alg, const unsigned char *key, size_t len)
{
    int           rc;
    char         *token, *header, *claims;
    jwt_t        *jwt;
    json_t       *root, *part;
    json_error_t  error;

    rc = -1;
    jwt = NULL;
    token = NULL;
    header = NULL;
    claims = NULL;

    root = json_loads(line, JSON_REJECT_DUPLICATES, &error);
    if (root == NULL) {
        fprintf(stderr, "ihanoi-token: %s\n", error.text);
        return -1;
    }

    part = json_object_get(root, "header");
    if (part != NULL) {
        header = json_dumps(part, JSON_COMPACT);
    }

    part = json_object_get(root, "claims");
    if (part != NULL) {
        claims = json_dumps(part, JSON_COMPACT);
    }

    if (jwt_new(&jwt) != 0
        || (claims != NULL && jwt_add_grants_json(jwt, claims) != 0)
        || (header != NULL && jwt_add_headers_json(jwt, header) != 0)
        || (alg != JWT_ALG_NONE && jwt_set_alg(jwt, alg, key, len) != 0))
    {
        fprintf(stderr, "ihanoi-token: libjwt refused header, claims or key\n");
        goto done;
    }

    token = jwt_encode_str(jwt);
    if (token == NULL) {
        fprintf(stderr, "ihanoi-token: libjwt could not sign with this key\n");
        goto done;
    }

    rc = puts(token) == EOF ? -1 : 0;

done:

    free(token);
    free(claims);
    free(header);
    jwt_free(jwt);
    json_decref(root);

    return rc;
}
