/*
 * Copyright (C) iHaNoi contributors
 *
 * Bodies: what SQL or a handler gets, and what the client is told.
 */

#include "input_fixture.h"


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
        { "{'n':1e18,'o':{'x':1e18,'n':5.0}}", "o",
          "{\"x\":1e18,\"n\":5.0}", "" },
        { "{'o':{'x':1e18},'n':1e18}", "o", "{\"x\":1e18}", "" },
        { "{'n':5,'o':{'x':1e18,'n':1e18}}", "o", NULL, "body /o format\n" },
        { "{'e':{'n':1e18,'kind':'x'}}", "e",
          "{\"n\":1e18,\"kind\":\"x\"}", "" },
        { "{'e':{'n':1e18,'kind':'n'}}", "e", NULL, "body /e format\n" },
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


int
main(void)
{
    load();

    test_body();
    test_whole_body();
    test_lua();
    test_digest();
    test_many_violations();
    test_budget();
    test_responses();

    fixture_request_free();

    ihanoi_contract_free(contract);

    return done_testing();
}
