/*
 * Copyright (C) iHaNoi contributors
 *
 * Values of a request: what SQL gets, and what the client is told.
 */

#include "tap.h"
#include "contract_fixture.h"


static ihanoi_contract_t         *contract;
static const ihanoi_operation_t  *change;
static const ihanoi_operation_t  *whole;
static const ihanoi_operation_t  *lua;


static void
load(void)
{
    const ihanoi_operation_t *const  *ops;

    contract = fixture_load(
        "{'openapi':'3.1.0','info':{'title':'t','version':'1'},"
        "'security':[{'bearer':[]}],'paths':{"
        "'/things/{id}/{name}':{'patch':{'operationId':'change',"
        "'x-ihanoi-sql':'f','responses':{"
        "'200':{'description':'d','content':{'application/json':{'schema':{"
        "'type':'object','required':['id'],'properties':{"
        "'n':{'type':'integer'}}}}}},"
        "'204':{'description':'d'},"
        "'4XX':{'description':'d','content':{'application/problem+json':{"
        "'schema':{'required':['type']}}}},"
        "'default':{'description':'d','content':{'text/csv':{}}}},"
        "'parameters':["
        "{'name':'id','in':'path','required':true,'schema':{'type':'integer',"
        "'format':'int32'}},"
        "{'name':'name','in':'path','required':true,'schema':{"
        "'type':'string','maxLength':5}},"
        "{'name':'q','in':'query','schema':{'type':'string','maxLength':9}},"
        "{'name':'n','in':'query','schema':{'type':'number',"
        "'maximum':1e20}},"
        "{'name':'dec','in':'query','schema':{'type':'number',"
        "'format':'decimal'}},"
        "{'name':'open','in':'query','schema':{'type':'boolean'}},"
        "{'name':'limit','in':'query','schema':{'type':'integer','minimum':1,"
        "'maximum':50,'default':20}},"
        "{'name':'states','in':'query','explode':false,'schema':{"
        "'type':'array','maxItems':3,'uniqueItems':true,'items':{"
        "'type':'string','maxLength':3}}},"
        "{'name':'nums','in':'query','explode':false,'schema':{"
        "'type':'array','maxItems':3,'items':{'type':'number'}}},"
        "{'name':'ints','in':'query','explode':false,'schema':{"
        "'type':'array','maxItems':3,'items':{'type':'integer'}}},"
        "{'name':'since','in':'query','required':true,'schema':{"
        "'type':'string','format':'date'}},"
        "{'name':'X-Count','in':'header','required':true,'schema':{"
        "'type':'integer'}},"
        "{'name':'If-Match','in':'header','required':true,'schema':{"
        "'type':'string'}}],"
        "'requestBody':{'required':true,'content':{'application/json':{"
        "'schema':{'type':'object','required':['text'],'properties':{"
        "'text':{'type':'string','maxLength':20},"
        "'count':{'type':'integer'},"
        "'small':{'type':'integer','format':'int32'},"
        "'weight':{'type':'number'},"
        "'price':{'type':'number','format':'decimal'},"
        "'flag':{'type':'boolean'},"
        "'at':{'type':'object','properties':{'lat':{'type':'number',"
        "'maximum':90}}},"
        "'tags':{'type':['array','null'],'maxItems':2},"
        "'any':{},"
        "'note':{'type':['string','null'],'maxLength':5,'default':'none'}"
        "}}}}}}},"
        "'/whole':{'put':{'operationId':'whole','x-ihanoi-sql':'f',"
        "'x-ihanoi-body':'whole','responses':{'204':{'description':'d'}},"
        "'requestBody':{'content':{'application/json':{'schema':{"
        "'properties':{'forbidden':false}}}}}},"
        "'get':{'operationId':'bare','x-ihanoi-sql':'f','responses':{'204':{"
        "'description':'d'}}}},"
        "'/lua':{'put':{'operationId':'lua','x-ihanoi-lua':'f','responses':{"
        "'204':{'description':'d'}},'requestBody':{'content':{"
        "'application/json':{'schema':{'type':'object','properties':{"
        "'n':{'type':'integer'},"
        "'o':{'type':'object','properties':{'n':{'type':'integer'},"
        "'x':{'type':'number'}}}}}}}}}}}}");

    if (contract == NULL) {
        printf("Bail out! %s: %s\n", fixture_error.pointer,
               fixture_error.reason);
        exit(1);
    }

    (void) ihanoi_contract_operations(contract, &ops);
    change = ops[0];
    whole = ops[2];
    lua = ops[3];
}


static unsigned
argument(const ihanoi_operation_t *op, const char *name)
{
    unsigned  i;

    for (i = 0; i < op->narguments; i++) {
        if (strcmp(op->arguments[i].name.data, name) == 0) {
            return i;
        }
    }

    printf("Bail out! no argument \"%s\"\n", name);
    exit(1);
}


/* "in parameter/pointer keyword\n" of each */

static const char *
violations(const ihanoi_input_t *in)
{
    unsigned                   i;
    const ihanoi_violation_t  *v;
    static char                text[4096];
    static const char         *places[] = { "path", "query", "header",
                                            "body" };
    text[0] = '\0';

    for (i = 0; i < in->nviolations; i++) {
        v = &in->violations[i];

        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s %.*s%s %s\n", places[v->in], (int) v->parameter.len,
                 v->parameter.data ? v->parameter.data : "", v->pointer,
                 v->keyword);

        if (v->message[0] == '\0') {
            return "a message is missing";
        }
    }

    return text;
}


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


static void
test_body(void)
{
    char            *json, *exact;
    size_t           i, len;
    ihanoi_input_t   in;

    static const struct {
        const char  *body;
        const char  *argument;
        const char  *value;
        const char  *violations;
    } rows[] = {
        { "{'text':'a'}", "text", "a", "" },
        { "{'text':'a'}", "note", "none", "" },
        { "{'text':'a','note':null}", "note", NULL, "" },
        { "{'text':'a','note':'x'}", "note", "x", "" },
        { "{'text':''}", "text", "", "" },
        { "{'text':'\\u0111\\n\\ud83d\\ude00'}", "text",
          "\xc4\x91\n\xf0\x9f\x98\x80", "" },
        { " {'count' : -0 , 'text':'a'} ", "count", "-0", "" },
        { "{'t\\u0065xt':'a','c\\u006funt':3}", "count", "3", "" },
        { "{'text':'a','count':9223372036854775807}", "count",
          "9223372036854775807", "" },
        { "{'text':'a','weight':1.50}", "weight", "1.50", "" },
        { "{'text':'a','weight':1E+2}", "weight", "1E+2", "" },
        { "{'text':'a','weight':9007199254740993}", "weight", NULL,
          "body /weight format\n" },
        { "{'text':'a','price':9007199254740993}", "price",
          "9007199254740993", "" },
        { "{'text':'a','weight':21.028500000000001}", "weight",
          "21.028500000000001", "" },
        { "{'weight' : 21.028500000000001 ,'text':'a'}", "text", "a", "" },
        { "{'text':'a','price':21.028500000000001}", "price", NULL,
          "body /price format\n" },
        { "{'text':'a','any':21.028500000000001}", "any", NULL,
          "body /any format\n" },
        { "{'text':'a','at':{'lat':21.028500000000001}}", "at", NULL,
          "body  syntax\n" },
        { "{'text':'a','tags':[21.028500000000001]}", "tags", NULL,
          "body  syntax\n" },
        { "{'text':'a','flag':true}", "flag", "true", "" },
        { "{'text':'a','at': {'lat' : 21.0285} }", "at",
          "{\"lat\" : 21.0285}", "" },
        { "{'text':'a','tags':[ 1 ,'x' ]}", "tags", "[ 1 ,\"x\" ]", "" },
        { "{'text':'a','tags':null}", "tags", NULL, "" },
        { "{'text':'a','any':'x\\u0041'}", "any", "\"x\\u0041\"", "" },
        { "{'text':'a','any':1.0}", "any", "1", "" },
        { "{'text':'a','any':-0.0}", "any", "0", "" },
        { "{'text':'a','any':1.50}", "any", "1.50", "" },
        { "{'text':'a','any':1e19}", "any", "1e19", "" },
        { "{'text':'a','any':9007199254740994.0}", "any",
          "9007199254740994", "" },
        { "{'text':'a','any':{'1.0\\'5.0':[ 5.0,5.5,1e2,-1E+2,'5.0','\\u00e1\\\\',"
          "20e-1,1.5e1, 0.0e9 ,true,null,-0.5e0,9.2e18,9.3e18]}}", "any",
          "{\"1.0\\\"5.0\":[ 5,5.5,100,-100,\"5.0\",\"\\u00e1\\\\\",2,15, 0 ,"
          "true,null,-0.5e0,9200000000000000000,9.3e18]}", "" },
        { "{'text':'a','tags':[5.0,1e0]}", "tags", "[5,1]", "" },
        { "{'text':'a','at':{'lat':21.0}}", "at", "{\"lat\":21}", "" },
        { "{'text':'a','count':1.0}", "count", "1", "" },
        { "{'text':'a','count':-12.0e+1}", "count", "-120", "" },
        { "{'text':'a','count':-0.0}", "count", "0", "" },
        { "{'text':'a','count':1e18}", "count", "1000000000000000000", "" },
        { "{'text':'a','count':9007199254740994.0}", "count",
          "9007199254740994", "" },
        { "{'text':'a','count':9007199254740993.0}", "count", NULL,
          "body /count format\n" },
        { "{'text':'a','count':5.00000000000000001}", "count", NULL,
          "body /count format\n" },
        { "{'text':'a','count':1e19}", "count", NULL, "body /count type\n" },
        { "{'text':'a','count':9.223372036854775807e18}", "count", NULL,
          "body /count type\n" },
        { "{'text':'a','count':1.5}", "count", NULL, "body /count type\n" },
        { "{'text':'a','small':2147483647.0}", "small", "2147483647", "" },
        { "{'text':'a','small':2147483648.0}", "small", NULL,
          "body /small format\n" },
        { "{'text':'a','weight':5.0}", "weight", "5.0", "" },
        { "{'text':'a','weight':1e18}", "weight", "1e18", "" },
        { "{'text':'a','price':2.00}", "price", "2.00", "" },
        { "{'text':'a','any':9007199254740993.0}", "any", NULL,
          "body /any format\n" },
        { "{'text':'a','any':[9007199254740993.0]}", "any", NULL,
          "body  syntax\n" },
        { "{'text':'a','any':null}", "any", NULL, "" },

        { "", "text", NULL, "body  required\n" },
        { " ", "text", NULL, "body  syntax\n" },
        { "{", "text", NULL, "body  syntax\n" },
        { "{'text':'a'}x", "text", NULL, "body  syntax\n" },
        { "{'text':'a','text':'b'}", "text", NULL, "body  syntax\n" },
        { "{'text':'a','te\\u0078t':'b'}", "text", NULL, "body  syntax\n" },
        { "{'text':'\\u0000'}", "text", NULL, "body  syntax\n" },
        { "{'text':'\\ud800'}", "text", NULL, "body  syntax\n" },
        { "{'text':'\xff'}", "text", NULL, "body  syntax\n" },
        { "{'text':'a','weight':1e100000}", "weight", NULL,
          "body  syntax\n" },
        { "null", "text", NULL, "body  type\n" },
        { "[]", "text", NULL, "body  type\n" },
        { "'text'", "text", NULL, "body  type\n" },
        { "{}", "text", NULL, "body /text required\n" },
        { "{'text':null}", "text", NULL, "body /text type\n" },
        { "{'text':1,'count':'2','flag':0}", "text", NULL,
          "body /text type\nbody /count type\nbody /flag type\n" },
        { "{'text':'a','at':{'lat':90.1}}", "at", NULL,
          "body /at/lat maximum\n" },
        { "{'text':'a','role':'admin'}", "text", NULL,
          "body /role additionalProperties\n" },
        { "{'text':'a','a/b~c':1,'count':'x'}", "text", NULL,
          "body /count type\nbody /a~1b~0c additionalProperties\n" },
        { "{'text':'a','id':1,'caller':{}}", "text", NULL,
          "body /id additionalProperties\n"
          "body /caller additionalProperties\n" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        json = fixture_json(rows[i].body);
        len = strlen(json);
        exact = malloc(len ? len : 1);
        memcpy(exact, json, len);
        free(json);

        (void) ihanoi_input_init(&in, change, &fixture_request);

        is_int(ihanoi_input_body(&in, exact, len), 0, "%s is read",
               rows[i].body);
        free(exact);

        is_str(violations(&in), rows[i].violations, "with its violations");

        if (in.nviolations == 0) {
            is_str(in.values[argument(change, rows[i].argument)],
                   rows[i].value, "and %s", rows[i].argument);
        }
    }
}


static void
test_whole_body(void)
{
    ihanoi_input_t                    in;
    const ihanoi_operation_t *const  *ops;

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, " [1, null] \n", 12);
    is_str(in.values[0], "[1, null]", "a whole body is its bytes");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, " [1.0, 5e0] \n", 13);
    is_str(in.values[0], "[1, 5]", "but for integers that are written as reals");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, "null", 4);
    is_str(in.values[0], "null", "also when it is null");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, "", 0);
    ok(in.values[0] == NULL && in.nviolations == 0,
       "one that need not be there is null when it is not");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, "{\"forbidden\":1}", 15);
    is_str(violations(&in), "body /forbidden false\n", "it keeps its schema");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, "0.10000000000000001", 19);
    is_str(violations(&in), "body  format\n", "and every digit of its numbers");

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_input_body(&in, "{\"a\":0.10000000000000001}", 25);
    is_str(violations(&in), "body  syntax\n", "of its members, too");

    (void) ihanoi_contract_operations(contract, &ops);
    (void) ihanoi_input_init(&in, ops[1], &fixture_request);
    is_str(ops[1]->id.data, "bare", "an operation without body");
    (void) ihanoi_input_body(&in, "{}", 2);
    is_str(violations(&in), "body  unknown\n", "takes none");
}


/* What a handler reads as it would read the integer, or does not get. */

static void
test_lua(void)
{
    size_t          i;
    char           *json;
    ihanoi_input_t  in;

    static const struct {
        const char  *body;
        const char  *argument;
        const char  *value;
        const char  *violations;
    } rows[] = {
        { "{'n':5.0}", "n", "5", "" },
        { "{'n':1e18}", "n", "1000000000000000000", "" },
        { "{'o':{'n':5.0}}", "o", "{\"n\":5.0}", "" },
        { "{'o':{'x':1e18}}", "o", "{\"x\":1e18}", "" },
        { "{'o':{'n':9007199254740992.0}}", "o",
          "{\"n\":9007199254740992.0}", "" },
        { "{'o':{'n':9007199254740994.0}}", "o", NULL, "body /o format\n" },
        { "{'o':{'n':9007199254740994}}", "o", NULL, "body /o format\n" },
        { "{'o':{'n':-1e18}}", "o", NULL, "body /o format\n" },
        { "{'n':1e18,'o':{'n':5.0}}", "o", "{\"n\":5}", "" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        json = fixture_json(rows[i].body);

        (void) ihanoi_input_init(&in, lua, &fixture_request);
        (void) ihanoi_input_body(&in, json, strlen(json));

        is_str(violations(&in), rows[i].violations,
               "%s for a handler has its violations", rows[i].body);
        is_str(in.values[argument(lua, rows[i].argument)], rows[i].value,
               "and %s", rows[i].argument);

        free(json);
    }
}


/* Which bodies with a key are one request. */

static void
test_digest(void)
{
    size_t          i;
    char           *json;
    ihanoi_input_t  in, other;

    static const struct {
        const char  *body;
        int          same;
    } rows[] = {
        { "{'text':'a','count':5.0,'any':[1e18,2.5],'weight':5}", 1 },
        { "{'any':[1.0e18,25e-1],'weight':5.0,'count':50e-1,'text':'\\u0061'}", 1 },
        { "{'text':'a','count':5,'any':[1000000000000000000,2.5],"
          "'weight':5.00000000000000001}", 1 },
        { "{'text':'a','count':5,'any':[1000000000000000001,2.5],"
          "'weight':5}", 0 },
        { "{'text':'a','count':5,'any':['1000000000000000000',2.5],"
          "'weight':5}", 0 },
        { "{'text':'a','count':-5.0,'any':[1000000000000000000,2.5],"
          "'weight':5}", 0 },
    };

    json = fixture_json("{'text':'a','count':5,'any':[1000000000000000000,"
                        "2.5],'weight':5}");

    (void) ihanoi_input_init(&other, change, &fixture_request);
    other.keyed = 1;
    (void) ihanoi_input_body(&other, json, strlen(json));
    free(json);

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        json = fixture_json(rows[i].body);

        (void) ihanoi_input_init(&in, change, &fixture_request);
        in.keyed = 1;
        (void) ihanoi_input_body(&in, json, strlen(json));

        is_int(memcmp(in.json, other.json, sizeof(in.json)) == 0, rows[i].same,
               "%s is the same request or another", rows[i].body);

        free(json);
    }
}


static void
test_many_violations(void)
{
    char            body[4096], key[64];
    size_t          i;
    ihanoi_input_t  in;

    strcpy(body, "{");

    for (i = 0; i < 60; i++) {
        snprintf(key, sizeof(key), "\"member-%zu\":1,", i);
        strcat(body, key);
    }

    strcat(body, "\"text\":1}");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    is_int(ihanoi_input_body(&in, body, strlen(body)), 0,
           "a body with too many faults is read");
    is_int(in.nviolations, IHANOI_MAX_VIOLATIONS, "and 20 are listed");

    /* a name that leaves no room in the pointer is left out of it */

    memset(body, 'x', 400);
    memcpy(body, "{\"text\":\"a\",\"", 13);
    strcpy(body + 400, "\":1}");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_body(&in, body, strlen(body));
    is_str(violations(&in), "body  additionalProperties\n",
           "a name without end is not repeated");
}


/* More values than the budget has steps for. */

static void
test_budget(void)
{
    char            *body;
    size_t           i, n;
    ihanoi_input_t   in;

    n = 0;
    body = malloc(1000000);
    n += (size_t) sprintf(body + n, "{\"text\":\"a\",\"any\":[");

    for (i = 0; i < 1000; i++) {
        n += (size_t) sprintf(body + n, "%s%zu", i ? "," : "", i);
    }

    n += (size_t) sprintf(body + n, "]}");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    in.steps = 3;
    is_int(ihanoi_input_body(&in, body, n), 0, "a check that is given up");
    is_str(violations(&in), "body  budget\n", "is a violation");

    (void) ihanoi_input_init(&in, change, &fixture_request);
    (void) ihanoi_input_body(&in, body, n);
    is_str(violations(&in), "", "what no schema looks at costs nothing");

    free(body);
}


static void
test_responses(void)
{
    size_t          i;
    char           *json;
    ihanoi_input_t  in;

    static const struct {
        unsigned     status;
        const char  *body;
        const char  *violations;
    } rows[] = {
        { 200, "{'id':1}", "" },
        { 200, "{'id':105.85420000000001}", "" },
        { 200, "{'id':1,'n':5.0}", "" },
        { 200, "{'id':1,'n':1e2}", "" },
        { 200, "{'id':1,'n':5.5}", "body /n type\n" },
        { 200, "{'id':1,'n':1e19}", "body /n type\n" },
        { 200, "{}", "body /id required\n" },
        { 200, "", "body  content\n" },
        { 200, "{'id':1,'id':2}", "body  syntax\n" },
        { 204, "", "" },
        { 204, "{}", "body  content\n" },
        { 404, "{'type':'x'}", "" },
        { 409, "{}", "body /type required\n" },
        { 500, "anything", "" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        json = fixture_json(rows[i].body);

        (void) ihanoi_input_init(&in, change, &fixture_request);
        is_int(ihanoi_operation_check_response(change, rows[i].status, NULL,
                                               json, strlen(json), &in), 0,
               "a response %u of %s", rows[i].status, rows[i].body);
        is_str(violations(&in), rows[i].violations, "has its violations");

        free(json);
    }

    (void) ihanoi_input_init(&in, whole, &fixture_request);
    (void) ihanoi_operation_check_response(whole, 200, NULL, "", 0, &in);
    is_str(violations(&in), "body  status\n",
           "a status that is not in the contract is a violation");
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
    test_body();
    test_whole_body();
    test_lua();
    test_digest();
    test_many_violations();
    test_budget();
    test_responses();

    fixture_request_free();

    test_memory();

    ihanoi_contract_free(contract);

    return done_testing();
}
