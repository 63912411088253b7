/*
 * Copyright (C) iHaNoi contributors
 *
 * Signature algorithms of JOSE.
 */

#include <string.h>

#include "ihanoi_alg.h"


const ihanoi_alg_t ihanoi_algs[IHANOI_ALGS] = {
    { "",      IHANOI_KTYS,    NULL,     0,  0, NULL },
    { "HS256", IHANOI_KTY_OCT, "SHA256", 32, 0, NULL },
    { "HS384", IHANOI_KTY_OCT, "SHA384", 48, 0, NULL },
    { "HS512", IHANOI_KTY_OCT, "SHA512", 64, 0, NULL },
    { "RS256", IHANOI_KTY_RSA, "SHA256", 32, 0, NULL },
    { "RS384", IHANOI_KTY_RSA, "SHA384", 48, 0, NULL },
    { "RS512", IHANOI_KTY_RSA, "SHA512", 64, 0, NULL },
    { "PS256", IHANOI_KTY_RSA, "SHA256", 32, 1, NULL },
    { "PS384", IHANOI_KTY_RSA, "SHA384", 48, 1, NULL },
    { "PS512", IHANOI_KTY_RSA, "SHA512", 64, 1, NULL },
    { "ES256", IHANOI_KTY_EC,  "SHA256", 32, 0, "P-256" },
    { "ES384", IHANOI_KTY_EC,  "SHA384", 48, 0, "P-384" },
    { "ES512", IHANOI_KTY_EC,  "SHA512", 64, 0, "P-521" },
    { "EdDSA", IHANOI_KTY_OKP, NULL,     0,  0, NULL }
};


ihanoi_alg_e
ihanoi_alg_find(const char *name, size_t len)
{
    int  i;

    for (i = IHANOI_ALG_NONE + 1; i < IHANOI_ALGS; i++) {
        if (len == strlen(ihanoi_algs[i].name)
            && memcmp(name, ihanoi_algs[i].name, len) == 0)
        {
            return (ihanoi_alg_e) i;
        }
    }

    return IHANOI_ALG_NONE;
}


const char *
ihanoi_alg_name(ihanoi_alg_e alg)
{
    return ihanoi_algs[alg].name;
}
