/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents: what operations they make, and why they are refused.
 */

#include "tap.h"
#include "contract_fixture.h"
#include "ihanoi_digest.h"


#define HEAD  "'openapi':'3.1.0','info':{'title':'t','version':'1'}"
#define OK    "'responses':{'200':{'description':'d'}}"
#define ID    "{'name':'id','in':'path','required':true,"                     \
              "'schema':{'type':'string','format':'uuid'}}"

/* members of an operation that takes a body of this schema */
#define BODY(schema)                                                          \
    "'requestBody':{'required':true,'content':{'application/json':{"          \
    "'schema':" schema "}}}"


/* Operations that are refused: the place and a word of the reason. */

typedef struct {
    const char  *method;
    const char  *path;
    const char  *members;
    const char  *more;
    const char  *pointer;
    const char  *reason;
} refused_t;

static const refused_t  refused[] = {

    /* the operation's own members */

    { "get", "/a", "'callbacks':{}", "", "/paths/~1a/get", "callbacks" },
    { "get", "/a", "'servers':[]", "", "", "servers" },
    { "get", "/a", "'x-ihanoi-lua':'f'", "", "", "x-ihanoi-lua" },
    { "get", "/a", "'x-ihanoi-pol':'read'", "", "", "x-ihanoi-pol" },
    { "get", "/a", "'x-ihanoi-pool':'fast'", "", "", "\"slow\"" },
    { "get", "/a", "'x-ihanoi-pool':1", "", "", "\"slow\"" },
    { "post", "/a", "'x-ihanoi-pool':'read'", "", "", "only GET" },
    { "get", "/a", "'x-ihanoi-timeout':0", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-timeout':600001", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-timeout':'1s'", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-assurance':'high'", "", "", "verified" },
    { "get", "/a", "'x-ihanoi-idempotency':'optional'", "", "", "POST only" },
    { "post", "/a", "'x-ihanoi-idempotency':'never'", "", "", "optional" },
    { "post", "/a", "'x-ihanoi-body':'whole'", "", "", "requestBody" },
    { "post", "/a", "'x-ihanoi-body':'part'", "", "", "members" },

    /* parameters */

    { "get", "/a", "'parameters':{}", "", "/paths/~1a/get/parameters",
      "list" },
    { "get", "/a", "'parameters':[1]", "", "/paths/~1a/get/parameters/0",
      "object" },
    { "get", "/a", "'parameters':[{'in':'query','schema':{}}]", "", "",
      "\"name\"" },
    { "get", "/a", "'parameters':[{'name':'a','in':'cookie'}]", "", "",
      "query or header" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query'}]", "", "",
      "\"schema\"" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','content':{}}]",
      "", "", "content" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'allowReserved':true}]", "", "", "allowReserved" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'required':1}]", "", "", "true or false" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'style':'deepObject'}]", "", "", "\"form\"" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'style':1}]", "", "", "\"form\"" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{}}]", "",
      "", "one type" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'enum':['a']}}]", "", "", "one type" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':['integer','null']}}]", "", "", "one type" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'object'}}]", "", "", "one type" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'array','maxItems':3,'items':{'type':'integer'}}}]", "", "",
      "explode" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','explode':false,"
      "'schema':{'type':'array','maxItems':3}}]", "", "", "items" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','explode':false,"
      "'schema':{'type':'array','maxItems':3,'items':{'type':'object'}}}]",
      "", "", "items" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','explode':false,"
      "'schema':{'type':'array','items':{'type':'integer'}}}]", "", "",
      "maxItems" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'string'}}]", "", "/paths/~1a/get/parameters/0/schema",
      "maxLength" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','required':true,"
      "'schema':{'type':'integer','default':1}}]", "", "", "default" },
    { "get", "/a", "'parameters':[{'name':'a b','in':'query','schema':{"
      "'type':'integer'}}]", "", "", "argument's name" },
    { "get", "/a", "'parameters':[{'name':'1a','in':'query','schema':{"
      "'type':'integer'}}]", "", "", "argument's name" },
    { "get", "/a", "'parameters':[{'name':'caller','in':'query','schema':{"
      "'type':'integer'}}]", "", "", "caller" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'}},{'name':'A','in':'query','schema':{"
      "'type':'integer'}}]", "", "/paths/~1a/get/parameters/1", "second" },
    { "get", "/{a}", "'parameters':[{'name':'a','in':'path','required':true,"
      "'schema':{'type':'integer'}},{'name':'a','in':'query','schema':{"
      "'type':'integer'}}]", "", "", "second" },
    { "get", "/{id}", "", "", "/paths/~1{id}/get", "not declared" },
    { "get", "/{id}", "'parameters':[{'name':'id','in':'path','schema':{"
      "'type':'integer'}}]", "", "", "\"required\": true" },
    { "get", "/{id}", "'parameters':[" ID ",{'name':'no','in':'path',"
      "'required':true,'schema':{'type':'integer'}}]", "", "", "\"no\"" },
    { "get", "/{id}", "'parameters':[{'name':'id','in':'path','required':true,"
      "'explode':false,'schema':{'type':'array','maxItems':3,'items':{"
      "'type':'integer'}}}]", "", "", "one type" },
    { "get", "/{id}.{format}", "'parameters':[" ID "]", "", "", "format" },
    { "get", "/{id}.{format}", "'parameters':[" ID ",{'name':'format',"
      "'in':'path','required':true,'schema':{'type':'string','enum':['csv']}}"
      "]", "", "", "suffixes" },
    { "get", "/a", "'parameters':[{'name':'Idempotency-Key','in':'header',"
      "'schema':{'type':'string','maxLength':9}}]", "", "", "engine's" },
    { "get", "/a", "'parameters':[{'name':'authorization','in':'header',"
      "'schema':{'type':'string','maxLength':9}}]", "", "", "engine's" },
    { "get", "/a", "'parameters':[{'name':'ACCEPT','in':'header',"
      "'schema':{'type':'string','maxLength':9}}]", "", "", "engine's" },
    { "get", "/a", "'parameters':[{'name':'a_b','in':'header',"
      "'schema':{'type':'string','maxLength':9}}]", "", "", "header's name" },
    { "get", "/a", "'parameters':[{'$ref':'#/components/schemas/A'}]",
      "'components':{'schemas':{'A':{}}}", "", "parameters" },
    { "get", "/a", "'parameters':[{'$ref':'#/components/parameters/A'}]",
      "'components':{'parameters':{'A':{'$ref':'#/components/parameters/A'}}}",
      "", "nowhere" },
    { "get", "/a", "'parameters':[{'$ref':'#/components/parameters/A',"
      "'name':'b'}]", "'components':{'parameters':{'A':{}}}", "", "name" },

    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'example':'x'}]", "", "", "\"example\" does not" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'examples':{'e':{'value':'x'}}}]", "",
      "/paths/~1a/get/parameters/0/examples/e", "\"value\" does not" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'examples':{'e':{}}}]", "", "", "\"value\"" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'examples':[1]}]", "", "", "by name" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer'},'examples':{'e':{"
      "'$ref':'#/components/examples/E'}}}]",
      "'components':{'examples':{'E':{'value':'x'}}}",
      "/components/examples/E", "\"value\" does not" },

    /* bodies */

    { "post", "/a", "'requestBody':{'content':{'application/json':{"
      "'schema':{'type':'object'},'example':[]}}}", "", "",
      "\"example\" does not" },
    { "get", "/a", BODY("{'type':'object'}"), "", "", "no body" },
    { "delete", "/a", BODY("{'type':'object'}"), "", "", "no body" },
    { "post", "/a", "'requestBody':{}", "", "/paths/~1a/post/requestBody",
      "media type" },
    { "post", "/a", "'requestBody':{'content':{'text/plain':{'schema':{}}}}",
      "", "", "application/json" },
    { "post", "/a", "'requestBody':{'content':{'application/JSON':{"
      "'schema':{}}}}", "", "", "lower case" },
    { "post", "/a", "'requestBody':{'content':{'application/json':{}}}", "",
      "", "schema" },
    { "post", "/a", "'requestBody':{'content':{'application/json':{"
      "'schema':{'type':'object'}},'application/merge-patch+json':{"
      "'schema':{'type':'object','maxProperties':3}}}}", "", "", "one schema" },
    { "post", "/a", "'requestBody':{'required':'yes','content':{"
      "'application/json':{'schema':{'type':'object'}}}}", "", "",
      "true or false" },
    { "post", "/a", BODY("{}"), "", "", "type object" },
    { "post", "/a", BODY("{'type':['object','null']}"), "", "",
      "type object" },
    { "post", "/a", BODY("{'type':'array','maxItems':1}"), "", "",
      "type object" },
    { "post", "/a", BODY("{'type':'object','additionalProperties':true}"), "",
      "", "\"properties\"" },
    { "post", "/a", BODY("{'type':'object','patternProperties':{'^a$':{}}}"),
      "", "", "\"properties\"" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{"
      "'type':'string'}}}"), "",
      "/paths/~1a/post/requestBody/content/application~1json/schema/"
      "properties/a", "maxLength" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{"
      "'type':['string','null'],'minLength':1}}}"), "", "", "maxLength" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{"
      "'type':'array'}}}"), "", "", "maxItems" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{"
      "'items':{}}}}"), "", "", "maxItems" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{'type':'array',"
      "'maxItems':1,'items':{'type':'string'}}}}"), "", "", "maxLength" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{'anyOf':[{"
      "'type':'string'},{'type':'string','maxLength':1}]}}}"), "", "",
      "maxLength" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{'type':'object',"
      "'properties':{'b':{'type':'integer','default':1}}}}}"), "", "",
      "default" },
    { "post", "/a", BODY("{'type':'object','default':{}}"), "", "",
      "default" },
    { "post", "/a", BODY("{'type':'object','properties':{'a-b':{},'a_b':{}}}"),
      "", "", "second" },
    { "patch", "/{id}", "'parameters':[" ID "]," BODY("{'type':'object',"
      "'properties':{'id':{'type':'integer'}}}"), "", "", "second" },
    { "post", "/a", BODY("{'type':'object','properties':{'a':{"
      "'type':'integer'}},'allOf':[{'properties':{'a':{'type':'number'}}}]}"),
      "", "", "another type" },

    /* the document */

    { "get", "/a", "", "'webhooks':{}", "", "webhooks" },
    { "get", "/a", "", "'jsonSchemaDialect':'x'", "", "jsonSchemaDialect" },
    { "get", "/a", "", "'x-ihanoi-plugin':{}", "", "x-ihanoi-plugin" },
    { "get", "/a", "", "'components':[]", "/components", "object" },
    { "get", "/a", "", "'components':{'callbacks':{}}", "/components",
      "callbacks" },
    { "get", "/a", "", "'components':{'schemas':[]}", "/components/schemas",
      "object" },
    { "get", "/a", "", "'components':{'schemas':{'a/b':{}}}",
      "/components/schemas/a~1b", "name" },
    { "get", "/a", "", "'components':{'schemas':{'unused':{'typ':1}}}",
      "/components/schemas/unused", "typ" },
    { "get", "/a", "", "'components':{'securitySchemes':{'key':{"
      "'type':'apiKey'}}}", "", "bearer" },
    { "get", "/a", "", "'components':{'securitySchemes':{'bearer':{"
      "'type':'http','scheme':'basic'}}}", "", "bearer" },

    /* problems */

    { "get", "/a", "", "'x-ihanoi-problems':[]", "/x-ihanoi-problems",
      "object" },
    { "get", "/a", "", "'x-ihanoi-problems':{'A b':{'status':400}}", "",
      "code" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':200,'title':{"
      "'vi':'v','en':'e'}}}", "/x-ihanoi-problems/a", "400 to 599" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400}}", "",
      "title" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400,'title':{"
      "'vi':'v'}}}", "", "\"en\"" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400,'title':{"
      "'vi':'v','en':''}}}", "", "\"en\"" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400,'title':{"
      "'vi':'v','en':'e','fr':'f'}}}", "", "fr" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400,'type':'x',"
      "'title':{'vi':'v','en':'e'}}}", "", "type" },
    { "get", "/a", "", "'x-ihanoi-problems':{'a':{'status':400,'title':{"
      "'vi':'v','en':'e'},'detail':{'vi':'v'}}}", "", "\"en\"" },
};


static void
test_refused_operations(void)
{
    size_t              i;
    const refused_t    *row;
    ihanoi_contract_t  *contract;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {

        row = &refused[i];
        contract = fixture_load_operation(row->method, row->path, row->members,
                                          row->more);

        if (!ok(contract == NULL
                && strstr(fixture_error.reason, row->reason)
                && strstr(fixture_error.file, "service.json")
                && strncmp(fixture_error.pointer, row->pointer,
                           strlen(row->pointer)) == 0,
                "does not load %s %s with %s%s", row->method, row->path,
                row->members, row->more))
        {
            printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        }

        ihanoi_contract_free(contract);
    }
}


/* Whole documents that are refused. */

static void
test_refused_documents(void)
{
    size_t              i;
    ihanoi_contract_t  *contract;

    static const struct {
        const char  *text;
        const char  *reason;
    } rows[] = {
        { "", "is not JSON" },
        { "{'a':1,\n'a':2}", "twice" },
        { "{'a':\n\n01}", "line 3" },
        { "[]", "not an object" },
        { "{}", "openapi" },
        { "{'openapi':'3.0.3','info':{'title':'t','version':'1'}}", "3.1" },
        { "{'openapi':3.1}", "3.1" },
        { "{'openapi':'3.1.0'}", "title" },
        { "{'openapi':'3.1.0','info':{'title':'t'}}", "version" },
        { "{" HEAD ",'paths':[]}", "object" },
        { "{" HEAD ",'paths':{'/a':1}}", "object" },
        { "{" HEAD ",'paths':{'/a':{'head':{}}}}", "head" },
        { "{" HEAD ",'paths':{'/a':{'options':{}}}}", "options" },
        { "{" HEAD ",'paths':{'/a':{'trace':{}}}}", "trace" },
        { "{" HEAD ",'paths':{'/a':{'$ref':'b'}}}", "$ref" },
        { "{" HEAD ",'paths':{'/a':{'get':1}}}", "object" },
        { "{" HEAD ",'paths':{'/a':{'get':{}}}}", "operationId" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'camelCase',"
          "'x-ihanoi-sql':'f'}}}}", "snake_case" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a'}}}}",
          "x-ihanoi-sql" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f(); drop'}}}}", "x-ihanoi-sql" },

        /* security is said, not assumed */

        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'," OK "}}}}", "security" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':{},"
          "'x-ihanoi-sql':'f'," OK "}}}}", "security" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'key':[]}],'x-ihanoi-sql':'f'," OK "}}}}", "bearer" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{}],"
          "'x-ihanoi-sql':'f'," OK "}}}}", "bearer" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'bearer':[]},{}],'x-ihanoi-sql':'f'," OK "}}}}", "bearer" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'bearer':[],'key':[]}],'x-ihanoi-sql':'f'," OK "}}}}", "bearer" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'bearer':[]},{'bearer':['x']}],'x-ihanoi-sql':'f'," OK "}}}}",
          "bearer" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'bearer':['a b']}],'x-ihanoi-sql':'f'," OK "}}}}", "scope" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[{"
          "'bearer':['']}],'x-ihanoi-sql':'f'," OK "}}}}", "scope" },
        { "{" HEAD ",'paths':{'/a':{'post':{'operationId':'a','security':[],"
          "'x-ihanoi-sql':'f'," OK "}}}}", "scoped by subject" },
        { "{" HEAD ",'paths':{'/a':{'post':{'operationId':'a','security':[{},"
          "{'bearer':[]}],'x-ihanoi-sql':'f'," OK "}}}}",
          "scoped by subject" },
        { "{" HEAD ",'paths':{'/a':{'get':{'operationId':'a','security':[],"
          "'x-ihanoi-assurance':'phone','x-ihanoi-sql':'f'," OK "}}}}",
          "needs a token" },

        /* responses */

        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'}}}}", "2xx" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'404':{'description':'d'},"
          "'default':{'description':'d'}}}}}}", "2xx" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{}}}}}}", "description" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'ok':{'description':'d'}}}}}}",
          "status" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'100':{'description':'d'}}}}}}",
          "status" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'links':{}}}}}}}", "links" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'204':{'description':'d',"
          "'content':{'application/json':{'schema':{}}}}}}}}}", "204" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'content':{'json':{}}}}}}}}", "media type" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'content':{'application/json':{}}}}}}}}", "schema" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'content':{'application/json':{'schema':{'typ':1}}}}}}}}}",
          "typ" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'content':{'application/json':{'schema':{},'encoding':{}}}}}}}}}",
          "encoding" },

        /* one of each */

        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'," OK "}},'/b':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'," OK "}}}}", "operationId" },
        { "{" HEAD ",'security':[],'paths':{"
          "'/a/{x}':{'parameters':[{'name':'x','in':'path','required':true,"
          "'schema':{'type':'integer'}}],'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'," OK "}},"
          "'/a/{y}':{'parameters':[{'name':'y','in':'path','required':true,"
          "'schema':{'type':'integer'}}],'get':{'operationId':'b',"
          "'x-ihanoi-sql':'f'," OK "}}}}", "already" },
        { "{" HEAD ",'security':[],'paths':{"
          "'/a/{x}':{'parameters':[{'name':'x','in':'path','required':true,"
          "'schema':{'type':'integer'}}],'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f'," OK "}},"
          "'/a/{y}':{'parameters':[{'name':'y','in':'path','required':true,"
          "'schema':{'type':'integer'}}],'put':{'operationId':'b',"
          "'x-ihanoi-sql':'f'," OK "}}}}", "other names" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {

        contract = fixture_load(rows[i].text);

        if (!ok(contract == NULL
                && strstr(fixture_error.reason, rows[i].reason),
                "does not load document %zu, saying \"%s\"", i,
                rows[i].reason))
        {
            printf("# %s\n# %s: %s\n", rows[i].text, fixture_error.pointer,
                   fixture_error.reason);
        }

        ihanoi_contract_free(contract);
    }
}


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
        "'format':'int32','default':20}},"
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
        "'default':[1]}}}}," OK "},"
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
    ok(!op->idempotency_required, "x-ihanoi-idempotency");
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

    /* the merged document is a contract itself */

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
    test_refused_operations();
    test_refused_documents();
    test_operation();
    test_bounds();
    test_merge();
    test_limits();
    test_memory();

    return done_testing();
}
