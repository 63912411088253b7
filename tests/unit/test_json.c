/*
 * Copyright (C) iHaNoi contributors
 *
 * The strict JSON reader, and arithmetic on what it lets through.
 */

#include "tap.h"
#include "contract_fixture.h"
#include "ihanoi_equal.h"
#include "ihanoi_json.h"
#include "ihanoi_number.h"
#include "ihanoi_utf8.h"


typedef struct {
    const char  *name;
    const char  *text;
    size_t       len;
} text_t;

#define text(name, s)  { name, s, sizeof(s) - 1 }


static const text_t  accepted[] = {
    text("an empty object", "{}"),
    text("an empty array", "[]"),
    text("white space of four kinds", " \t\r\n[ \t\r\n1 \t\r\n, 2 ] \t\r\n"),
    text("a string at the top", "\"a\""),
    text("a number at the top", "7"),
    text("null, true, false", "[null,true,false]"),
    text("an empty name", "{\"\":0}"),
    text("all short escapes", "[\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"]"),
    text("an escaped letter", "[\"\\u0041\"]"),
    text("U+0001 escaped", "[\"\\u0001\"]"),
    text("a surrogate pair", "[\"\\uD83D\\ude00\"]"),
    text("UTF-8 of two, three, four bytes",
         "[\"\xc4\x91\xe1\xba\xbf\xf0\x9f\x98\x80\"]"),
    text("U+10FFFF", "[\"\xf4\x8f\xbf\xbf\"]"),
    text("U+FFFE", "[\"\xef\xbf\xbe\"]"),
    text("DEL", "[\"\x7f\"]"),
    text("zero and minus zero", "[0,-0,0.0,-0.0]"),
    text("exponents", "[1e5,1E5,1e+5,1e-5,1.5e5,0e1]"),
    text("15 significant digits", "[123456789.012345]"),
    text("16 as a double writes them", "[20.75748203411383]"),
    text("17 as a double writes them",
         "[21.103294302083874,-105.35432721500065,5e-1,0.30000000000000004]"),
    text("zeros at the end", "[1.0000000000000000,21.100000000000000000]"),
    text("16 digits before and after the point", "[1234567890.123456]"),
    text("leading zeros of a fraction are not significant",
         "[0.000000123456789012345]"),
    text("the largest int64", "[9223372036854775807]"),
    text("the smallest int64", "[-9223372036854775808]"),
    text("the largest exponent", "[1e64,1e-64]"),
    text("one name in two objects", "[{\"a\":1},{\"a\":1}]"),
    text("32 levels", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]"
                      "]]]]]"),
};

static const text_t  refused[] = {
    text("nothing", ""),
    text("white space", "  "),
    text("a byte order mark", "\xef\xbb\xbf[]"),
    text("UTF-16", "[\0\"\0a\0\"\0]\0"),
    text("a vertical tab", "[\v1]"),
    text("a no-break space", "[\xc2\xa0" "1]"),
    text("text after the value", "[] x"),
    text("two values", "{}{}"),
    text("NUL after the value", "[]\0"),
    text("NUL after a number", "1\0"),
    text("a comment", "[1/**/]"),
    text("a trailing comma in an array", "[1,]"),
    text("a trailing comma in an object", "{\"a\":1,}"),
    text("a leading comma", "[,1]"),
    text("a missing comma", "[1 2]"),
    text("a missing colon", "{\"a\" 1}"),
    text("a name without quotes", "{a:1}"),
    text("a name in single quotes", "{'a':1}"),
    text("a number as a name", "{1:1}"),
    text("a missing value", "{\"a\":}"),
    text("an open array", "[1"),
    text("an open object", "{\"a\":1"),
    text("an open string", "[\"a"),
    text("an open escape", "[\"\\"),
    text("an open \\u", "[\"\\u00"),
    text("the wrong bracket", "[1}"),
    text("True", "[True]"),
    text("nul", "[nul]"),
    text("nulll", "[nulll]"),
    text("NaN", "[NaN]"),
    text("Infinity", "[-Infinity]"),
    text("a plus sign", "[+1]"),
    text("minus alone", "[-]"),
    text("two minus signs", "[--1]"),
    text("a leading zero", "[01]"),
    text("minus and a leading zero", "[-01]"),
    text("a point first", "[.5]"),
    text("a point last", "[5.]"),
    text("a point before the exponent", "[5.e1]"),
    text("an empty exponent", "[1e]"),
    text("a signed empty exponent", "[1e+]"),
    text("hexadecimal", "[0x1]"),
    text("full-width digits", "[\xef\xbc\x91]"),
    text("int64 and one", "[9223372036854775808]"),
    text("-int64 and one", "[-9223372036854775809]"),
    text("20 digits", "[18446744073709551616]"),
    text("20 digits that wrap to a small number", "[18446744073709551617]"),
    text("30 digits", "[100000000000000000000000000000]"),
    text("17 digits where a double has fewer", "[0.10000000000000001]"),
    text("17 digits between two doubles", "[21.103294302083875]"),
    text("18 significant digits", "[21.1032943020838741]"),
    text("an integer between two doubles, as a real", "[9007199254740993.0]"),
    text("19 digits with an exponent", "[1234567890123456789e1]"),
    text("an exponent beyond the bound", "[1e65]"),
    text("an exponent below the bound", "[1e-65]"),
    text("a huge exponent", "[1e100000]"),
    text("an exponent that wraps", "[1e4294967297]"),
    text("zero with a huge exponent", "[0e-16000]"),
    text("a long row of zeros",
         "[0.0000000000000000000000000000000000000000000000000000000000000000"
         "0000000001]"),
    text("a raw NUL", "[\"a\0b\"]"),
    text("a raw line feed", "[\"a\nb\"]"),
    text("a raw tab", "[\"a\tb\"]"),
    text("\\u0000", "[\"\\u0000\"]"),
    text("\\u0000 in a name", "{\"\\u0000\":1}"),
    text("an unknown escape", "[\"\\a\"]"),
    text("\\x", "[\"\\x41\"]"),
    text("\\u with a wrong digit", "[\"\\u00g0\"]"),
    text("a lone high surrogate", "[\"\\ud800\"]"),
    text("a high surrogate before a letter", "[\"\\ud800a\"]"),
    text("a high surrogate before an escape", "[\"\\ud800\\n\"]"),
    text("two high surrogates", "[\"\\ud800\\ud800\"]"),
    text("a lone low surrogate", "[\"\\udc00\"]"),
    text("a pair in the wrong order", "[\"\\ude00\\ud83d\"]"),
    text("UTF-8 of a surrogate", "[\"\xed\xa0\x80\"]"),
    text("an overlong slash", "[\"\xc0\xaf\"]"),
    text("an overlong letter of three bytes", "[\"\xe0\x80\xaf\"]"),
    text("an overlong letter of four bytes", "[\"\xf0\x80\x80\xaf\"]"),
    text("beyond U+10FFFF", "[\"\xf4\x90\x80\x80\"]"),
    text("a byte FF", "[\"\xff\"]"),
    text("a continuation byte alone", "[\"\x80\"]"),
    text("a character cut off by the quote", "[\"\xe1\xba\"]"),
    text("a character cut off by the end", "[\"\xe1\xba"),
    text("a name twice", "{\"a\":1,\"a\":2}"),
    text("a name twice, once escaped", "{\"a\":1,\"\\u0061\":2}"),
    text("a name twice, deep inside", "[{\"b\":{\"a\":1,\"a\":1}}]"),
    text("33 levels", "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]"
                      "]]]]]]]]"),
};


static void
test_texts(void)
{
    int                  rc;
    json_t              *value;
    size_t               i;
    ihanoi_json_error_t  err;

    for (i = 0; i < sizeof(accepted) / sizeof(accepted[0]); i++) {

        value = NULL;
        rc = ihanoi_json_read(accepted[i].text, accepted[i].len,
                              IHANOI_JSON_DEPTH, NULL, &value, &err);

        ok(rc == IHANOI_OK && value, "accepts %s", accepted[i].name);
        json_decref(value);
    }

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {

        rc = ihanoi_json_read(refused[i].text, refused[i].len,
                              IHANOI_JSON_DEPTH, NULL, &value, &err);

        ok(rc == IHANOI_INVALID && err.reason != NULL, "refuses %s",
           refused[i].name);
    }
}


/* A text cut anywhere is refused, and never read beyond its end. */

static void
test_truncation(void)
{
    int                  rc;
    char                *copy;
    json_t              *value;
    size_t               i, bad;
    ihanoi_json_error_t  err;
    static const char    whole[] = "{\"a\":[1.5e-3,\"\\ud83d\\ude00\xe1\xba"
                                   "\xbf\",true,null],\"b\":{\"c\":-12}}";

    bad = 0;

    for (i = 0; i < sizeof(whole) - 1; i++) {

        /* of its exact size, for AddressSanitizer and valgrind to see */

        copy = malloc(i ? i : 1);
        memcpy(copy, whole, i);

        rc = ihanoi_json_read(copy, i, IHANOI_JSON_DEPTH, NULL, &value, &err);

        if (rc != IHANOI_INVALID) {
            bad++;
        }

        free(copy);
    }

    is_int(bad, 0, "refuses a text that is cut at any byte");
}


static void
test_spans(void)
{
    json_t              *value;
    ihanoi_span_t        members[2];
    ihanoi_spans_t       spans;
    ihanoi_json_error_t  err;
    static const char    text[] = " { \"b\\u0062\" : [ 1 , {\"x\":2} ] ,"
                                  "\"a\":\"\\\"}\",\"c\":-1.50 } ";

    spans.members = members;
    spans.max = 2;

    is_int(ihanoi_json_read(text, sizeof(text) - 1, 32, &spans, &value, &err),
           IHANOI_OK, "reads a text with spans");

    is_int(spans.n, 3, "counts members, also those beyond the room given");

    ok(spans.whole.data == text + 1
       && spans.whole.len == sizeof(text) - 1 - 2,
       "the whole is without white space around it");

    ok(members[0].len == 15
       && memcmp(members[0].data, "[ 1 , {\"x\":2} ]", 15) == 0,
       "an array is the bytes of the text");

    ok(members[1].len == 5 && memcmp(members[1].data, "\"\\\"}\"", 5) == 0,
       "a string is the bytes of the text, quotes in it or not");

    is_str(json_object_iter_key(json_object_iter(value)), "bb",
           "members are read in the order of spans");

    json_decref(value);

    is_int(ihanoi_json_read("[{\"a\":1}]", 9, 32, &spans, &value, &err),
           IHANOI_OK, "reads an array with spans");
    is_int(spans.n, 0, "an object inside an array has no spans");
    json_decref(value);
}


static void
test_memory(void)
{
    int                  rc;
    long                 n;
    json_t              *value;
    ihanoi_json_error_t  err;
    static const char    text[] = "{\"a\":[1,\"b\",{\"c\":true}],\"d\":\"\"}";

    for (n = 0; n < 1000; n++) {

        fixture_memory_fails_after(n);
        value = NULL;
        rc = ihanoi_json_read(text, sizeof(text) - 1, 32, NULL, &value, &err);
        fixture_memory_fails_after(-1);

        if (rc == IHANOI_OK) {
            break;
        }

        if (rc != IHANOI_NOMEM) {
            break;
        }
    }

    ok(rc == IHANOI_OK && n > 5, "says so at each of %ld failed allocations",
       n);
    json_decref(value);
}


static json_t *
number(const char *text)
{
    json_t               *value;
    ihanoi_json_error_t   err;

    if (ihanoi_json_read(text, strlen(text), 1, NULL, &value, &err)
        != IHANOI_OK)
    {
        return NULL;
    }

    return value;
}


static void
test_numbers(void)
{
    size_t   i;
    json_t  *a, *b;

    static const struct {
        const char  *a;
        const char  *b;
        int          expected;
    } compared[] = {
        { "1", "1.0", 0 },
        { "0", "-0.0", 0 },
        { "2", "10", -1 },
        { "1.5", "1", 1 },
        { "-1.5", "-1", -1 },
        { "9007199254740993", "9007199254740992", 1 },
        { "9007199254740993", "9.00719925474099e15", 1 },
        { "9223372036854775807", "9.22337203685478e18", -1 },
        { "9223372036854775807", "1e19", -1 },
        { "-9223372036854775808", "-1e19", 1 },
        { "1000000000000000000", "1e18", 0 },
        { "0.1", "0.10", 0 },
        { "0.1", "0.100000000000001", -1 },
    };

    static const struct {
        const char  *number;
        const char  *divisor;
        int          expected;
    } multiples[] = {
        { "0", "3", 1 },
        { "0.0", "0.1", 1 },
        { "9", "3", 1 },
        { "10", "3", 0 },
        { "-9", "3", 1 },
        { "0.3", "0.1", 1 },
        { "0.07", "0.01", 1 },
        { "19.99", "0.01", 1 },
        { "19.999", "0.01", 0 },
        { "0.30000000000000004", "0.1", 0 },
        { "0.30000000000000004", "4e-17", 1 },
        { "4.35", "0.05", 1 },
        { "1e20", "3", 0 },
        { "3e20", "3", 1 },
        { "1", "0.3", 0 },
        { "1.5", "0.5", 1 },
        { "1e-3", "1e-4", 1 },
        { "1e-4", "1e-3", 0 },
        { "1e64", "1e-64", 1 },
        { "9223372036854775807", "7", 1 },
        { "9223372036854775807", "2", 0 },
        { "-9223372036854775808", "2", 1 },
        { "100", "1000", 0 },
        { "7", "7.0", 1 },
    };

    for (i = 0; i < sizeof(compared) / sizeof(compared[0]); i++) {

        a = number(compared[i].a);
        b = number(compared[i].b);

        ok(ihanoi_number_compare(a, b) == compared[i].expected
           && ihanoi_number_compare(b, a) == -compared[i].expected,
           "%s compared with %s", compared[i].a, compared[i].b);

        json_decref(a);
        json_decref(b);
    }

    for (i = 0; i < sizeof(multiples) / sizeof(multiples[0]); i++) {

        a = number(multiples[i].number);
        b = number(multiples[i].divisor);

        is_int(ihanoi_number_is_multiple(a, ihanoi_number_decimal(b)),
               multiples[i].expected, "%s as a multiple of %s",
               multiples[i].number, multiples[i].divisor);

        json_decref(a);
        json_decref(b);
    }

    a = number("9007199254740992");
    b = number("9007199254740993");
    ok(ihanoi_number_fits_double(a), "2^53 fits a double");
    ok(!ihanoi_number_fits_double(b), "2^53 + 1 does not");
    json_decref(a);
    json_decref(b);
}


static void
test_equality(void)
{
    size_t               i, steps;
    json_t              *a, *b;
    ihanoi_json_error_t  err;
    unsigned long long   x, y;

    static const struct {
        const char  *a;
        const char  *b;
        int          expected;
    } pairs[] = {
        { "1", "1.0", 1 },
        { "1", "true", 0 },
        { "0", "false", 0 },
        { "null", "false", 0 },
        { "\"1\"", "1", 0 },
        { "\"a\"", "\"\\u0061\"", 1 },
        { "[1,2]", "[2,1]", 0 },
        { "[1,[2]]", "[1.0,[2.0]]", 1 },
        { "[]", "{}", 0 },
        { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", 1 },
        { "{\"a\":1}", "{\"a\":1,\"b\":2}", 0 },
        { "{\"a\":1}", "{\"b\":1}", 0 },
        { "0", "-0.0", 1 },
        { "9007199254740993", "9007199254740992", 0 },
    };

    for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {

        (void) ihanoi_json_read(pairs[i].a, strlen(pairs[i].a), 8, NULL, &a,
                                &err);
        (void) ihanoi_json_read(pairs[i].b, strlen(pairs[i].b), 8, NULL, &b,
                                &err);
        steps = 1000;

        is_int(ihanoi_json_equal(a, b, &steps), pairs[i].expected,
               "%s and %s are %s", pairs[i].a, pairs[i].b,
               pairs[i].expected ? "equal" : "different");

        (void) ihanoi_json_hash(a, &steps, &x);
        (void) ihanoi_json_hash(b, &steps, &y);

        if (pairs[i].expected) {
            ok(x == y, "and so are their hashes");
        }

        steps = 0;
        is_int(ihanoi_json_equal(a, b, &steps), IHANOI_BUDGET,
               "and without steps nobody knows");

        json_decref(a);
        json_decref(b);
    }
}


/* UTF-8 by its definition: the bits of a code point, written as short as can be. */

static size_t
utf8(const unsigned char *p, size_t len)
{
    size_t    i, n;
    unsigned  code;

    static const unsigned  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    n = p[0] < 0x80 ? 1 : p[0] >= 0xc0 && p[0] < 0xe0 ? 2
        : (p[0] & 0xf0) == 0xe0 ? 3 : (p[0] & 0xf8) == 0xf0 ? 4 : 0;

    if (n < 2) {
        return n;
    }

    code = p[0] & (0xff >> (n + 1));

    for (i = 1; i < n; i++) {
        if (i == len || (p[i] & 0xc0) != 0x80) {
            return 0;
        }

        code = code << 6 | (p[i] & 0x3f);
    }

    return code < least[n] || code > 0x10ffff
           || (code >= 0xd800 && code <= 0xdfff) ? 0 : n;
}


static size_t
plain(const unsigned char *p, size_t len)
{
    size_t  i, n;

    for (i = 0; i < len; i += n) {
        n = utf8(p + i, len - i);

        if (n == 0 || p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
            break;
        }
    }

    return i;
}


static size_t
unescaped(const unsigned char *p, size_t len)
{
    size_t  i;

    for (i = 0; i < len; i++) {
        if (p[i] < 0x20 || p[i] == '"' || p[i] == '\\') {
            break;
        }
    }

    return i;
}


/* Each byte at each place of a word and behind it, alone and in characters. */

static void
test_plain(void)
{
    char           *p;
    size_t          i, at, len;
    unsigned        c, wrong;
    unsigned char   text[32];

    static const unsigned char  second[] = {
        0x00, 0x22, 0x5c, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xff
    };

    wrong = 0;

    for (len = 1; len <= 20; len++) {
        for (at = 0; at < len; at++) {
            for (c = 0; c < 256 * sizeof(second); c++) {

                memset(text, 'a', sizeof(text));
                memset(text + at + 1, 0x80, 4);

                text[at] = c & 0xff;
                text[at + 1] = second[c >> 8];
                text[at + 4] = c & 1 ? 0x80 : '"';

                /* at the end of what is ours */

                p = malloc(len);
                memcpy(p, text, len);

                i = (size_t) (ihanoi_utf8_plain(p, p + len) - p);
                wrong += i != plain(text, len);

                i = (size_t) (ihanoi_utf8_unescaped(p, p + len) - p);
                wrong += i != unescaped(text, len);

                wrong += ihanoi_utf8_length(p + at, p + len)
                         != utf8(text + at, len - at);

                free(p);
            }
        }
    }

    is_int(wrong, 0, "what stands in a string as it is");
}


static void
test_copy_ascii(void)
{
    char       *from, *to;
    size_t      at, len;
    unsigned    c, is, wrong;

    wrong = 0;

    for (len = 1; len <= 40; len++) {
        for (at = 0; at < len; at++) {
            for (c = 0; c < 256; c++) {

                /* at the ends of what is ours */

                from = malloc(len);
                to = malloc(len);
                memset(from, 'a' + (int) (len % 26), len);
                from[at] = (char) c;

                is = c >= 0x20 && c < 0x80 && c != '"' && c != '\\';

                wrong += (unsigned) ihanoi_utf8_copy_ascii(to, from, len) != is;
                wrong += is && memcmp(to, from, len) != 0;

                free(from);
                free(to);
            }
        }
    }

    is_int(wrong, 0, "what is copied as it is");
    is_int(ihanoi_utf8_copy_ascii(NULL, NULL, 0), 1, "nothing is copied, too");
}


/* With an argument: prints those lines of the input that are JSON. */

static int
filter(void)
{
    char                 line[256];
    size_t               len;
    json_t              *value;
    ihanoi_json_error_t  err;

    while (fgets(line, sizeof(line), stdin)) {

        len = strcspn(line, "\n");

        if (ihanoi_json_read(line, len, IHANOI_JSON_DEPTH, NULL, &value, &err)
            == IHANOI_OK)
        {
            printf("%.*s\n", (int) len, line);
            json_decref(value);
        }
    }

    return 0;
}


int
main(int argc, char **argv)
{
    if (argc > 1) {
        return filter();
    }

    test_texts();
    test_truncation();
    test_spans();
    test_memory();
    test_numbers();
    test_equality();
    test_plain();
    test_copy_ascii();

    return done_testing();
}
