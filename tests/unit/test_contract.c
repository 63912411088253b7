/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents: what operations they make, within which limits.
 */

#include "tap.h"
#include "schema_fixture.h"


static void
test_operation(void)
{
    unsigned                         i, n;
    char                             text[1024];
    ihanoi_contract_t               *contract;
    const ihanoi_operation_t        *op;
    const ihanoi_operation_t *const *ops;
    const ihanoi_problem_text_t     *problems;

    contract = fixture_load(
        "{" HEAD ",'security':[{'bearer':['base']}],"
        "'paths':{'/v1/things/{id}':{'parameters':[" ID ","
        "{'name':'limit','in':'query','schema':{'type':'integer'}}],"
        "'patch':{'operationId':'thing_change','x-ihanoi-sql':'change',"
        "'x-ihanoi-timeout':1500,'x-ihanoi-assurance':'phone',"
        "'security':[{'bearer':['a','b:c']}],"
        "'parameters':["
        "{'name':'If-Match','in':'header','required':true,'schema':{"
        "'type':'string'}},"
        "{'name':'limit','in':'query','schema':{'type':'integer',"
        "'format':'int32','default':20.0}},"
        "{'$ref':'#/components/parameters/States'}],"
        "'requestBody':{'required':true,'content':{"
        "'application/json':{'schema':{'$ref':'#/components/schemas/Thing'}},"
        "'application/merge-patch+json':{'schema':{"
        "'$ref':'#/components/schemas/Thing'}}}},"
        "'responses':{'200':{'description':'d','content':{"
        "'application/json':{'schema':true},'text/csv':{}}},"
        "'2XX':{'description':'d','content':{'application/geo+json':{"
        "'schema':true}}},"
        "'default':{'description':'d'}}},"
        "'get':{'operationId':'thing_read','x-ihanoi-sql':'read_thing',"
        "'security':[{},{'bearer':[]}]," OK "}},"
        "'/v1/things':{'post':{'operationId':'thing_make',"
        "'x-ihanoi-sql':'make','x-ihanoi-idempotency':'optional',"
        "'x-ihanoi-body':'whole','x-ihanoi-pool':'slow',"
        "'requestBody':{'content':{'application/json':{'schema':{"
        "'type':'array','maxItems':3,'items':{'type':'integer'},"
        "'default':[1.0]}}}}," OK "},"
        "'get':{'operationId':'thing_list','x-ihanoi-sql':'list',"
        "'security':[]," OK "}}},"
        "'components':{'parameters':{'States':{'name':'states','in':'query',"
        "'explode':false,'schema':{'type':'array','maxItems':2,'items':{"
        "'type':'string','enum':['x','y']},'default':['x']}}},"
        "'schemas':{"
        "'Base':{'properties':{'note':{'type':['string','null'],"
        "'maxLength':9}},'required':['note']},"
        "'Thing':{'type':'object','allOf':[{"
        "'$ref':'#/components/schemas/Base'}],"
        "'required':['at'],'properties':{"
        "'weight':{'type':'number'},"
        "'price':{'type':'number','format':'decimal','default':1.10},"
        "'at':{'type':'string','format':'date-time'},"
        "'day':{'type':'string','format':'date'},"
        "'dueAt':{'$ref':'#/components/schemas/When'},"
        "'open':{'type':'boolean','default':true},"
        "'big':{'type':'integer'},"
        "'small':{'type':['null','integer'],'format':'int32'},"
        "'tags':{'type':'array','maxItems':2},"
        "'place':{'type':'object','properties':{}},"
        "'both':{'type':['integer','boolean']},"
        "'any':{'default':'z'}}},"
        "'When':{'type':'string','format':'date-time',"
        "'default':'2026-01-01T00:00:00Z'}}},"
        "'x-ihanoi-problems':{'no-room':{'status':409,'title':{'vi':'V',"
        "'en':'E'},'detail':{'vi':'{n} v','en':'{n} e'}},"
        "'late':{'status':422,'title':{'vi':'V2','en':'E2'}}}}");

    if (!ok(contract != NULL, "loads a document of many kinds")) {
        printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        return;
    }

    n = ihanoi_contract_operations(contract, &ops);
    is_int(n, 4, "with its operations");

    for (i = 0; i < n; i++) {
        if (ops[i]->index != i) {
            break;
        }
    }

    is_int(i, n, "numbered from 0");

    op = ops[1];
    is_str(op->id.data, "thing_change", "operationId");
    is_str(op->path.data, "/v1/things/{id}", "path");
    is_str(op->document.data, "service.json", "document");
    is_str(op->sql.data, "change", "x-ihanoi-sql");
    is_int(op->method, IHANOI_PATCH, "method");
    is_int(op->pool, IHANOI_POOL_WRITE, "pool by method");
    is_int(op->timeout, 1500, "x-ihanoi-timeout");
    is_int(op->security, IHANOI_SECURITY_TOKEN, "security");
    is_int(op->assurance, IHANOI_ASSURANCE_PHONE, "x-ihanoi-assurance");
    ok(op->nscopes == 2 && strcmp(op->scopes[1].data, "b:c") == 0, "scopes");
    ok(op->body_required && !op->body_whole && op->body, "body");
    ok(op->nconsumes == 2 && strcmp(op->consumes[1].type.data,
                                    "application/merge-patch+json") == 0,
       "media types of the request");
    ok(op->nproduces == 3
       && strcmp(op->produces[0].type.data, "application/json") == 0
       && strcmp(op->produces[1].suffix.data, "csv") == 0
       && strcmp(op->produces[2].suffix.data, "geojson") == 0,
       "media types of the answer");

    text[0] = '\0';

    for (i = 0; i < op->narguments; i++) {
        snprintf(text + strlen(text), sizeof(text) - strlen(text),
                 "%s=>%s%s%s%s%s%s\n", op->arguments[i].sql_name.data,
                 op->arguments[i].sql_type.data,
                 op->arguments[i].required ? " required" : "",
                 op->arguments[i].list ? " list" : "",
                 op->arguments[i].if_match ? " if_match" : "",
                 op->arguments[i].default_text.data ? " " : "",
                 op->arguments[i].default_text.data
                 ? op->arguments[i].default_text.data : "");
    }

    is_str(text,
           "id=>uuid required\n"
           "limit=>int4 20\n"
           "states=>jsonb list [\"x\"]\n"
           "if_match=>jsonb required if_match\n"
           "note=>text required\n"
           "weight=>float8\n"
           "price=>numeric 1.1\n"
           "at=>timestamptz required\n"
           "day=>date\n"
           "due_at=>timestamptz 2026-01-01T00:00:00Z\n"
           "open=>boolean true\n"
           "big=>int8\n"
           "small=>int4\n"
           "tags=>jsonb\n"
           "place=>jsonb\n"
           "both=>jsonb\n"
           "any=>jsonb \"z\"\n", "arguments with types and defaults");

    op = ops[0];
    is_str(op->id.data, "thing_read", "the GET stands first");
    is_int(op->pool, IHANOI_POOL_READ, "and reads");
    is_int(op->security, IHANOI_SECURITY_OPTIONAL, "with a token or without");
    ok(op->body == NULL && op->narguments == 2, "it has the path's parameters");

    op = ops[2];
    is_str(op->id.data, "thing_list", "another GET");
    is_int(op->security, IHANOI_SECURITY_PUBLIC, "is public");

    op = ops[3];
    is_int(op->pool, IHANOI_POOL_SLOW, "x-ihanoi-pool");
    ok(op->body_whole && !op->body_required && op->narguments == 1,
       "a body as a whole is one argument");
    is_str(op->arguments[0].default_text.data, "[1]", "with a default");
    is_int(op->idempotency, IHANOI_IDEMPOTENCY_OPTIONAL, "x-ihanoi-idempotency");
    ok(op->nscopes == 1 && strcmp(op->scopes[0].data, "base") == 0,
       "security of the document");

    n = ihanoi_contract_problems(contract, &problems);

    ok(n == 2 && strcmp(problems[0].code.data, "no-room") == 0
       && problems[0].status == 409
       && strcmp(problems[0].title_vi.data, "V") == 0
       && strcmp(problems[0].title_en.data, "E") == 0
       && strcmp(problems[0].detail_vi.data, "{n} v") == 0
       && strcmp(problems[0].detail_en.data, "{n} e") == 0
       && problems[1].detail_vi.data == NULL, "problems");

    ihanoi_contract_free(contract);
}


/* Where a limit may stand in a request. */

static void
test_bounds(void)
{
    size_t              i;
    ihanoi_contract_t  *contract;

    static const char  *members[] = {
        BODY("{'type':'object','properties':{'a':{'type':'string',"
             "'enum':['x']}}}"),
        BODY("{'type':'object','properties':{'a':{'type':'string',"
             "'const':'x'}}}"),
        BODY("{'type':'object','properties':{'a':{'type':'string',"
             "'format':'email'}}}"),
        BODY("{'type':'object','properties':{'a':{'type':'string',"
             "'allOf':[{'maxLength':3}]}}}"),
        BODY("{'type':'object','properties':{'a':{'maxLength':3,"
             "'$ref':'#/components/schemas/Text'}}}"),
        BODY("{'type':'object','properties':{'a':{'maxLength':3,"
             "'anyOf':[{'type':'string'},{'type':'null'}]}}}"),
        BODY("{'type':'object','properties':{'a':{'type':'array',"
             "'prefixItems':[{'type':'integer'}],'items':false}}}"),
        BODY("{'type':'object','properties':{'a':{'not':{"
             "'type':'string'}}}}"),
        BODY("{'type':'object','properties':{'a':{'if':{'type':'string'},"
             "'then':false}}}"),
        BODY("{'type':'object','properties':{'a':{}}}"),
    };

    for (i = 0; i < sizeof(members) / sizeof(members[0]); i++) {

        contract = fixture_load_operation("post", "/a", members[i],
                                          "'components':{'schemas':{"
                                          "'Text':{'type':'string'}}}");

        if (!ok(contract != NULL, "loads a post with %s", members[i])) {
            printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        }

        ihanoi_contract_free(contract);
    }

    contract = fixture_load_operation("post", "/a",
                   BODY("{'type':'object','properties':{'a':{"
                        "'$ref':'#/components/schemas/Text'}}}"),
                   "'components':{'schemas':{'Text':{'type':'string'}}}");

    ok(contract == NULL
       && strcmp(fixture_error.pointer, "/components/schemas/Text") == 0,
       "a component without limit may be answered, not asked for");

    ihanoi_contract_free(contract);
}


static void
test_limits(void)
{
    char        *text;
    size_t       len;
    const char  *files[1];

    len = 4194304 + 1;
    text = malloc(len);
    memset(text, ' ', len);
    files[0] = fixture_write("large.json", text, len);

    ok(ihanoi_contract_load(files, 1, &fixture_error) == NULL
       && strstr(fixture_error.reason, "larger than"),
       "a document may not be larger than its limit");

    memset(text, '[', 1000);
    files[0] = fixture_write("deep.json", text, 1000);

    ok(ihanoi_contract_load(files, 1, &fixture_error) == NULL
       && strstr(fixture_error.reason, "too deep"),
       "a document may not be deeper than its limit");

    free(text);
}


/*
 * Each use of a schema looked at all of the contract again: a minute of the
 * master's for a document of a megabyte.
 */

static void
test_checks(void)
{
    unsigned          i;
    schema_fixture_t  s;

    ok(schema_fixture_open(&s, "{'$ref':'#/components/schemas/A'}",
           "'A':{'type':'array','items':{'type':'string'}}"), "three schemas");

    for (i = 0; i < 3; i++) {
        (void) ihanoi_schema_compile(&s.schemas, &s.schema->place);
    }

    ok(s.schemas.n == 3 && s.schemas.checked == 3,
       "what was checked is not checked again");

    schema_fixture_close(&s);
}


static void
test_memory(void)
{
    long                n;
    ihanoi_contract_t  *contract;

    contract = NULL;

    for (n = 0; n < 20000; n++) {

        fixture_memory_fails_after(n);

        contract = fixture_load_operation("patch", "/a/{id}",
            "'parameters':[" ID ",{'name':'s','in':'query','explode':false,"
            "'schema':{'type':'array','maxItems':1,'items':{'type':'integer'},"
            "'default':[1]}}],"
            BODY("{'type':'object','properties':{'a':{'type':'string',"
                 "'pattern':'^a$','maxLength':3},'b':{"
                 "'$ref':'#/components/schemas/B'}}}"),
            "'components':{'schemas':{'B':{'type':'object','examples':[{}]}}},"
            "'tags':[{'name':'t'}],"
            "'x-ihanoi-problems':{'a':{'status':400,'title':{'vi':'v',"
            "'en':'e'}}}");

        fixture_memory_fails_after(-1);

        if (contract != NULL
            || strcmp(fixture_error.reason, "out of memory") != 0)
        {
            break;
        }
    }

    if (!ok(contract != NULL && n > 100, "says so at each of %ld failed "
            "allocations", n))
    {
        printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
    }

    ihanoi_contract_free(contract);
}


int
main(void)
{
    test_operation();
    test_bounds();
    test_limits();
    test_checks();
    test_memory();

    return done_testing();
}
