/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.jwt: tokens for and from other services.
 *
 * All that may raise an error comes before or after OpenSSL and jansson have
 * had their turn: nothing of theirs is held meanwhile.
 */

#include <math.h>
#include <stdio.h>
#include <string.h>

#include <lauxlib.h>

#include "ihanoi_base64.h"
#include "ihanoi_host.h"
#include "ihanoi_host_jwt_key.h"
#include "ihanoi_jwt.h"
#include "ihanoi_lua_json.h"


#define IHANOI_HOST_JWT_MAX_CLAIMS   4096
#define IHANOI_HOST_JWT_MAX_SECONDS  (366 * 24 * 3600.0)

/* Keys that stay loaded: an RSA key takes milliseconds to check. */
#define IHANOI_HOST_JWT_KEYS         8

/* In the registry. */
#define IHANOI_HOST_JWT_CACHE        "ihanoi.jwt.keys"


typedef struct {
    ihanoi_jwks_t            *set;
    int                       named;
    unsigned char             digest[IHANOI_SHA256_LEN];
} ihanoi_host_jwt_key_t;


typedef struct {
    unsigned                  next;       /* to be replaced */
    ihanoi_host_jwt_key_t     keys[IHANOI_HOST_JWT_KEYS];
} ihanoi_host_jwt_cache_t;


typedef struct {
    ihanoi_alg_e              alg;
    ihanoi_jwt_str_t          audience;
    ihanoi_jwt_str_t          issuer;
    ihanoi_jwt_str_t          type;
    long                      leeway;
} ihanoi_host_jwt_want_t;


static int ihanoi_host_jwt_sign(lua_State *L);
static int ihanoi_host_jwt_verify(lua_State *L);
static int ihanoi_host_jwt_open(lua_State *L);
static int ihanoi_host_jwt_close(lua_State *L);

static ihanoi_alg_e ihanoi_host_jwt_alg(lua_State *L, int options);
static ihanoi_jwt_str_t ihanoi_host_jwt_option(lua_State *L, int options,
    const char *name);
static double ihanoi_host_jwt_seconds(lua_State *L, int options,
    const char *name, double usual, double least, double most);
static size_t ihanoi_host_jwt_payload(lua_State *L, double expires,
    char *out);
static const ihanoi_host_jwt_key_t *ihanoi_host_jwt_key(
    ihanoi_host_jwt_cache_t *cache, ihanoi_alg_e alg, const char *key,
    size_t keylen, char *error);
static const char *ihanoi_host_jwt_check(const ihanoi_host_jwt_want_t *want,
    const ihanoi_host_jwt_key_t *key, const char *token, size_t len,
    char *payload, size_t *n);


static const ihanoi_host_function_t  ihanoi_host_jwt_functions[] = {

    { "jwt", "sign", ihanoi_host_jwt_sign, IHANOI_PHASE_CALL,
      "claims table\n"
      "key string\n"
      "options { alg: string, kid?: string, expires?: number, type?: string }",
      "token? string\n"
      "err? string",
      "A signed token (RFC 7519) with these claims. alg is HS256, RS256, "
      "PS256, ES256 (also 384, 512) or EdDSA; key is the secret, of no less "
      "bytes than the digest has, or a private key in PEM without a "
      "passphrase, RSA of 2048 to 4096 bits. expires, in seconds, 300 when "
      "absent, at most 366 days, sets \"iat\" and \"exp\", so the claims have "
      "neither. kid and type (\"JWT\") go to the header. nil and a reason "
      "when the key does not fit, when there is something in the claims that "
      "JSON has not, or when they are more than 4096 bytes." },

    { "jwt", "verify", ihanoi_host_jwt_verify, IHANOI_PHASE_CALL,
      "token string\n"
      "key string\n"
      "options { alg: string, audience?: string, issuer?: string, "
      "type?: string, leeway?: number }",
      "claims? table\n"
      "err? string",
      "The claims of a token that is good. alg is the only algorithm that is "
      "accepted, whatever the token says; key is the secret, a public key in "
      "PEM, or the JSON text of a set of keys (RFC 7517), from which \"kid\" "
      "chooses. The token needs \"sub\" and \"exp\"; \"exp\", \"nbf\" and "
      "\"iat\" are held against the clock, with leeway seconds (0, at most "
      "300); \"aud\", \"iss\" and the header's \"typ\" against audience, "
      "issuer and type where they are given. Read as strictly as tokens of "
      "callers are. nil and a reason otherwise." },

    { NULL, NULL, NULL, 0, NULL, NULL, NULL }
};


const ihanoi_host_noun_t  ihanoi_host_jwt = {
    "jwt",
    "Tokens for other services, and from them. Callers of this gateway are "
    "identified before a plugin runs: their tokens are not its business.",
    ihanoi_host_jwt_functions,
    ihanoi_host_jwt_open
};


/* A place for keys that the collector empties in the end. */

static int
ihanoi_host_jwt_open(lua_State *L)
{
    ihanoi_host_jwt_cache_t  *cache;

    cache = lua_newuserdata(L, sizeof(ihanoi_host_jwt_cache_t));
    memset(cache, 0, sizeof(ihanoi_host_jwt_cache_t));

    lua_newtable(L);
    lua_pushcfunction(L, ihanoi_host_jwt_close);
    lua_setfield(L, -2, "__gc");
    lua_setmetatable(L, -2);

    lua_setfield(L, LUA_REGISTRYINDEX, IHANOI_HOST_JWT_CACHE);

    return 0;
}


static int
ihanoi_host_jwt_close(lua_State *L)
{
    unsigned                  i;
    ihanoi_host_jwt_cache_t  *cache;

    cache = lua_touserdata(L, 1);

    for (i = 0; i < IHANOI_HOST_JWT_KEYS; i++) {
        ihanoi_jwks_free(cache->keys[i].set);
        cache->keys[i].set = NULL;
    }

    return 0;
}


static int
ihanoi_host_jwt_sign(lua_State *L)
{
    char              claims[IHANOI_HOST_JWT_MAX_CLAIMS + 64];
    char              header[1024], token[IHANOI_JWT_MAX_SIZE];
    size_t            n, len, keylen, siglen;
    double            expires;
    const char       *key, *reason;
    ihanoi_alg_e      alg;
    unsigned char     sig[IHANOI_HOST_JWT_MAX_SIGNATURE];
    ihanoi_jwt_str_t  kid, type;

    static const char *const  names[] = {
        "alg", "kid", "expires", "type", NULL
    };

    luaL_checktype(L, 1, LUA_TTABLE);
    key = luaL_checklstring(L, 2, &keylen);
    luaL_checktype(L, 3, LUA_TTABLE);
    (void) ihanoi_host_options(L, 3, names);

    alg = ihanoi_host_jwt_alg(L, 3);
    kid = ihanoi_host_jwt_option(L, 3, "kid");
    type = ihanoi_host_jwt_option(L, 3, "type");
    expires = ihanoi_host_jwt_seconds(L, 3, "expires", 300, 1,
                                      IHANOI_HOST_JWT_MAX_SECONDS);

    /* it says why not */

    lua_settop(L, 3);
    n = ihanoi_host_jwt_payload(L, expires, claims);

    if (n == 0) {
        lua_pushnil(L);
        lua_insert(L, -2);
        return 2;
    }

    /* options were checked: nothing in them needs an escape */

    len = (size_t) snprintf(header, sizeof(header),
                            "{\"alg\":\"%s\",\"typ\":\"%s\"%s%s%s}",
                            ihanoi_alg_name(alg),
                            type.data ? type.data : "JWT",
                            kid.data ? ",\"kid\":\"" : "",
                            kid.data ? kid.data : "",
                            kid.data ? "\"" : "");

    len = ihanoi_base64url_encode(token, (unsigned char *) header, len);
    token[len++] = '.';
    len += ihanoi_base64url_encode(token + len, (unsigned char *) claims, n);

    reason = ihanoi_host_jwt_sign_input(alg, key, keylen, token, len, sig,
                                        &siglen);
    if (reason) {
        return ihanoi_host_fail(L, "%s", reason);
    }

    token[len++] = '.';
    len += ihanoi_base64url_encode(token + len, sig, siglen);

    lua_pushlstring(L, token, len);

    return 1;
}


/*
 * The claims at index 1 with "iat" and "exp", in out; 0: why not is on the
 * stack.
 */

static size_t
ihanoi_host_jwt_payload(lua_State *L, double expires, char *out)
{
    int          n;
    size_t       len;
    double       now;
    const char  *text;

    lua_pushliteral(L, "iat");
    lua_rawget(L, 1);
    lua_pushliteral(L, "exp");
    lua_rawget(L, 1);

    if (!lua_isnil(L, -1) || !lua_isnil(L, -2)) {
        luaL_argerror(L, 1, "\"iat\" and \"exp\" are set by \"expires\"");
    }

    if (ihanoi_lua_push_encoded(L, 1) != 0) {
        return 0;
    }

    text = lua_tolstring(L, -1, &len);

    if (text[0] != '{') {
        lua_pushliteral(L, "claims are an object, not an array");
        return 0;
    }

    if (len > IHANOI_HOST_JWT_MAX_CLAIMS) {
        lua_pushliteral(L, "claims of more than 4096 bytes");
        return 0;
    }

    /* not rounded: some readers allow no "iat" that is not yet */

    now = floor(ihanoi_host_time_now());

    n = sprintf(out, "{\"iat\":%.0f,\"exp\":%.0f%s", now, now + expires,
                len > 2 ? "," : "");

    memcpy(out + n, text + 1, len - 1);

    return (size_t) n + len - 1;
}


static int
ihanoi_host_jwt_verify(lua_State *L)
{
    char                          error[256], payload[IHANOI_JWT_MAX_SIZE];
    size_t                        len, keylen, n;
    const char                   *token, *text, *reason;
    ihanoi_json_error_t           err;
    ihanoi_host_jwt_want_t        want;
    ihanoi_host_jwt_cache_t      *cache;
    const ihanoi_host_jwt_key_t  *key;

    static const char *const  names[] = {
        "alg", "audience", "issuer", "type", "leeway", NULL
    };

    token = luaL_checklstring(L, 1, &len);
    text = luaL_checklstring(L, 2, &keylen);
    luaL_checktype(L, 3, LUA_TTABLE);
    (void) ihanoi_host_options(L, 3, names);

    want.alg = ihanoi_host_jwt_alg(L, 3);
    want.audience = ihanoi_host_jwt_option(L, 3, "audience");
    want.issuer = ihanoi_host_jwt_option(L, 3, "issuer");
    want.type = ihanoi_host_jwt_option(L, 3, "type");
    want.leeway = (long) ihanoi_host_jwt_seconds(L, 3, "leeway", 0, 0, 300);

    lua_getfield(L, LUA_REGISTRYINDEX, IHANOI_HOST_JWT_CACHE);
    cache = lua_touserdata(L, -1);

    key = ihanoi_host_jwt_key(cache, want.alg, text, keylen, error);
    if (key == NULL) {
        return ihanoi_host_fail(L, "%s", error);
    }

    n = 0;

    reason = ihanoi_host_jwt_check(&want, key, token, len, payload, &n);
    if (reason) {
        return ihanoi_host_fail(L, "%s", reason);
    }

    if (ihanoi_lua_read_json(L, payload, n, &err) != 0) {
        return ihanoi_host_fail(L, "the payload: %s", err.reason);
    }

    return 1;
}


/* Out of the cache, or loaded into it; NULL: error says why not. */

static const ihanoi_host_jwt_key_t *
ihanoi_host_jwt_key(ihanoi_host_jwt_cache_t *cache, ihanoi_alg_e alg,
    const char *key, size_t keylen, char *error)
{
    int                     named;
    unsigned                i;
    unsigned char           digest[IHANOI_SHA256_LEN];
    ihanoi_jwks_t          *set;
    ihanoi_sha256_t        *state;
    ihanoi_host_jwt_key_t  *entry;

    if (keylen > IHANOI_HOST_JWT_MAX_KEY) {
        snprintf(error, 256, "the key is longer than 16384 bytes");
        return NULL;
    }

    /* a key is for one algorithm */

    state = ihanoi_sha256_new();
    if (state == NULL) {
        snprintf(error, 256, "out of memory");
        return NULL;
    }

    ihanoi_sha256_update(state, &alg, sizeof(alg));
    ihanoi_sha256_update(state, key, keylen);

    if (ihanoi_sha256_final(state, digest) != 0) {
        snprintf(error, 256, "out of memory");
        return NULL;
    }

    for (i = 0; i < IHANOI_HOST_JWT_KEYS; i++) {
        entry = &cache->keys[i];

        if (entry->set
            && ihanoi_secret_equal(entry->digest, digest, sizeof(digest)))
        {
            return entry;
        }
    }

    set = ihanoi_host_jwt_keys(alg, key, keylen, &named, error);
    if (set == NULL) {
        return NULL;
    }

    entry = &cache->keys[cache->next++ % IHANOI_HOST_JWT_KEYS];

    ihanoi_jwks_free(entry->set);

    entry->set = set;
    entry->named = named;
    memcpy(entry->digest, digest, sizeof(digest));

    return entry;
}


/* NULL, and the payload; or why the token is not good. */

static const char *
ihanoi_host_jwt_check(const ihanoi_host_jwt_want_t *want,
    const ihanoi_host_jwt_key_t *key, const char *token, size_t len,
    char *payload, size_t *n)
{
    ihanoi_jwt_e          rc;
    ihanoi_jwt_t          jwt;
    const ihanoi_jwks_t  *set;
    ihanoi_jwt_rules_t    rules;
    ihanoi_jwt_claims_t   claims;

    memset(&rules, 0, sizeof(ihanoi_jwt_rules_t));
    rules.audiences = &want->audience;
    rules.naudiences = want->audience.data ? 1 : 0;
    rules.types = &want->type;
    rules.ntypes = want->type.data ? 1 : 0;
    rules.leeway = want->leeway;

    rc = ihanoi_jwt_parse(&jwt, token, len);

    if (rc == IHANOI_JWT_OK) {

        if (!key->named) {

            /* the only key was given by hand: its name is of no interest */

            jwt.kid.data = NULL;
        }

        set = key->set;
        rc = ihanoi_jwt_verify(&jwt, &set, 1);
    }

    if (rc == IHANOI_JWT_OK) {
        rc = ihanoi_jwt_check(&jwt, &rules, ihanoi_host_time_now(), &claims);
    }

    if (rc == IHANOI_JWT_OK && want->issuer.data
        && (claims.iss.len != want->issuer.len
            || memcmp(claims.iss.data, want->issuer.data, claims.iss.len)
               != 0))
    {
        rc = IHANOI_JWT_ISS;
    }

    if (rc == IHANOI_JWT_OK) {
        *n = jwt.payload.len;
        memcpy(payload, jwt.payload.data, *n);
    }

    ihanoi_jwt_free(&jwt);

    return rc == IHANOI_JWT_OK ? NULL : ihanoi_jwt_reason(rc);
}


static ihanoi_alg_e
ihanoi_host_jwt_alg(lua_State *L, int options)
{
    ihanoi_alg_e      alg;
    ihanoi_jwt_str_t  name;

    name = ihanoi_host_jwt_option(L, options, "alg");

    alg = name.data ? ihanoi_alg_find(name.data, name.len) : IHANOI_ALG_NONE;

    if (alg == IHANOI_ALG_NONE) {
        luaL_argerror(L, options, "\"alg\" is absent or not supported");
    }

    return alg;
}


/* A text of up to 255 printable bytes, which stays in the table. */

static ihanoi_jwt_str_t
ihanoi_host_jwt_option(lua_State *L, int options, const char *name)
{
    size_t            i;
    ihanoi_jwt_str_t  value;

    value.data = NULL;
    value.len = 0;

    lua_pushstring(L, name);
    lua_rawget(L, options);

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return value;
    }

    if (lua_type(L, -1) == LUA_TSTRING) {
        value.data = lua_tolstring(L, -1, &value.len);
    }

    for (i = 0; i < value.len; i++) {
        if (value.data[i] <= 0x20 || value.data[i] > 0x7e
            || value.data[i] == '"' || value.data[i] == '\\')
        {
            break;
        }
    }

    if (i != value.len || value.len == 0 || value.len > IHANOI_JWK_MAX_KID) {
        lua_pushfstring(L, "\"%s\" is not a text of 1 to 255 plain characters",
                        name);
        luaL_argerror(L, options, lua_tostring(L, -1));
    }

    lua_pop(L, 1);

    return value;
}


static double
ihanoi_host_jwt_seconds(lua_State *L, int options, const char *name,
    double usual, double least, double most)
{
    double  value;

    lua_pushstring(L, name);
    lua_rawget(L, options);

    if (lua_isnil(L, -1)) {
        lua_pop(L, 1);
        return usual;
    }

    value = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : -1;

    if (!(value >= least && value <= most)) {
        lua_pushfstring(L, "\"%s\" is not a number of %d to %d seconds", name,
                        (int) least, (int) most);
        luaL_argerror(L, options, lua_tostring(L, -1));
    }

    lua_pop(L, 1);

    return value;
}
