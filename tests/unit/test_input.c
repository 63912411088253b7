/*
 * Copyright (C) iHaNoi contributors
 *
 * Values of a request: what SQL gets, and what the client is told.
 */

#include "input_fixture.h"


static void
test_path(void)
{
    size_t          i;
    ihanoi_input_t  in;
    ihanoi_match_t  match;

    static const struct {
        const char  *path;
        const char  *id;            /* NULL: a violation */
        const char  *name;
        const char  *violations;
    } rows[] = {
        { "/things/7/abc", "7", "abc", "" },
        { "/things/-2147483648/%C4%90+a", "-2147483648", "\xc4\x90+a", "" },
        { "/things/%37/a%20b", "7", "a b", "" },
        { "/things/2147483648/a", NULL, "a", "path id format\n" },
        { "/things/9223372036854775808/a", NULL, "a", "path id type\n" },
        { "/things/7.0/a", NULL, "a", "path id type\n" },
        { "/things/7e0/a", NULL, "a", "path id type\n" },
        { "/things/+7/a", NULL, "a", "path id type\n" },
        { "/things/07/a", NULL, "a", "path id type\n" },
        { "/things/0x7/a", NULL, "a", "path id type\n" },
        { "/things/%207/a", NULL, "a", "path id type\n" },
        { "/things/7%20/a", NULL, "a", "path id type\n" },
        { "/things/abc/abcdef", NULL, NULL,
          "path id type\npath name maxLength\n" },
        { "/things/7/%ff", "7", NULL, "path name syntax\n" },
        { "/things/7/%ed%a0%80", "7", NULL, "path name syntax\n" },
        { "/things/7/\xff", "7", NULL, "path name syntax\n" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        ok(ihanoi_contract_match(contract, rows[i].path, strlen(rows[i].path),
                                 &match), "%s is found", rows[i].path);

        (void) ihanoi_input_init(&in, change, &fixture_request);
        is_int(ihanoi_input_path(&in, &match), 0, "and read");

        is_str(violations(&in), rows[i].violations, "with its violations");
        is_str(in.values[argument(change, "id")], rows[i].id, "and id");
        is_str(in.values[argument(change, "name")], rows[i].name,
               "and name");
    }
}


static void
test_query(void)
{
    size_t          i;
    ihanoi_input_t  in;

    static const struct {
        const char  *query;         /* ",since=2026-01-01" is added */
        const char  *argument;
        const char  *value;
        const char  *violations;
    } rows[] = {
        { "", "limit", "20", "" },
        { "", "q", NULL, "" },
        { "&&&", "limit", "20", "" },
        { "limit=50", "limit", "50", "" },
        { "limit=51", "limit", "20", "query limit maximum\n" },
        { "limit=", "limit", "20", "query limit type\n" },
        { "limit", "limit", "20", "query limit type\n" },
        { "limit=1.0", "limit", "20", "query limit type\n" },
        { "limit=5e0", "limit", "20", "query limit type\n" },
        { "limit=+5", "limit", "20", "query limit type\n" },
        { "limit=5+", "limit", "20", "query limit type\n" },
        { "limit=5%00", "limit", "20", "query limit syntax\n" },
        { "limit=5&limit=6", "limit", "5", "query limit repeated\n" },
        { "%6cimit=5", "limit", "5", "" },
        { "LIMIT=5", "limit", "20", "query LIMIT unknown\n" },
        { "x=1&x=1", "limit", "20", "query x unknown\nquery x unknown\n" },
        { "=1", "limit", "20", "query  unknown\n" },
        { "%ff=1", "limit", "20", "query  syntax\n" },
        { "%4=1", "limit", "20", "query  syntax\n" },
        { "name=1", "limit", "20", "query name unknown\n" },
        { "text=1", "limit", "20", "query text unknown\n" },

        { "q=", "q", "", "" },
        { "q", "q", "", "" },
        { "q=a+b%2B", "q", "a b+", "" },
        { "q=a=b", "q", "a=b", "" },
        { "q=%C4%90%E1%BB%91", "q", "\xc4\x90\xe1\xbb\x91", "" },
        { "q=1234567890", "q", NULL, "query q maxLength\n" },
        { "q=%", "q", NULL, "query q syntax\n" },
        { "q=%zz", "q", NULL, "query q syntax\n" },
        { "q=%00", "q", NULL, "query q syntax\n" },
        { "q=%c0%af", "q", NULL, "query q syntax\n" },
        { "q=';drop--", "q", "';drop--", "" },

        { "open=true", "open", "true", "" },
        { "open=false", "open", "false", "" },
        { "open=1", "open", NULL, "query open type\n" },
        { "open=TRUE", "open", NULL, "query open type\n" },
        { "open=", "open", NULL, "query open type\n" },

        { "n=1.50", "n", "1.50", "" },
        { "n=-1e3", "n", "-1e3", "" },
        { "n=9007199254740992", "n", "9007199254740992", "" },
        { "n=9007199254740993", "n", NULL, "query n format\n" },
        { "n=1e21", "n", NULL, "query n maximum\n" },
        { "n=1e999", "n", NULL, "query n type\n" },
        { "n=NaN", "n", NULL, "query n type\n" },
        { "n=Infinity", "n", NULL, "query n type\n" },
        { "n=.5", "n", NULL, "query n type\n" },
        { "n=5.", "n", NULL, "query n type\n" },
        { "n=1,5", "n", NULL, "query n type\n" },
        { "n=0.12345678901234567", "n", "0.12345678901234567", "" },
        { "n=21.028500000000001", "n", "21.028500000000001", "" },
        { "n=100000000000000000000.000001", "n", "100000000000000000000.000001",
          "" },
        { "dec=9007199254740993", "dec", "9007199254740993", "" },
        { "dec=0.30000000000000004", "dec", "0.30000000000000004", "" },
        { "dec=21.028500000000001", "dec", NULL, "query dec type\n" },

        { "states=a,b", "states", "[\"a\",\"b\"]", "" },
        { "states=a", "states", "[\"a\"]", "" },
        { "states=", "states", "[]", "" },
        { "states=,", "states", NULL, "query states uniqueItems\n" },
        { "states=a,", "states", "[\"a\",\"\"]", "" },
        { "states=a%2Cb,c", "states", "[\"a,b\",\"c\"]", "" },
        { "states=abc%2Cb", "states", "[\"abc\",\"b\"]", "" },
        { "states=abc%2cb,c", "states", "[\"abc\",\"b\",\"c\"]", "" },
        { "states=a,abc%2Cb", "states", "[\"a\",\"abc\",\"b\"]", "" },
        { "states=abc%2Cabc", "states", NULL, "query states uniqueItems\n" },
        { "states=%22,%5C", "states", "[\"\\\"\",\"\\\\\"]", "" },
        { "states=%E1%BA%BF", "states", "[\"\xe1\xba\xbf\"]", "" },
        { "states=a,a", "states", NULL, "query states uniqueItems\n" },
        { "states=a,b,c,d", "states", NULL, "query states maxItems\n" },
        { "states=abcd", "states", NULL, "query states/0 maxLength\n" },
        { "states=a,%ff", "states", NULL, "query states syntax\n" },
        { "states=a&states=b", "states", "[\"a\"]",
          "query states repeated\n" },
        { "nums=1,2.50,-3e2", "nums", "[1,2.5,-300]", "" },
        { "nums=5.0,-0.0,1e18", "nums", "[5,0,1000000000000000000]", "" },
        { "nums=0.1,105.80322265625001,21.032067800000004", "nums",
          "[0.1,105.80322265625001,21.032067800000004]", "" },
        { "n=21.032067800000004", "n", "21.032067800000004", "" },
        { "nums=21.028500000000001,105.85250000000001", "nums",
          "[21.0285,105.8525]", "" },
        { "nums=105.8%2C21%2c-3e2", "nums", "[105.8,21,-300]", "" },
        { "ints=5,-7", "ints", "[5,-7]", "" },
        { "ints=5,5.0", "ints", NULL, "query ints type\n" },
        { "ints=1e2", "ints", NULL, "query ints type\n" },
        { "nums=1%2C", "nums", NULL, "query nums type\n" },
        { "nums=1%2", "nums", NULL, "query nums syntax\n" },
        { "nums=1,x", "nums", NULL, "query nums type\n" },
        { "nums=1,", "nums", NULL, "query nums type\n" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        char    query[256], *exact;
        size_t  len;

        snprintf(query, sizeof(query), "%s%ssince=2026-01-01", rows[i].query,
                 *rows[i].query ? "&" : "");

        len = strlen(query);
        exact = malloc(len);
        memcpy(exact, query, len);

        (void) ihanoi_input_init(&in, change, &fixture_request);

        is_int(ihanoi_input_query(&in, exact, len), 0, "?%s is read",
               rows[i].query);
        is_str(violations(&in), rows[i].violations, "with its violations");
        is_str(in.values[argument(change, rows[i].argument)], rows[i].value,
               "and %s", rows[i].argument);
        is_str(in.values[argument(change, "since")], "2026-01-01",
               "and the one beside it");

        free(exact);
    }

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_query(&in, NULL, 0);
    is_str(violations(&in), "query since required\n",
           "a required parameter is missed");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_query(&in, "since=2026-02-29", 16);
    is_str(violations(&in), "query since format\n",
           "one that is wrong is not missed too");
}


/* What a library writes of itself is told so that its user finds it. */

static void
test_messages(void)
{
    size_t          i;
    ihanoi_input_t  in;

    static const struct {
        const char  *query;
        const char  *body;
        const char  *message;
    } rows[] = {
        { "since=2026-01-01&limit=5.0", NULL,
          "must be an integer, without a point or an exponent" },
        { "since=2026-01-01&limit=x", NULL, "must be an integer" },
        { "since=2026-01-01&states=a&states=b", NULL,
          "this parameter stands twice: its items are one value, \"a,b\"" },
        { "since=2026-01-01&n=1&n=2", NULL, "this parameter stands twice" },
        { "since=2026-01-01T00:00:00.000Z", NULL,
          "must be a valid date, without a time: 2026-11-24" },
        { NULL, "{\"text\":null}", "must be string, not null" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        (void) ihanoi_input_init(&in, change, &fixture_request);

        if (rows[i].query) {
            (void) ihanoi_input_query(&in, rows[i].query,
                                      strlen(rows[i].query));

        } else {
            (void) ihanoi_input_body(&in, rows[i].body, strlen(rows[i].body));
        }

        is_str(in.nviolations ? in.violations[0].message : NULL,
               rows[i].message, "%s is told",
               rows[i].query ? rows[i].query : rows[i].body);
    }
}


/* A stranger's parameter comes back short and whole. */

static void
test_unknown_names(void)
{
    char             query[400];
    size_t           i;
    ihanoi_input_t   in;

    query[0] = 'a';

    for (i = 0; i < 100; i++) {
        memcpy(query + 1 + 3 * i, "\xe1\xba\xbf", 3);
    }

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_query(&in, query, 301);
    is_int(in.violations[0].parameter.len, 64, "an unknown name is cut");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_query(&in, query + 1, 300);
    is_int(in.violations[0].parameter.len, 63, "between two characters");

    for (i = 0; i < 60; i++) {
        memcpy(query + 4 * i, "a=1&", 4);
    }

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_query(&in, query, 240);
    is_int(in.nviolations, IHANOI_MAX_VIOLATIONS,
           "no more than 20 violations are listed");
}


static void
test_header(void)
{
    size_t          i;
    unsigned        count, tag;
    ihanoi_str_t    value;
    ihanoi_input_t  in;

    static const struct {
        const char  *text;
        const char  *value;         /* NULL: a violation */
    } rows[] = {
        { "*", "[\"*\"]" },
        { "\"a\"", "[\"a\"]" },
        { "W/\"a\"", "[\"a\"]" },
        { "\"\"", "[\"\"]" },
        { "\"a\", W/\"b\" ,\t\"c\"", "[\"a\",\"b\",\"c\"]" },
        { ", \"a\",,\"b\",", "[\"a\",\"b\"]" },
        { "\"a,b\"", "[\"a,b\"]" },
        { "\"*\"", "[\"\\\"*\\\"\"]" },
        { "\"*\",\"*\",W/\"*\"",
          "[\"\\\"*\\\"\",\"\\\"*\\\"\",\"\\\"*\\\"\"]" },
        { "\"*a\"", "[\"*a\"]" },
        { "\"a\\b\"", "[\"a\\\\b\"]" },
        { "\"\\\"", "[\"\\\\\"]" },
        { "\"\xe1\xba\xbf\"", "[\"\xe1\xba\xbf\"]" },
        { "", NULL },
        { ",", NULL },
        { "a", NULL },
        { "\"a", NULL },
        { "\"a\"b", NULL },
        { "\"a\" \"b\"", NULL },
        { "w/\"a\"", NULL },
        { "W/a", NULL },
        { "W/", NULL },
        { "W", NULL },
        { "*,\"a\"", NULL },
        { "\"a\",*", NULL },
        { "\"a b\"", NULL },
        { "\"a\tb\"", NULL },
        { "\"\x7f\"", NULL },
        { "\"\xff\"", NULL },
        { "\"\xe1\xba\"", NULL },
    };

    tag = argument(change, "If-Match");
    count = argument(change, "X-Count");

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        value.len = strlen(rows[i].text);
        value.data = memcpy(malloc(value.len + 1), rows[i].text,
                            value.len + 1);

        (void) ihanoi_input_init(&in, change, &fixture_request);
        is_int(ihanoi_input_header(&in, tag, value), 0, "If-Match: %s",
               rows[i].text);
        is_str(in.values[tag], rows[i].value, "is %s",
               rows[i].value ? rows[i].value : "none");
        is_int(in.nviolations, rows[i].value == NULL, "and a violation or "
               "not");

        free((void *) value.data);
    }

    (void) ihanoi_input_init(&in, change, &fixture_request);
    value.data = NULL;
    value.len = 0;

    (void) ihanoi_input_header(&in, tag, value);
    ok(in.precondition_missing && in.nviolations == 0,
       "If-Match that is missed is told apart, for 428");

    (void) ihanoi_input_header(&in, count, value);
    is_str(violations(&in), "header X-Count required\n",
           "another header that is missed is a violation");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    value.data = "12";
    value.len = 2;
    (void) ihanoi_input_header(&in, count, value);
    is_str(in.values[count], "12", "a header's value is taken");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    value.data = "%31";
    value.len = 3;
    (void) ihanoi_input_header(&in, count, value);
    is_str(violations(&in), "header X-Count type\n",
           "a header is not percent-encoded");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    value.data = "1\xff";
    value.len = 2;
    (void) ihanoi_input_header(&in, count, value);
    is_str(violations(&in), "header X-Count syntax\n",
           "a header is UTF-8");
}


/* One request through all places, with its Nth allocation failing. */

static int
request(const char *path, const char *query, const char *body,
    ihanoi_input_t *in)
{
    ihanoi_str_t    value;
    ihanoi_match_t  match;

    (void) ihanoi_contract_match(contract, path, strlen(path), &match);

    value.data = "\"a\"";
    value.len = 3;

    if (ihanoi_input_init(in, change, &fixture_request) != 0
        || ihanoi_input_path(in, &match) != 0
        || ihanoi_input_query(in, query, strlen(query)) != 0
        || ihanoi_input_header(in, argument(change, "If-Match"), value) != 0
        || ihanoi_input_body(in, body, strlen(body)) != 0)
    {
        return -1;
    }

    return 0;
}


static void
test_memory(void)
{
    int             rc;
    long            n;
    ihanoi_input_t  in;

    for (n = 0, rc = -1; rc != 0 && n < 1000; n++) {
        fixture_memory_fails_after(n);
        rc = request("/things/1/a", "since=2026-01-01&states=a,b&q=x",
                     "{\"text\":\"a\",\"at\":{\"lat\":1.5},\"tags\":[1.0],"
                     "\"count\":2.0}",
                     &in);
        fixture_memory_fails_after(-1);
        fixture_request_free();
    }

    ok(rc == 0 && n > 20, "a good request fails at each of %ld failed "
       "allocations", n - 1);

    for (n = 0, rc = -1; rc != 0 && n < 1000; n++) {
        fixture_memory_fails_after(n);
        rc = request("/things/x/a", "since=x&states=a,a&q=%ff",
                     "{\"text\":1,\"at\":{\"lat\":91}}", &in);
        fixture_memory_fails_after(-1);

        if (rc == 0) {
            is_int(in.nviolations, 6, "a bad one has all its violations");
        }

        fixture_request_free();
    }

    ok(rc == 0 && n > 20, "or fails at each of %ld failed allocations",
       n - 1);
}


int
main(void)
{
    load();

    test_path();
    test_query();
    test_messages();
    test_unknown_names();
    test_header();

    fixture_request_free();

    test_memory();

    ihanoi_contract_free(contract);

    return done_testing();
}
