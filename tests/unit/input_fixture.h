/*
 * Copyright (C) iHaNoi contributors
 *
 * For tests of a request's values: the operations that take them, and what is
 * wrong with them as a text.
 */

#ifndef _INPUT_FIXTURE_H_INCLUDED_
#define _INPUT_FIXTURE_H_INCLUDED_


#include "tap.h"
#include "contract_fixture.h"


static ihanoi_contract_t         *contract;
static const ihanoi_operation_t  *change;
static const ihanoi_operation_t  *whole;
static const ihanoi_operation_t  *lua;


static __attribute__((unused)) void
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
        "'x':{'type':'number'}}},"
        "'e':{'type':'object','anyOf':["
        "{'properties':{'n':{'type':'integer'},'kind':{'const':'n'}}},"
        "{'properties':{'n':{'type':'number'},'kind':{'const':'x'}}}"
        "]}}}}}}}}}}");

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


static __attribute__((unused)) unsigned
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

static __attribute__((unused)) const char *
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


#endif /* _INPUT_FIXTURE_H_INCLUDED_ */
