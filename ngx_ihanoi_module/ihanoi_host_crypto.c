/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.crypto: digests, HMAC, random bytes, base64 and hex.
 *
 * OpenSSL is not asked to stop in the middle, so what it is given is bounded:
 * the longest text takes some milliseconds.
 */

#include <openssl/err.h>
#include <openssl/evp.h>

#include <lauxlib.h>

#include "ihanoi_base64.h"
#include "ihanoi_digest.h"
#include "ihanoi_host.h"


#define IHANOI_CRYPTO_MAX         (4 * 1024 * 1024)
#define IHANOI_CRYPTO_MAX_RANDOM  1024

#define IHANOI_CRYPTO_LIMIT  "at most 4 MiB"


typedef enum {
    IHANOI_CRYPTO_HEX = 0,
    IHANOI_CRYPTO_RAW,
    IHANOI_CRYPTO_BASE64,
    IHANOI_CRYPTO_BASE64URL
} ihanoi_crypto_form_e;


static int ihanoi_host_crypto_sha256(lua_State *L);
static int ihanoi_host_crypto_sha384(lua_State *L);
static int ihanoi_host_crypto_sha512(lua_State *L);
static int ihanoi_host_crypto_hmac(lua_State *L);
static int ihanoi_host_crypto_equal(lua_State *L);
static int ihanoi_host_crypto_random(lua_State *L);
static int ihanoi_host_crypto_base64_encode(lua_State *L);
static int ihanoi_host_crypto_base64_decode(lua_State *L);
static int ihanoi_host_crypto_base64url_encode(lua_State *L);
static int ihanoi_host_crypto_base64url_decode(lua_State *L);
static int ihanoi_host_crypto_hex_encode(lua_State *L);
static int ihanoi_host_crypto_hex_decode(lua_State *L);

static int ihanoi_crypto_digest(lua_State *L, const char *name);
static const char *ihanoi_crypto_text(lua_State *L, int index, size_t *len);
static ihanoi_crypto_form_e ihanoi_crypto_form(lua_State *L, int index,
    const char *usual);
static int ihanoi_crypto_push(lua_State *L, const unsigned char *data,
    size_t len, ihanoi_crypto_form_e form);
static int ihanoi_crypto_digit(char c);


#define IHANOI_CRYPTO_DIGEST_PARAMS                                           \
    "text string\n"                                                           \
    "form? \"hex\"|\"raw\"|\"base64\"|\"base64url\""

#define IHANOI_CRYPTO_FORMS                                                   \
    "in lower-case hex, or as form says: bytes, base64 with padding, "        \
    "base64url without. Raises when the text has more than 4 MiB."


static const ihanoi_host_function_t  ihanoi_host_crypto_functions[] = {

    { "crypto", "sha256", ihanoi_host_crypto_sha256, IHANOI_PHASE_ANY,
      IHANOI_CRYPTO_DIGEST_PARAMS, "digest string",
      "The SHA-256 digest of a text (FIPS 180-4), " IHANOI_CRYPTO_FORMS },

    { "crypto", "sha384", ihanoi_host_crypto_sha384, IHANOI_PHASE_ANY,
      IHANOI_CRYPTO_DIGEST_PARAMS, "digest string",
      "The SHA-384 digest of a text (FIPS 180-4), " IHANOI_CRYPTO_FORMS },

    { "crypto", "sha512", ihanoi_host_crypto_sha512, IHANOI_PHASE_ANY,
      IHANOI_CRYPTO_DIGEST_PARAMS, "digest string",
      "The SHA-512 digest of a text (FIPS 180-4), " IHANOI_CRYPTO_FORMS },

    { "crypto", "hmac", ihanoi_host_crypto_hmac, IHANOI_PHASE_ANY,
      "alg \"sha256\"|\"sha384\"|\"sha512\"\n"
      "key string\n"
      "text string\n"
      "form? \"hex\"|\"raw\"|\"base64\"|\"base64url\"",
      "mac string",
      "The HMAC of a text with a secret key (RFC 2104), "
      IHANOI_CRYPTO_FORMS " Compare it with equal(), never with ==." },

    { "crypto", "equal", ihanoi_host_crypto_equal, IHANOI_PHASE_ANY,
      "a string\n"
      "b string",
      "same boolean",
      "Whether two texts are the same; the time it takes tells only their "
      "lengths. Raises when one has more than 4 MiB." },

    { "crypto", "random", ihanoi_host_crypto_random, IHANOI_PHASE_ANY,
      "n integer\n"
      "form? \"raw\"|\"hex\"|\"base64\"|\"base64url\"",
      "bytes string",
      "n random bytes, 1 to 1024, that nobody can foresee: for keys, codes "
      "and tokens. math.random() is not for these. As bytes, or in another "
      "form." },

    { "crypto", "base64_encode", ihanoi_host_crypto_base64_encode,
      IHANOI_PHASE_ANY,
      "bytes string", "text string",
      "Base64 with padding (RFC 4648, 4), in one line. Raises above 4 MiB." },

    { "crypto", "base64_decode", ihanoi_host_crypto_base64_decode,
      IHANOI_PHASE_ANY,
      "text string", "bytes? string\nerr? string",
      "The bytes of a base64 text with padding; nil and a reason when it is "
      "not exactly what base64_encode() writes: line breaks, missing padding "
      "and bits that say nothing are refused. Raises above 4 MiB." },

    { "crypto", "base64url_encode", ihanoi_host_crypto_base64url_encode,
      IHANOI_PHASE_ANY,
      "bytes string", "text string",
      "Base64url without padding (RFC 4648, 5), for URLs and tokens. Raises "
      "above 4 MiB." },

    { "crypto", "base64url_decode", ihanoi_host_crypto_base64url_decode,
      IHANOI_PHASE_ANY,
      "text string", "bytes? string\nerr? string",
      "The bytes of a base64url text without padding; nil and a reason when "
      "it is not exactly what base64url_encode() writes. Raises above 4 MiB."
    },

    { "crypto", "hex_encode", ihanoi_host_crypto_hex_encode, IHANOI_PHASE_ANY,
      "bytes string", "text string",
      "Two lower-case digits a byte. Raises above 4 MiB." },

    { "crypto", "hex_decode", ihanoi_host_crypto_hex_decode, IHANOI_PHASE_ANY,
      "text string", "bytes? string\nerr? string",
      "The bytes of hex digits, in upper or lower case; nil and a reason when "
      "there are others or their number is odd. Raises above 4 MiB." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_crypto = {
    "crypto",
    "Digests, HMAC, random bytes, and the texts that bytes travel as.",
    ihanoi_host_crypto_functions,
    NULL
};


static int
ihanoi_host_crypto_sha256(lua_State *L)
{
    return ihanoi_crypto_digest(L, "SHA256");
}


static int
ihanoi_host_crypto_sha384(lua_State *L)
{
    return ihanoi_crypto_digest(L, "SHA384");
}


static int
ihanoi_host_crypto_sha512(lua_State *L)
{
    return ihanoi_crypto_digest(L, "SHA512");
}


static int
ihanoi_crypto_digest(lua_State *L, const char *name)
{
    size_t                 len, n;
    const char            *text;
    unsigned char          out[EVP_MAX_MD_SIZE];
    ihanoi_crypto_form_e   form;

    text = ihanoi_crypto_text(L, 1, &len);
    form = ihanoi_crypto_form(L, 2, "hex");

    if (EVP_Q_digest(NULL, name, NULL, text, len, out, &n) != 1) {
        ERR_clear_error();
        return luaL_error(L, "not enough memory");
    }

    return ihanoi_crypto_push(L, out, n, form);
}


static int
ihanoi_host_crypto_hmac(lua_State *L)
{
    size_t                 len, keylen, n;
    const char            *key, *text, *name;
    unsigned char          out[EVP_MAX_MD_SIZE];
    ihanoi_crypto_form_e   form;

    static const char *const  names[] = { "sha256", "sha384", "sha512", NULL };

    name = names[luaL_checkoption(L, 1, NULL, names)];
    key = ihanoi_crypto_text(L, 2, &keylen);
    text = ihanoi_crypto_text(L, 3, &len);
    form = ihanoi_crypto_form(L, 4, "hex");

    luaL_argcheck(L, keylen > 0, 2, "an empty key");

    if (EVP_Q_mac(NULL, "HMAC", NULL, name, NULL, key, keylen,
                  (const unsigned char *) text, len, out, sizeof(out), &n)
        == NULL)
    {
        ERR_clear_error();
        return luaL_error(L, "not enough memory");
    }

    return ihanoi_crypto_push(L, out, n, form);
}


static int
ihanoi_host_crypto_equal(lua_State *L)
{
    size_t       alen, blen;
    const char  *a, *b;

    a = ihanoi_crypto_text(L, 1, &alen);
    b = ihanoi_crypto_text(L, 2, &blen);

    lua_pushboolean(L, alen == blen && ihanoi_secret_equal(a, b, alen));

    return 1;
}


static int
ihanoi_host_crypto_random(lua_State *L)
{
    double                 n;
    unsigned char          bytes[IHANOI_CRYPTO_MAX_RANDOM];
    ihanoi_crypto_form_e   form;

    n = luaL_checknumber(L, 1);
    form = ihanoi_crypto_form(L, 2, "raw");

    luaL_argcheck(L, n >= 1 && n <= IHANOI_CRYPTO_MAX_RANDOM
                     && n == (double) (size_t) n, 1, "1 to 1024 bytes");

    if (ihanoi_random(bytes, (size_t) n) != 0) {
        return luaL_error(L, "no random numbers");
    }

    return ihanoi_crypto_push(L, bytes, (size_t) n, form);
}


static int
ihanoi_host_crypto_base64_encode(lua_State *L)
{
    size_t       len;
    const char  *text;

    text = ihanoi_crypto_text(L, 1, &len);

    return ihanoi_crypto_push(L, (const unsigned char *) text, len,
                              IHANOI_CRYPTO_BASE64);
}


static int
ihanoi_host_crypto_base64url_encode(lua_State *L)
{
    size_t       len;
    const char  *text;

    text = ihanoi_crypto_text(L, 1, &len);

    return ihanoi_crypto_push(L, (const unsigned char *) text, len,
                              IHANOI_CRYPTO_BASE64URL);
}


static int
ihanoi_host_crypto_hex_encode(lua_State *L)
{
    size_t       len;
    const char  *text;

    text = ihanoi_crypto_text(L, 1, &len);

    return ihanoi_crypto_push(L, (const unsigned char *) text, len,
                              IHANOI_CRYPTO_HEX);
}


/* As base64url, which is read strictly, with the other alphabet. */

static int
ihanoi_host_crypto_base64_decode(lua_State *L)
{
    char           *copy;
    size_t          i, len, n;
    ssize_t         rc;
    const char     *text;
    unsigned char  *out;

    text = ihanoi_crypto_text(L, 1, &len);

    if (len % 4) {
        return ihanoi_host_fail(L, "not base64: its length is no multiple of "
                                   "4");
    }

    n = len;

    if (n && text[n - 1] == '=') {
        n--;

        if (text[n - 1] == '=') {
            n--;
        }
    }

    copy = lua_newuserdata(L, n + 1);
    out = lua_newuserdata(L, ihanoi_base64url_decoded(n) + 1);

    for (i = 0; i < n; i++) {

        switch (text[i]) {

        case '+':
            copy[i] = '-';
            break;

        case '/':
            copy[i] = '_';
            break;

        case '-':
        case '_':
            copy[i] = '=';                  /* nowhere legal */
            break;

        default:
            copy[i] = text[i];
            break;
        }
    }

    rc = ihanoi_base64url_decode(out, copy, n);
    if (rc < 0) {
        return ihanoi_host_fail(L, "not base64");
    }

    lua_pushlstring(L, (char *) out, (size_t) rc);

    return 1;
}


static int
ihanoi_host_crypto_base64url_decode(lua_State *L)
{
    size_t          len;
    ssize_t         rc;
    const char     *text;
    unsigned char  *out;

    text = ihanoi_crypto_text(L, 1, &len);
    out = lua_newuserdata(L, ihanoi_base64url_decoded(len) + 1);

    rc = ihanoi_base64url_decode(out, text, len);
    if (rc < 0) {
        return ihanoi_host_fail(L, "not base64url");
    }

    lua_pushlstring(L, (char *) out, (size_t) rc);

    return 1;
}


static int
ihanoi_host_crypto_hex_decode(lua_State *L)
{
    int          high, low;
    char        *out;
    size_t       i, len;
    const char  *text;

    text = ihanoi_crypto_text(L, 1, &len);

    if (len % 2) {
        return ihanoi_host_fail(L, "not hex: an odd number of digits");
    }

    out = lua_newuserdata(L, len / 2 + 1);

    for (i = 0; i < len; i += 2) {
        high = ihanoi_crypto_digit(text[i]);
        low = ihanoi_crypto_digit(text[i + 1]);

        if (high < 0 || low < 0) {
            return ihanoi_host_fail(L, "not hex at byte %d", (int) i + 1);
        }

        out[i / 2] = (char) (high << 4 | low);
    }

    lua_pushlstring(L, out, len / 2);

    return 1;
}


static const char *
ihanoi_crypto_text(lua_State *L, int index, size_t *len)
{
    const char  *text;

    text = luaL_checklstring(L, index, len);

    luaL_argcheck(L, *len <= IHANOI_CRYPTO_MAX, index, IHANOI_CRYPTO_LIMIT);

    return text;
}


static ihanoi_crypto_form_e
ihanoi_crypto_form(lua_State *L, int index, const char *usual)
{
    static const char *const  names[] = {
        "hex", "raw", "base64", "base64url", NULL
    };

    return (ihanoi_crypto_form_e) ihanoi_host_option(L, index, usual, names);
}


static int
ihanoi_crypto_push(lua_State *L, const unsigned char *data, size_t len,
    ihanoi_crypto_form_e form)
{
    char    *out;
    size_t   n;

    switch (form) {

    case IHANOI_CRYPTO_RAW:
        lua_pushlstring(L, (const char *) data, len);
        return 1;

    case IHANOI_CRYPTO_BASE64:
        out = lua_newuserdata(L, (len + 2) / 3 * 4 + 1);
        n = (size_t) EVP_EncodeBlock((unsigned char *) out, data, (int) len);
        break;

    case IHANOI_CRYPTO_BASE64URL:
        out = lua_newuserdata(L, ihanoi_base64url_encoded(len) + 1);
        n = ihanoi_base64url_encode(out, data, len);
        break;

    default: /* IHANOI_CRYPTO_HEX */
        out = lua_newuserdata(L, 2 * len + 1);
        ihanoi_hex(data, len, out);
        n = 2 * len;
        break;
    }

    lua_pushlstring(L, out, n);

    return 1;
}


static int
ihanoi_crypto_digit(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}
