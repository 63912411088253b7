/*
 * Copyright (C) iHaNoi contributors
 *
 * Documents and operations that are refused, and why.
 */

#include "tap.h"
#include "contract_fixture.h"


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
    { "get", "/a", "'x-ihanoi-lua':'f'", "", "", "one function serves it" },
    { "get", "/a", "'x-ihanoi-host':1", "", "", "x-ihanoi-host" },
    { "post", "/a", "'x-ihanoi-host':'plugins'", "", "", "for a GET" },
    { "get", "/a", "'x-ihanoi-pol':'read'", "", "", "x-ihanoi-pol" },
    { "get", "/a", "'x-ihanoi-\\u001b\\u009b':1", "", "", "x-ihanoi-???" },
    { "get", "/a", "'x-ihanoi-pool':'fast'", "", "", "\"slow\"" },
    { "get", "/a", "'x-ihanoi-pool':1", "", "", "\"slow\"" },
    { "post", "/a", "'x-ihanoi-pool':'read'", "", "", "only GET" },
    { "get", "/a", "'x-ihanoi-timeout':0", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-timeout':600001", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-timeout':'1s'", "", "", "milliseconds" },
    { "get", "/a", "'x-ihanoi-assurance':'high'", "", "", "verified" },
    { "get", "/a", "'x-ihanoi-idempotency':'optional'", "", "", "POST only" },
    { "post", "/a", "'x-ihanoi-idempotency':'never'", "", "", "optional" },
    { "post", "/a", "'x-ihanoi-idempotency':'none'", "", "", "not both" },
    { "get", "/a", "'x-ihanoi-query':'open'", "", "", "x-ihanoi-lua" },
    { "get", "/a", "'x-ihanoi-query':'any'", "", "", "\"open\"" },
    { "get", "/a", "'x-ihanoi-query':true", "", "", "\"open\"" },
    { "post", "/a", "'x-ihanoi-body':'whole'", "", "", "requestBody" },
    { "post", "/a", "'x-ihanoi-body':'part'", "", "", "members" },

    /* what is for readers */

    { "get", "/a", "'summary':['a']", "", "/paths/~1a/get", "a string" },
    { "get", "/a", "'description':null", "", "", "a string" },
    { "get", "/a", "'deprecated':'yes'", "", "", "true or false" },
    { "get", "/a", "'externalDocs':'https://x'", "", "", "an object" },
    { "get", "/a", "'tags':'a'", "", "", "a list" },
    { "get", "/a", "'tags':['a',{'name':'b'}]", "", "", "has no name" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','explode':1,"
      "'schema':{'type':'integer'}}]", "", "", "true or false" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer','description':1}}]", "",
      "/paths/~1a/get/parameters/0/schema/description", "a string" },
    { "get", "/a", "'parameters':[{'name':'a','in':'query','schema':{"
      "'type':'integer','deprecated':'no'}}]", "", "", "true or false" },

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
        { "\xef\xbb\xbf{}", "begins with a byte order mark" },
        { "{'a':1,\n'a':2}", "twice" },
        { "{'a':\n\n01}", "line 3" },
        { "[]", "not an object" },
        { "{}", "openapi" },
        { "{'openapi':'3.0.3','info':{'title':'t','version':'1'}}", "3.1" },
        { "{'openapi':3.1}", "3.1" },
        { "{'openapi':'3.1.0'}", "title" },
        { "{'openapi':'3.1.0','info':{'title':'t'}}", "version" },
        { "{" HEAD ",'servers':{}}", "a list" },
        { "{" HEAD ",'tags':['a']}", "has no name" },
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
          "'x-ihanoi-sql':'f'," OK "}}}}", "POST needs a token" },
        { "{" HEAD ",'paths':{'/a':{'post':{'operationId':'a','security':[{},"
          "{'bearer':[]}],'x-ihanoi-sql':'f'," OK "}}}}",
          "POST needs a token" },
        { "{" HEAD ",'paths':{'/a':{'post':{'operationId':'a','security':[],"
          "'x-ihanoi-idempotency':'optional','x-ihanoi-sql':'f'," OK "}}}}",
          "POST needs a token" },
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
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':[]}}}}}}", "object" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':{'A':{'description':'a'}}}}}}}}", "needs a \"schema\"" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':{'A':{'style':'form','schema':{}}}}}}}}}", "simple" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':{'A':{'schema':{'type':'nothing'}}}}}}}}}",
          "must be a type" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':{'A':{'schema':{'type':'integer'},'example':'x'}}}}}}}}",
          "example" },
        { "{" HEAD ",'security':[],'paths':{'/a':{'get':{'operationId':'a',"
          "'x-ihanoi-sql':'f','responses':{'200':{'description':'d',"
          "'headers':{'A':{'$ref':'#/components/headers/B'}}}}}}}}", "B" },

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


int
main(void)
{
    test_refused_operations();
    test_refused_documents();

    return done_testing();
}
