/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.jwt: what is signed verifies, with the key and the algorithm that
 * were named, and nothing else does.
 */

#include <openssl/bio.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "host_fixture.h"


#define MB  (1024 * 1024)

#define J  "local j = ihanoi.jwt "

/* the value, or the error */
#define F  J "local function f(v, err) if v == nil then return err end " \
             "return v end "

#define SECRET  "local key = ('s'):rep(32) "

#define GOOD  SECRET "local good = j.sign({sub = 'a'}, key, {alg = 'HS256'}) "


static double  clock_now = 1795539600.75;


static double
fake(void)
{
    return clock_now;
}


static void
set_pem(EVP_PKEY *pkey, const char *name, int private, const char *pass)
{
    BIO        *bio;
    char       *data;
    long        len;
    lua_State  *L;

    bio = BIO_new(BIO_s_mem());

    if (private) {
        PEM_write_bio_PrivateKey(bio, pkey, pass ? EVP_aes_128_cbc() : NULL,
                                 NULL, 0, NULL, (void *) pass);
    } else {
        PEM_write_bio_PUBKEY(bio, pkey);
    }

    len = BIO_get_mem_data(bio, &data);

    L = ihanoi_sandbox_state(sandbox);
    lua_pushlstring(L, data, (size_t) len);
    lua_setglobal(L, name);

    BIO_free(bio);
}


/* Globals NAME (private) and NAME_pub. */

static void
set_key(const char *name, EVP_PKEY *pkey)
{
    char  pub[64];

    snprintf(pub, sizeof(pub), "%s_pub", name);

    set_pem(pkey, name, 1, NULL);
    set_pem(pkey, pub, 0, NULL);

    if (strcmp(name, "rsa") == 0) {
        set_pem(pkey, "locked", 1, "secret");
    }

    EVP_PKEY_free(pkey);
}


static void
secrets(void)
{
    says(J SECRET "local t = j.sign({sub = 'a', n = 1.5, list = {1, 2}}, key, "
         "{alg = 'HS256'}) local c = j.verify(t, key, {alg = 'HS256'}) "
         "return c.sub .. c.n .. c.list[2] .. ' ' .. c.exp - c.iat",
         "a1.52 300");

    /* the parts, as anybody reads them */

    says(J SECRET "local t = j.sign({sub = 'a'}, key, {alg = 'HS256', "
         "kid = 'k1', expires = 60}) "
         "local h, p, s = t:match('^([^.]+)%.([^.]+)%.([^.]+)$') "
         "local c = ihanoi.crypto "
         "return c.base64url_decode(h) .. c.base64url_decode(p) "
         ".. tostring(s == c.hmac('sha256', key, h .. '.' .. p, 'base64url'))",
         "{\"alg\":\"HS256\",\"typ\":\"JWT\",\"kid\":\"k1\"}"
         "{\"iat\":1795539600,\"exp\":1795539660,\"sub\":\"a\"}true");

    says(J GOOD "return j.verify(good, key, {alg = 'HS256'}).sub", "a");
    says(F GOOD "return f(j.verify(good, key .. 'x', {alg = 'HS256'}))",
         "signature is wrong");
    says(F GOOD "return f(j.verify(good, key:rep(2), {alg = 'HS512'}))",
         "key is for another algorithm");
    says(F GOOD "return f(j.verify(good:sub(1, -2), key, {alg = 'HS256'}))",
         "signature is wrong");
    says(F GOOD "return f(j.verify(good .. 'A', key, {alg = 'HS256'}))",
         "signature is wrong");
    says(F GOOD "return type(f(j.verify(good:gsub('%..', '.f', 1), key, "
         "{alg = 'HS256'})))", "string");
    says(F GOOD "return f(j.verify('', key, {alg = 'HS256'}))",
         "token has not three parts");
    says(F GOOD "return f(j.verify(('a'):rep(9000), key, {alg = 'HS256'}))",
         "token is too long");

    /* "none" and others by the token's own word */

    says(F SECRET "local e = ihanoi.crypto.base64url_encode "
         "local t = e('{\"alg\":\"none\"}') .. '.' .. "
         "e('{\"sub\":\"a\",\"exp\":9999999999}') .. '.' "
         "return f(j.verify(t, key, {alg = 'HS256'})) .. ', ' .. "
         "f(j.verify(t .. 'AA', key, {alg = 'HS256'}))",
         "token has not three parts, \"alg\" is absent or not supported");
    says(J GOOD "local x = j.verify(good, key, {alg = 'none'})",
         "t:1: bad argument #3 to 'verify' (\"alg\" is absent or not "
         "supported)");
    says(J GOOD "local x = j.verify(good, key, {})",
         "t:1: bad argument #3 to 'verify' (\"alg\" is absent or not "
         "supported)");
    says(J GOOD "local x = j.verify(good, key)",
         "t:1: bad argument #3 to 'verify' (table expected, got no value)");
    says(J GOOD "local x = j.verify(good, key, {alg = 'HS256', aud = 'x'})",
         "t:1: bad argument #3 to 'verify' (unknown option \"aud\")");

    says(F "return f(j.sign({sub = 'a'}, ('s'):rep(31), {alg = 'HS256'}))",
         "the secret is shorter than the digest of \"alg\"");
    says(F "return f(j.sign({sub = 'a'}, ('s'):rep(63), {alg = 'HS512'}))",
         "the secret is shorter than the digest of \"alg\"");
    says(F GOOD "return type(f(j.verify(good, 'short', {alg = 'HS256'})))",
         "string");
}


static void
claims(void)
{
    says(F GOOD "return f(j.verify(good, key, {alg = 'HS256', "
         "audience = 'me'}))", "\"aud\" is absent, malformed or somebody else");
    says(F SECRET "local t = j.sign({sub = 'a', aud = {'you', 'me'}, "
         "iss = 'https://x'}, key, {alg = 'HS256', type = 'at+jwt'}) "
         "local function v(o) o.alg = 'HS256' "
         "return f(j.verify(t, key, o)) end "
         "return v({audience = 'me'}).sub .. v({issuer = 'https://x'}).sub "
         ".. v({type = 'at+jwt'}).sub .. v({issuer = 'https://y'}) "
         ".. v({type = 'jwt'})",
         "aaa\"iss\" is absent, malformed or not known"
         "\"typ\" is not that of an access token");
    says(F SECRET "return f(j.verify(j.sign({x = 1}, key, {alg = 'HS256'}), "
         "key, {alg = 'HS256'}))", "\"sub\" is absent or malformed");

    says(J GOOD "kept = good return 1", "1");
    clock_now += 299;
    says(J SECRET "return j.verify(kept, key, {alg = 'HS256'}).sub", "a");
    clock_now += 1;
    says(F SECRET "return f(j.verify(kept, key, {alg = 'HS256'}))",
         "token has expired");
    says(J SECRET "return j.verify(kept, key, {alg = 'HS256', "
         "leeway = 10}).sub", "a");
    clock_now -= 400;
    says(F SECRET "return f(j.verify(kept, key, {alg = 'HS256'}))",
         "\"iat\" is malformed or in the future");
    clock_now += 100;

    says(F SECRET "return f(j.sign({sub = error}, key, {alg = 'HS256'}))",
         "$.sub is a function");
    says(F SECRET "return f(j.sign({1, 2}, key, {alg = 'HS256'}))",
         "claims are an object, not an array");
    says(F SECRET "return f(j.sign({a = ('x'):rep(5000)}, key, "
         "{alg = 'HS256'}))", "claims of more than 4096 bytes");
    says(J SECRET "return #j.sign({a = ('x'):rep(4088)}, key, "
         "{alg = 'HS256', kid = ('k'):rep(255), type = ('t'):rep(255)})",
         "6276");
    says(J SECRET "local x = j.sign({exp = 1}, key, {alg = 'HS256'})",
         "t:1: bad argument #1 to 'sign' (\"iat\" and \"exp\" are set by "
         "\"expires\")");
    says(J SECRET "for _, o in ipairs({{expires = 0}, {expires = 1e9}, "
         "{expires = '5'}, {kid = ''}, {kid = 'a\"b'}, {kid = 'a\\\\'}, "
         "{kid = 'đ'}, {kid = ('x'):rep(256)}, {kid = 5}, {type = 'a b'}, "
         "{algo = 'HS256'}, {alg = 'hs256'}, {alg = 'HS256\\0'}}) do "
         "o.alg = o.alg or 'HS256' "
         "if pcall(j.sign, {}, key, o) then return ihanoi.json.encode(o) end "
         "end return 'none'", "none");

    /* an integer that a number does not hold */

    says(F SECRET "local e = ihanoi.crypto.base64url_encode "
         "local t = e('{\"alg\":\"HS256\"}') .. '.' .. "
         "e('{\"sub\":\"a\",\"exp\":9999999999,\"n\":9007199254740993}') "
         "t = t .. '.' .. ihanoi.crypto.hmac('sha256', key, t, 'base64url') "
         "return f(j.verify(t, key, {alg = 'HS256'}))",
         "the payload: integer beyond 2^53, which a number cannot hold "
         "exactly");

    /* not while the plugin is loaded */

    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_LOAD);
    says(J "local x = j.sign()",
         "t:1: ihanoi.jwt.sign() cannot be called while the plugin is loaded");
    ihanoi_sandbox_set_phase(sandbox, IHANOI_PHASE_REQUEST);
}


static void
key_pairs(void)
{
    set_key("rsa", EVP_RSA_gen(2048));
    set_key("weak", EVP_RSA_gen(1024));
    set_key("p256", EVP_EC_gen("P-256"));
    set_key("p256b", EVP_EC_gen("P-256"));
    set_key("p521", EVP_EC_gen("P-521"));
    set_key("ed", EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"));
    set_key("ed448", EVP_PKEY_Q_keygen(NULL, NULL, "ED448"));
    set_key("x25519", EVP_PKEY_Q_keygen(NULL, NULL, "X25519"));

    says(J "local n = 0 for alg, key in pairs({RS256 = 'rsa', RS512 = 'rsa', "
         "PS256 = 'rsa', PS384 = 'rsa', ES256 = 'p256', ES512 = 'p521', "
         "EdDSA = 'ed'}) do for i = 1, 8 do "
         "  local t, err = j.sign({sub = 'a'}, _G[key], {alg = alg, "
         "kid = 'not-asked'}) "
         "  if not t then return alg .. ' sign: ' .. err end "
         "  local c, err = j.verify(t, _G[key .. '_pub'], {alg = alg}) "
         "  if not c then return alg .. ' verify: ' .. err end "
         "  n = n + 1 end end return n", "56");
    says(J "local t = j.sign({sub = 'a'}, ed448, {alg = 'EdDSA'}) "
         "return j.verify(t, ed448_pub, {alg = 'EdDSA'}).sub", "a");

    says(F "local t = j.sign({sub = 'a'}, p256, {alg = 'ES256'}) "
         "return f(j.verify(t, p256b_pub, {alg = 'ES256'}))",
         "signature is wrong");

    /* the public key as a secret: the oldest trick */

    says(F "local t = j.sign({sub = 'a'}, rsa_pub, {alg = 'HS256'}) "
         "return f(j.verify(t, rsa_pub, {alg = 'RS256'}))",
         "key is for another algorithm");

    says(F "return f(j.sign({}, weak, {alg = 'RS256'}))",
         "the RSA key has less than 2048 bits");
    says(F "return type(f(j.verify(kept, weak_pub, {alg = 'RS256'})))",
         "string");
    says(F "return f(j.sign({}, p256, {alg = 'RS256'}))",
         "the key's type or curve is not that of \"alg\"");
    says(F "return f(j.sign({}, p521, {alg = 'ES256'}))",
         "the key's type or curve is not that of \"alg\"");
    says(F "return f(j.sign({}, x25519, {alg = 'EdDSA'}))",
         "the key's type or curve is not that of \"alg\"");
    says(F "return f(j.verify(kept, p521_pub, {alg = 'ES256'}))",
         "the key's type or curve is not that of \"alg\"");
    says(F "return f(j.sign({}, rsa_pub, {alg = 'RS256'}))",
         "the key is not a private key in PEM without a passphrase");
    says(F "return f(j.sign({}, locked, {alg = 'RS256'}))",
         "the key is not a private key in PEM without a passphrase");
    says(F "return f(j.verify(kept, rsa, {alg = 'RS256'}))",
         "the key is neither a public key in PEM nor a set of keys in JSON");
    says(F "return f(j.verify(kept, ('x'):rep(20000), {alg = 'RS256'}))",
         "the key is longer than 16384 bytes");

    /* a set: "kid" chooses */

    says(F "local function k(kid, c) return ('{\"kty\":\"oct\",\"kid\":\"%s\","
         "\"alg\":\"HS256\",\"k\":\"%s\"}'):format(kid, "
         "ihanoi.crypto.base64url_encode(c:rep(32))) end "
         "return type(f(j.verify(kept, '{\"keys\":[' .. k('a', 'x') .. ']}', "
         "{alg = 'RS256'})))", "string");
    says(F "local set = '{\"keys\":[{\"kty\":\"OKP\",\"kid\":\"k1\","
         "\"crv\":\"Ed25519\",\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcH"
         "URo\"}]}' local t = j.sign({sub = 'a'}, ed, {alg = 'EdDSA', "
         "kid = 'k1'}) local u = j.sign({sub = 'a'}, ed, {alg = 'EdDSA', "
         "kid = 'k2'}) local o = {alg = 'EdDSA'} "
         "return f(j.verify(t, set, o)) .. ', ' .. f(j.verify(u, set, o))",
         "signature is wrong, no key of that \"kid\"");
    says(F "return type(f(j.verify(kept, '{\"keys\":[]}', {alg = 'RS256'})))",
         "string");

    /* more keys than are kept */

    says(J "local n = 0 for i = 1, 40 do local key = ('%032d'):format(i % 20) "
         "local t = j.sign({sub = 'a'}, key, {alg = 'HS256'}) "
         "if j.verify(t, key, {alg = 'HS256'}) then n = n + 1 end end "
         "return n", "40");
}


int
main(void)
{
    start(16 * MB);
    ihanoi_host_time_now = fake;

    secrets();
    claims();
    key_pairs();

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
