/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents made into one: what /openapi.json shows.
 */

#include "tap.h"
#include "contract_fixture.h"
#include "ihanoi_digest.h"


/* What a POST says of the key that we read from its header. */

static void
test_key(void)
{
    char                *json;
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

    json = fixture_json(
        "{" HEAD ",'paths':{"
        "'/a':{'post':{'operationId':'a','x-ihanoi-sql':'a'," OK ","
        "'security':[{'bearer':[]}],'parameters':[" KEY("true") "]}},"
        "'/b/{id}':{'post':{'operationId':'b','x-ihanoi-sql':'b',"
        "'x-ihanoi-idempotency':'optional','parameters':[" ID ","
        KEY("false") "]," OK ",'security':[{'bearer':[]}]}},"
        "'/c':{'post':{'operationId':'c','x-ihanoi-sql':'c','security':[],"
        "'x-ihanoi-idempotency':'none'," OK "},"
        "'put':{'operationId':'d','x-ihanoi-sql':'d'," OK ","
        "'security':[{'bearer':[]}]}}},"
        "'components':{'securitySchemes':{'bearer':{'type':'http',"
        "'scheme':'bearer','bearerFormat':'JWT'}}}}");

    is_str(ihanoi_contract_document(contract).data, json,
           "a POST has the header that it needs, or may have");
    free(json);
    ihanoi_contract_free(contract);
}


static void
test_merge(void)
{
    char                 text[4096], *json, hash[65];
    unsigned             i;
    const char          *files[3];
    unsigned char        digest[32];
    ihanoi_str_t         document;
    ihanoi_contract_t   *contract;

    static const char    a[] =
        "{" HEAD ",'servers':[{'url':'/'}],'tags':[{'name':'x'}],"
        "'security':[{'bearer':[]}],'paths':{'/a':{'get':{'operationId':'a',"
        "'x-ihanoi-sql':'fa','responses':{'200':{'description':'d','content':{"
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
        "'/a':{'get':{'operationId':'a','x-ihanoi-sql':'fa','responses':{"
        "'200':{'description':'d','content':{'application/json':{'schema':{"
        "'$ref':'#/components/schemas/a.A'},'example':{"
        "'$ref':'#/components/schemas/A','n':21.0285}}}},"
        "'404':{'$ref':'#/components/responses/common.Gone'}},"
        "'security':[{'bearer':[]}]}},"
        "'/b':{'get':{'operationId':'b','x-ihanoi-sql':'fb','security':[],"
        OK "}}},"
        "'components':{'securitySchemes':{'bearer':{'type':'http',"
        "'scheme':'bearer','bearerFormat':'JWT'}},"
        "'schemas':{'a.A':{'properties':{"
        "'b':{'$ref':'#/components/schemas/common.B/properties/c'},"
        "'default':{'$ref':'#/components/schemas/a.A'},"
        "'n':{'type':'number','const':21.0285,'default':21.0285}}},"
        "'b.A':true,'common.B':{'properties':{'c':{'type':'null'}}}},"
        "'responses':{'common.Gone':{'description':'d'}}},"
        "'tags':[{'name':'x'},{'name':'y'}],"
        "'x-ihanoi-problems':{'gone':{'status':410,'title':{'vi':'v',"
        "'en':'e'}}}}");

    is_str(document.data, json, "and makes one of them");
    is_int(document.len, strlen(json), "of the length it says");
    free(json);

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

    return done_testing();
}
