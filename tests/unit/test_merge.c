/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents made into one: what /openapi.json shows.
 */

#include "tap.h"
#include "contract_fixture.h"
#include "ihanoi_digest.h"


#define GATEWAY  "#/components/responses/"


/*
 * The document without what the gateway adds of its own refusals, which is
 * another test's; the caller frees it.
 */

static char *
without_problems(const ihanoi_contract_t *contract)
{
    char        *text;
    void        *next, *inner;
    json_t      *document, *components, *path, *operation, *response, *all;
    const char  *key, *name, *status, *ref;

    document = json_loads(ihanoi_contract_document(contract).data, 0, NULL);

    json_object_foreach(json_object_get(document, "paths"), key, path) {
        json_object_foreach(path, name, operation) {

            all = json_object_get(operation, "responses");

            json_object_foreach_safe(all, next, status, response) {

                ref = json_string_value(json_object_get(response, "$ref"));

                if (ref && strchr(ref, '.') == NULL) {
                    json_object_del(all, status);
                }
            }
        }
    }

    components = json_object_get(document, "components");

    json_object_foreach_safe(components, next, key, all) {

        json_object_foreach_safe(all, inner, name, response) {
            if (strchr(name, '.') == NULL && strcmp(name, "bearer") != 0) {
                json_object_del(all, name);
            }
        }

        if (json_object_size(all) == 0) {
            json_object_del(components, key);
        }
    }

    text = json_dumps(document, JSON_COMPACT|JSON_REAL_PRECISION(15));
    json_decref(document);

    return text;
}


/* The refusals of one operation, as "400 BadRequest 401 Unauthorized ...". */

static void
is_refused(const json_t *document, const char *path, const char *method,
    const char *expected, const char *name)
{
    char         text[1024];
    size_t       len;
    json_t      *all, *response;
    const char  *key, *ref;

    all = json_object_get(json_object_get(document, "paths"), path);
    all = json_object_get(json_object_get(all, method), "responses");

    text[0] = '\0';
    len = 0;

    json_object_foreach(all, key, response) {

        ref = json_string_value(json_object_get(response, "$ref"));

        if (ref && strncmp(ref, GATEWAY, strlen(GATEWAY)) == 0) {
            ref += strlen(GATEWAY);
        }

        len += (size_t) snprintf(text + len, sizeof(text) - len, "%s%s %s",
                                 len ? " " : "", key, ref ? ref : "own");
    }

    is_str(text, expected, "%s", name);
}


static void
test_problems(void)
{
    char                *json;
    json_t              *document, *response;
    const char          *file;
    ihanoi_contract_t   *contract;

    static const char    text[] =
        "{" HEAD ",'paths':{"
        "'/a':{'get':{'operationId':'a','x-ihanoi-sql':'a','security':[],"
        OK "},"
        "'post':{'operationId':'b','x-ihanoi-sql':'b',"
        "'security':[{'bearer':[]}]," BODY("{'type':'object'}") ","
        "'responses':{'201':{'description':'d'},'422':{'description':'mine'}}"
        "}},"
        "'/a/{id}':{'parameters':[" ID "],"
        "'get':{'operationId':'c','x-ihanoi-lua':'c','x-ihanoi-stream':true,"
        "'security':[{},{'bearer':[]}],'responses':{'200':{"
        "'description':'d','content':{'text/csv':{}}}}},"
        "'put':{'operationId':'d','x-ihanoi-sql':'d',"
        "'security':[{'bearer':['s']}],'parameters':[{'name':'If-Match',"
        "'in':'header','required':true,'schema':{'type':'string'}}]," OK "},"
        "'delete':{'operationId':'e','x-ihanoi-sql':'e',"
        "'x-ihanoi-assurance':'verified','security':[{'bearer':[]}],"
        "'parameters':[{'name':'If-Match',"
        "'in':'header','schema':{'type':'string'}}]," OK "}}}}";

    json = fixture_json(text);
    file = fixture_write("problems.json", json, strlen(json));
    free(json);

    contract = ihanoi_contract_load(&file, 1, &fixture_error);

    if (!ok(contract != NULL, "loads a document with all that is refused")) {
        printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        return;
    }

    document = json_loads(ihanoi_contract_document(contract).data, 0, NULL);

    is_refused(document, "/a", "get",
               "200 own 304 NotModified 400 BadRequest "
               "412 PreconditionFailed 429 TooManyRequests 503 ServiceUnavailable default Problem",
               "a public GET");
    is_refused(document, "/a", "post",
               "201 own 422 own 400 BadRequest 401 Unauthorized "
               "408 RequestTimeout 409 Conflict 413 ContentTooLarge "
               "415 UnsupportedMediaType "
               "429 TooManyRequests 503 ServiceUnavailable default Problem",
               "a POST with a key and a body; what it says itself stands");
    is_refused(document, "/a/{id}", "get",
               "200 own 400 BadRequest 401 Unauthorized 404 NotFound "
               "406 NotAcceptable 429 TooManyRequests 503 ServiceUnavailable "
               "default Problem",
               "a GET by path, for anybody, in parts: nothing compares its tag");
    is_refused(document, "/a/{id}", "put",
               "200 own 400 BadRequest 401 Unauthorized 403 Forbidden "
               "404 NotFound 412 PreconditionFailed 428 PreconditionRequired "
               "429 TooManyRequests 503 ServiceUnavailable default Problem",
               "a PUT with a scope and an If-Match that it needs");
    is_refused(document, "/a/{id}", "delete",
               "200 own 400 BadRequest 401 Unauthorized 403 Forbidden "
               "404 NotFound 412 PreconditionFailed 429 TooManyRequests "
               "503 ServiceUnavailable default Problem",
               "a DELETE of verified accounts, with an If-Match if they like");

    response = json_object_get(json_object_get(document, "components"),
                               "responses");
    json = json_dumps(json_object_get(response, "TooManyRequests"),
                      JSON_COMPACT);
    is_str(json, "{\"description\":\"Too much of this client or caller.\","
                 "\"content\":{\"application/problem+json\":{\"schema\":{"
                 "\"$ref\":\"#/components/schemas/Problem\"}}},"
                 "\"headers\":{\"Content-Language\":{\"description\":"
                 "\"That of \\\"title\\\" and \\\"detail\\\": vi or en, by "
                 "Accept-Language.\",\"schema\":{\"type\":\"string\"}},"
                 "\"Retry-After\":{\"description\":"
                 "\"Seconds, where it is known.\",\"schema\":{"
                 "\"type\":\"integer\"}}}}",
           "each is a problem document, some with a time to wait");
    free(json);

    json = json_dumps(json_object_get(response, "NotModified"), JSON_COMPACT);
    is_str(json, "{\"description\":\"It is still what If-None-Match names: "
                 "nothing is sent.\",\"headers\":{\"ETag\":{\"description\":"
                 "\"That of what the client has.\",\"schema\":{"
                 "\"type\":\"string\"}}}}",
           "but for 304, which has none");
    free(json);

    json_decref(document);
    ihanoi_contract_free(contract);
}


/* What a POST says of the key that we read from its header. */

static void
test_key(void)
{
    char                *json, *text;
    const char          *file;
    ihanoi_contract_t   *contract;

    static const char    keys[] =
        "{" HEAD ",'security':[{'bearer':[]}],'paths':{"
        "'/a':{'post':{'operationId':'a','x-ihanoi-sql':'a'," OK "}},"
        "'/b/{id}':{'post':{'operationId':'b','x-ihanoi-sql':'b',"
        "'x-ihanoi-idempotency':'optional','parameters':[" ID "]," OK "}},"
        "'/c':{'post':{'operationId':'c','x-ihanoi-sql':'c','security':[],"
        "'x-ihanoi-idempotency':'none'," OK "},"
        "'put':{'operationId':'d','x-ihanoi-sql':'d'," OK "}}}}";

#define KEY(required)                                                         \
    "{'name':'Idempotency-Key','in':'header','description':'New for each "    \
    "request, and the same when it is sent again: it is then done once, and " \
    "gets the first answer.','required':" required ",'schema':{"              \
    "'type':'string','minLength':1,'maxLength':255}}"

    json = fixture_json(keys);
    file = fixture_write("keys.json", json, strlen(json));
    free(json);

    contract = ihanoi_contract_load(&file, 1, &fixture_error);

    if (!ok(contract != NULL, "loads a document with POSTs")) {
        return;
    }

#define REPLAYED                                                              \
    "'headers':{'Idempotency-Replayed':{'description':'This is the first "    \
    "answer again.','schema':{'type':'string','enum':['true']}}}"

    json = fixture_json(
        "{" HEAD ",'paths':{"
        "'/a':{'post':{'operationId':'a','x-ihanoi-sql':'a',"
        "'responses':{'200':{'description':'d'," REPLAYED "}},"
        "'security':[{'bearer':[]}],'tags':['keys'],"
        "'parameters':[" KEY("true") "]}},"
        "'/b/{id}':{'post':{'operationId':'b','x-ihanoi-sql':'b',"
        "'x-ihanoi-idempotency':'optional','parameters':[" ID ","
        KEY("false") "],'responses':{'200':{'description':'d'," REPLAYED "}},"
        "'security':[{'bearer':[]}],'tags':['keys']}},"
        "'/c':{'post':{'operationId':'c','x-ihanoi-sql':'c','security':[],"
        "'x-ihanoi-idempotency':'none'," OK ",'tags':['keys']},"
        "'put':{'operationId':'d','x-ihanoi-sql':'d'," OK ","
        "'security':[{'bearer':[]}],'tags':['keys']}}},"
        "'components':{'securitySchemes':{'bearer':{'type':'http',"
        "'scheme':'bearer','bearerFormat':'JWT'}}},"
        "'tags':[{'name':'keys','description':'t'}]}");

    text = without_problems(contract);
    is_str(text, json, "a POST has the headers of a key, which it needs or "
                       "may have");
    free(text);
    free(json);
    ihanoi_contract_free(contract);
}


static void
test_merge(void)
{
    char                 text[4096], *json, *bare, hash[65];
    unsigned             i;
    const char          *files[3];
    unsigned char        digest[32];
    ihanoi_str_t         document;
    ihanoi_contract_t   *contract;

    static const char    a[] =
        "{" HEAD ",'servers':[{'url':'/'}],'tags':[{'name':'x'}],"
        "'security':[{'bearer':[]}],'paths':{'/a':{'get':{'operationId':'a',"
        "'tags':['x'],'x-ihanoi-sql':'fa','responses':{'200':{'description':'d','content':{"
        "'application/json':{'schema':{'$ref':'#/components/schemas/A'},"
        "'example':{'$ref':'#/components/schemas/A','n':21.0285}}}},"
        "'404':{'$ref':'common.json#/components/responses/Gone'}}}}},"
        "'components':{'schemas':{'A':{'properties':{"
        "'b':{'$ref':'common.json#/components/schemas/B/properties/c'},"
        "'default':{'$ref':'#/components/schemas/A'},"
        "'n':{'type':'number','const':21.0285,'default':21.0285}}}}}}";
    static const char    b[] =
        "{'openapi':'3.1.0','info':{'title':'other','version':'2'},"
        "'tags':[{'name':'x'},{'name':'y'}],"
        "'paths':{'/b':{'get':{'operationId':'b','x-ihanoi-sql':'fb',"
        "'security':[]," OK "}}},'components':{'schemas':{'A':true}}}";
    static const char    common[] =
        "{" HEAD ",'paths':{'/hidden':{'get':{'operationId':'hidden'}}},"
        "'components':{'schemas':{'B':{'properties':{'c':{'type':'null'}}}},"
        "'responses':{'Gone':{'description':'d'}}},"
        "'x-ihanoi-problems':{'gone':{'status':410,'title':{'vi':'v',"
        "'en':'e'}}}}";

    json = fixture_json(common);
    (void) fixture_write("common.json", json, strlen(json));
    free(json);

    json = fixture_json(a);
    files[0] = fixture_write("a.json", json, strlen(json));
    free(json);

    json = fixture_json(b);
    files[1] = fixture_write("b.json", json, strlen(json));
    free(json);

    contract = ihanoi_contract_load(files, 2, &fixture_error);

    if (!ok(contract != NULL, "loads two documents and one they refer to")) {
        printf("# %s %s: %s\n", fixture_error.file, fixture_error.pointer,
               fixture_error.reason);
        return;
    }

    document = ihanoi_contract_document(contract);

    json = fixture_json(
        "{" HEAD ",'servers':[{'url':'/'}],'paths':{"
        "'/a':{'get':{'operationId':'a','tags':['x'],'x-ihanoi-sql':'fa',"
        "'responses':{'200':{'description':'d','content':{'application/json':{'schema':{"
        "'$ref':'#/components/schemas/a.A'},'example':{"
        "'$ref':'#/components/schemas/A','n':21.0285}}}},"
        "'404':{'$ref':'#/components/responses/common.Gone'}},"
        "'security':[{'bearer':[]}]}},"
        "'/b':{'get':{'operationId':'b','x-ihanoi-sql':'fb','security':[],"
        OK ",'tags':['b']}}},"
        "'components':{'securitySchemes':{'bearer':{'type':'http',"
        "'scheme':'bearer','bearerFormat':'JWT'}},"
        "'schemas':{'a.A':{'properties':{"
        "'b':{'$ref':'#/components/schemas/common.B/properties/c'},"
        "'default':{'$ref':'#/components/schemas/a.A'},"
        "'n':{'type':'number','const':21.0285,'default':21.0285}}},"
        "'b.A':true,'common.B':{'properties':{'c':{'type':'null'}}}},"
        "'responses':{'common.Gone':{'description':'d'}}},"
        "'tags':[{'name':'x'},{'name':'y'},"
        "{'name':'b','description':'other'}],"
        "'x-ihanoi-problems':{'gone':{'status':410,'title':{'vi':'v',"
        "'en':'e'}}}}");

    bare = without_problems(contract);
    is_str(bare, json, "and makes one of them");
    free(bare);
    free(json);
    is_int(document.len, strlen(document.data), "of the length it says");

    (void) ihanoi_sha256(document.data, document.len, digest);

    for (i = 0; i < 32; i++) {
        snprintf(hash + 2 * i, 3, "%02x", digest[i]);
    }

    is_str(ihanoi_contract_hash(contract), hash, "with its SHA-256");
    ihanoi_contract_free(contract);

    /* but for the header of keys, the merged document is a contract itself */

    files[2] = fixture_write("merged.json", "", 0);
    contract = ihanoi_contract_load(files, 2, &fixture_error);
    document = ihanoi_contract_document(contract);
    files[2] = fixture_write("merged.json", document.data, document.len);
    snprintf(text, sizeof(text), "%s", ihanoi_contract_hash(contract));
    is_str(text, hash, "which is the same each time");
    ihanoi_contract_free(contract);

    contract = ihanoi_contract_load(files + 2, 1, &fixture_error);
    ok(contract != NULL, "the merged document loads by itself");
    ihanoi_contract_free(contract);

    /* names */

    files[2] = files[0];
    contract = ihanoi_contract_load(files, 3, &fixture_error);
    ok(contract != NULL, "a file that is named twice is read once");
    ihanoi_contract_free(contract);

    json = fixture_json(b);
    files[2] = fixture_write("c.json", json, strlen(json));
    free(json);
    contract = ihanoi_contract_load(files + 1, 2, &fixture_error);
    ok(contract == NULL && strstr(fixture_error.reason, "already"),
       "two documents may not have one operation");

    files[2] = fixture_write("a b.json", "{}", 2);
    ok(ihanoi_contract_load(files + 2, 1, &fixture_error) == NULL
       && strstr(fixture_error.reason, "named like"),
       "a document's name must make a namespace");

    files[2] = "/nonexistent/x.json";
    ok(ihanoi_contract_load(files + 2, 1, &fixture_error) == NULL
       && strstr(fixture_error.reason, "cannot be opened"),
       "a file that is not there is named");
    is_str(fixture_error.file, "/nonexistent/x.json", "as it was given");

    ok(ihanoi_contract_load(files, 0, &fixture_error) == NULL,
       "no document is no contract");
}


int
main(void)
{
    test_merge();
    test_key();
    test_problems();

    return done_testing();
}
