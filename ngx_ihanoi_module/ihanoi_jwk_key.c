/*
 * Copyright (C) iHaNoi contributors
 *
 * What a JSON Web Key says of itself: its type, what it is for, its name, and
 * the one algorithm that it is pinned to.
 */

#include <stdlib.h>
#include <string.h>

#include "ihanoi_jwk_key.h"
#include "ihanoi_jwk_key_material.h"


static const char *const ihanoi_ktys[IHANOI_KTYS] = {
    "oct", "RSA", "EC", "OKP"
};


/* RFC 7518 6.2.2, 6.3.2; RFC 8037 2 */
static const char *const ihanoi_private_members[] = {
    "d", "p", "q", "dp", "dq", "qi", "oth", NULL
};


static ihanoi_jwk_e ihanoi_jwk_purpose(ihanoi_jwk_load_t *load,
    json_t *json);
static ihanoi_jwk_e ihanoi_jwk_pin(ihanoi_jwk_load_t *load,
    ihanoi_jwk_t *key, json_t *json, ihanoi_kty_e kty,
    const ihanoi_crv_t *crv);


ihanoi_jwk_e
ihanoi_jwk_load(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json)
{
    int                   i;
    size_t                n;
    json_t               *value;
    const char           *s;
    ihanoi_kty_e          kty;
    ihanoi_jwk_e          rc;
    const ihanoi_crv_t   *crv;

    s = json_string_value(json_object_get(json, "kty"));
    if (s == NULL) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY, "no \"kty\"");
    }

    for (i = 0; i < IHANOI_KTYS; i++) {
        if (strcmp(s, ihanoi_ktys[i]) == 0) {
            break;
        }
    }

    if (i == IHANOI_KTYS) {
        return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN, "unknown \"kty\"");
    }

    kty = (ihanoi_kty_e) i;

    rc = ihanoi_jwk_purpose(load, json);
    if (rc != IHANOI_JWK_OK) {
        return rc;
    }

    if (kty != IHANOI_KTY_OCT) {
        for (i = 0; ihanoi_private_members[i]; i++) {
            if (json_object_get(json, ihanoi_private_members[i])) {
                return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                         "is a private key (\"%s\"): it has "
                                         "been disclosed, replace it",
                                         ihanoi_private_members[i]);
            }
        }
    }

    crv = NULL;

    if (kty == IHANOI_KTY_EC || kty == IHANOI_KTY_OKP) {
        s = json_string_value(json_object_get(json, "crv"));
        if (s == NULL) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY, "no \"crv\"");
        }

        for (crv = ihanoi_crvs; crv->crv; crv++) {
            if (crv->kty == kty && strcmp(crv->crv, s) == 0) {
                break;
            }
        }

        if (crv->crv == NULL) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN,
                                     "unknown \"crv\"");
        }
    }

    rc = ihanoi_jwk_pin(load, key, json, kty, crv);
    if (rc != IHANOI_JWK_OK) {
        return rc;
    }

    value = json_object_get(json, "kid");
    if (value) {
        n = json_string_length(value);

        if (n == 0 || n > IHANOI_JWK_MAX_KID) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                     "\"kid\" is not a string of 1 to %d bytes",
                                     IHANOI_JWK_MAX_KID);
        }

        key->kid = malloc(n);
        if (key->kid == NULL) {
            return IHANOI_JWK_MEMORY;
        }

        memcpy(key->kid, json_string_value(value), n);
        key->kid_len = n;
    }

    return ihanoi_jwk_material(load, key, json, kty, crv);
}


/* Is it for us?  RFC 7517 4.2, 4.3 */

static ihanoi_jwk_e
ihanoi_jwk_purpose(ihanoi_jwk_load_t *load, json_t *json)
{
    int          fits;
    size_t       n;
    json_t      *value;
    const char  *s;

    value = json_object_get(json, "use");
    if (value) {
        s = json_string_value(value);
        if (s == NULL) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                     "\"use\" is not a string");
        }

        if (strcmp(s, "sig") != 0) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN,
                                     "not for signatures by its \"use\"");
        }
    }

    value = json_object_get(json, "key_ops");
    if (value) {
        if (!json_is_array(value)) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                     "\"key_ops\" is not an array");
        }

        fits = 0;

        for (n = 0; n < json_array_size(value); n++) {
            s = json_string_value(json_array_get(value, n));
            if (s && strcmp(s, "verify") == 0) {
                fits = 1;
            }
        }

        if (!fits) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN,
                                     "not for verification by its \"key_ops\"");
        }
    }

    return IHANOI_JWK_OK;
}


/* Finds the one algorithm that the key will be used with. */

static ihanoi_jwk_e
ihanoi_jwk_pin(ihanoi_jwk_load_t *load, ihanoi_jwk_t *key, json_t *json,
    ihanoi_kty_e kty, const ihanoi_crv_t *crv)
{
    unsigned       i, fits;
    json_t        *value;
    ihanoi_alg_e   alg;

    value = json_object_get(json, "alg");

    if (value) {
        if (!json_is_string(value)) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                     "\"alg\" is not a string");
        }

        alg = ihanoi_alg_find(json_string_value(value),
                              json_string_length(value));

        if (alg == IHANOI_ALG_NONE) {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN,
                                     "unknown \"alg\"");
        }

        if (ihanoi_algs[alg].kty != kty
            || (ihanoi_algs[alg].crv
                && strcmp(ihanoi_algs[alg].crv, crv->crv) != 0))
        {
            return ihanoi_jwk_refuse(load, IHANOI_JWK_FAULTY,
                                     "\"alg\" %s does not fit its type or "
                                     "curve", ihanoi_algs[alg].name);
        }

        key->alg = alg;

    } else if (load->nalgorithms == 0) {

        switch (kty) {
        case IHANOI_KTY_OCT:
            key->alg = IHANOI_HS256;
            break;
        case IHANOI_KTY_RSA:
            key->alg = IHANOI_RS256;
            break;
        case IHANOI_KTY_EC:
            for (i = IHANOI_ES256; i <= IHANOI_ES512; i++) {
                if (strcmp(ihanoi_algs[i].crv, crv->crv) == 0) {
                    key->alg = (ihanoi_alg_e) i;
                }
            }
            break;
        default: /* IHANOI_KTY_OKP */
            key->alg = IHANOI_EDDSA;
            break;
        }
    }

    if (load->nalgorithms == 0) {
        return IHANOI_JWK_OK;
    }

    for (i = 0; i < load->nalgorithms; i++) {
        alg = load->algorithms[i];

        if (key->alg) {
            fits = (key->alg == alg);

        } else {
            fits = ihanoi_algs[alg].kty == kty
                   && (ihanoi_algs[alg].crv == NULL
                       || strcmp(ihanoi_algs[alg].crv, crv->crv) == 0);
        }

        if (fits) {
            key->alg = alg;
            return IHANOI_JWK_OK;
        }
    }

    return ihanoi_jwk_refuse(load, IHANOI_JWK_FOREIGN,
                             "not of an algorithm that is allowed here");
}


ihanoi_alg_e
ihanoi_jwk_alg(const ihanoi_jwk_t *key)
{
    return key->alg;
}
