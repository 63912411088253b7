/*
 * Copyright (C) iHaNoi contributors
 *
 * ihanoi.crypto: published vectors, and what is refused.
 */

#include "host_fixture.h"


#define MB  (1024 * 1024)

#define C  "local c = ihanoi.crypto "

/* the value, or the error */
#define F  C "local function f(v, err) if v == nil then return err end " \
             "return v end "


int
main(void)
{
    start(64 * MB);

    /* FIPS 180-4 examples of NIST */

    says(C "return c.sha256('abc')",
         "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    says(C "return c.sha256('')",
         "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    says(C "return c.sha384('abc')",
         "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed"
         "8086072ba1e7cc2358baeca134c825a7");
    says(C "return c.sha512('abc')",
         "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
         "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
    says(C "return #c.sha256('abc', 'raw') .. ' ' .. #c.sha512('', 'raw')",
         "32 64");
    says(C "return c.hex_encode(c.sha256('abc', 'raw')) == c.sha256('abc')",
         "true");
    says(C "return c.sha256('abc', 'base64')",
         "ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0=");
    says(C "return c.sha256('abc', 'base64url')",
         "ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0");
    says(C "local x = c.sha256('abc', 'upper')",
         "t:1: bad argument #2 to 'sha256' (invalid option 'upper')");
    says(C "local x = c.sha256('abc', true)",
         "t:1: bad argument #2 to 'sha256' (string expected, got boolean)");
    says(C "return c.sha256('abc', nil) == c.sha256('abc')", "true");
    says(C "local x = c.random(4, {})",
         "t:1: bad argument #2 to 'random' (string expected, got table)");
    says(C "local x = c.sha256(('x'):rep(4 * 1024 * 1024 + 1))",
         "t:1: bad argument #1 to 'sha256' (at most 4 MiB)");
    says(C "return #c.sha512(('x'):rep(4 * 1024 * 1024))", "128");

    /* RFC 4231, test case 2 */

    says(C "return c.hmac('sha256', 'Jefe', 'what do ya want for nothing?')",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    says(C "return c.hmac('sha384', 'Jefe', 'what do ya want for nothing?')",
         "af45d2e376484031617f78d2b58a6b1b9c7ef464f5a01b47e42ec3736322445e"
         "8e2240ca5e69e2c78b3239ecfab21649");
    says(C "return c.hmac('sha512', 'Jefe', 'what do ya want for nothing?')",
         "164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554"
         "9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737");
    says(C "return #c.hmac('sha256', 'k', '', 'raw')", "32");
    says(C "local x = c.hmac('md5', 'k', '')",
         "t:1: bad argument #1 to 'hmac' (invalid option 'md5')");
    says(C "local x = c.hmac('sha256', '', 'text')",
         "t:1: bad argument #2 to 'hmac' (an empty key)");

    says(C "return c.equal('abc', 'abc')", "true");
    says(C "return c.equal('abc', 'abd')", "false");
    says(C "return c.equal('abc', 'ab')", "false");
    says(C "return c.equal('', '')", "true");
    says(C "return c.equal('a\\0b', 'a\\0c')", "false");
    says(C "local x = c.equal('x', ('x'):rep(4 * 1024 * 1024 + 1))",
         "t:1: bad argument #2 to 'equal' (at most 4 MiB)");

    says(C "return #c.random(1) + #c.random(1024)", "1025");
    says(C "return #c.random(16, 'hex')", "32");
    says(C "return c.random(16) ~= c.random(16)", "true");
    says(C "local x = c.random(0)",
         "t:1: bad argument #1 to 'random' (1 to 1024 bytes)");
    says(C "local x = c.random(1.5)",
         "t:1: bad argument #1 to 'random' (1 to 1024 bytes)");
    says(C "local x = c.random(0/0)",
         "t:1: bad argument #1 to 'random' (1 to 1024 bytes)");

    /* RFC 4648, 10 */

    says(C "local t = {} for i, s in ipairs({'', 'f', 'fo', 'foo', 'foob', "
         "'fooba', 'foobar'}) do t[i] = c.base64_encode(s) end "
         "return table.concat(t, ' ')",
         " Zg== Zm8= Zm9v Zm9vYg== Zm9vYmE= Zm9vYmFy");
    says(C "for i = 0, 300 do local s = c.random(i % 7 + 1) .. c.random(9) "
         "if c.base64_decode(c.base64_encode(s)) ~= s "
         "or c.base64url_decode(c.base64url_encode(s)) ~= s "
         "or c.hex_decode(c.hex_encode(s)) ~= s then return i end end "
         "return 'all'", "all");
    says(C "return c.base64_encode('\\251\\255\\254') .. "
         "c.base64url_encode('\\251\\255\\254')", "+//+-__-");
    says(C "return #c.base64_decode('')", "0");
    says(F "return f(c.base64_decode('Zg'))",
         "not base64: its length is no multiple of 4");
    says(F "return f(c.base64_decode('Zh=='))", "not base64");
    says(F "return f(c.base64_decode('Z==='))", "not base64");
    says(F "return f(c.base64_decode('===='))", "not base64");
    says(F "return f(c.base64_decode('Zg==Zg=='))", "not base64");
    says(F "return f(c.base64_decode('-_-_'))", "not base64");
    says(F "return f(c.base64_decode('Zm9\\n'))", "not base64");
    says(F "return f(c.base64_decode('Zm9\\0'))", "not base64");
    says(F "return f(c.base64url_decode('Zg=='))", "not base64url");
    says(F "return f(c.base64url_decode('+/'))", "not base64url");
    says(C "return c.hex_encode('\\0\\255a') .. c.hex_decode('4aFf'):byte(2)",
         "00ff61255");
    says(F "return f(c.hex_decode('abc'))",
         "not hex: an odd number of digits");
    says(F "return f(c.hex_decode('abcg'))", "not hex at byte 3");

    end();
    ihanoi_sandbox_destroy(sandbox);

    return done_testing();
}
