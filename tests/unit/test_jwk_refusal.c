/*
 * Copyright (C) iHaNoi contributors
 *
 * What OpenSSL says of a signature that it does not verify: is it a wrong one, or
 * did memory fail?
 */

#include <openssl/err.h>
#include <openssl/evp.h>

#include "ihanoi_jwk.h"
#include "mint.h"
#include "tap.h"


/* EVP_R_PROVIDER_SIGNATURE_FAILURE of OpenSSL 3.5 */
#define FAILURE  234


static struct {
    int  lib;
    int  reason;
} says[2];


/* In place of OpenSSL's. */

int
EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t siglen,
    const unsigned char *data, size_t len)
{
    unsigned  i;

    for (i = 0; i < 2; i++) {
        if (says[i].lib) {
            ERR_raise(says[i].lib, says[i].reason);
        }
    }

    return 0;
}


static void
refuses(const ihanoi_jwks_t *set, int lib, int reason, int lib2, int reason2,
    int expected, const char *name)
{
    unsigned char  sig[64] = "";

    says[0].lib = lib;
    says[0].reason = reason;
    says[1].lib = lib2;
    says[1].reason = reason2;

    is_int(ihanoi_jwk_verify(ihanoi_jwks_key(set, 0), "data", 4, sig,
                             sizeof(sig)),
           expected, "%s", name);
}


int
main(void)
{
    char                   *jwk, text[1024], error[256];
    mint_key_t             *key;
    ihanoi_jwks_t          *set;
    ihanoi_jwks_options_t   options;

    key = mint_key("ED25519");
    jwk = mint_jwk(key, "");
    (void) snprintf(text, sizeof(text), "{\"keys\":[%s]}", jwk);

    memset(&options, 0, sizeof(options));
    set = ihanoi_jwks_parse(text, strlen(text), &options, error);

    if (!ok(set != NULL, "a key")) {
        printf("# %s\n", error);
        return done_testing();
    }

    refuses(set, 0, 0, 0, 0, 0, "silence is a refusal");
    refuses(set, ERR_LIB_EVP, FAILURE, 0, 0, 0, "which OpenSSL 3.5 tells");
    refuses(set, ERR_LIB_RSA, 1, ERR_LIB_PROV, 1, 0, "as RSA's word is");
    refuses(set, ERR_LIB_EC, 1, ERR_LIB_EVP, FAILURE, 0, "and EC's");
    refuses(set, ERR_LIB_CRYPTO, ERR_R_MALLOC_FAILURE, ERR_LIB_EVP, FAILURE,
            -1, "memory is not the signature's");
    refuses(set, ERR_LIB_EVP, EVP_R_INITIALIZATION_ERROR, 0, 0, -1,
            "nor is what else goes wrong");

    ERR_raise(ERR_LIB_SSL, 1);
    refuses(set, 0, 0, 0, 0, 0, "what others have left says nothing");

    ihanoi_jwks_free(set);
    free(jwk);
    mint_key_free(key);

    return done_testing();
}
