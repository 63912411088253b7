/*
 * Copyright (C) iHaNoi contributors
 *
 * Values of a request: what they are held against, and what SQL gets.
 */

#include "tap.h"
#include "contract_fixture.h"

int
main(void)
{
    ihanoi_contract_t *c; ihanoi_match_t m; ihanoi_input_t in; const ihanoi_operation_t *op; unsigned i;
    ihanoi_str_t d;
    c = fixture_load_operation("post", "/v1/things/{id}",
      "'parameters': [{'name':'id','in':'path','required':true,'schema':{'type':'string','format':'uuid'}},"
      "{'name':'state','in':'query','explode':false,'schema':{'type':'array','maxItems':3,'items':{'type':'string','enum':['a','b']}}},"
      "{'name':'limit','in':'query','schema':{'type':'integer','format':'int32','minimum':1,'maximum':100,'default':20}},"
      "{'name':'If-Match','in':'header','required':true,'schema':{'type':'string','maxLength':10}}],"
      "'requestBody':{'required':true,'content':{'application/json':{'schema':{'type':'object','required':['text'],'additionalProperties':false,'properties':{"
      "'text':{'type':'string','maxLength':10},'at':{'type':'object','properties':{'lat':{'type':'number'}}},'n':{'type':['number','null']}}}}}}", "");
    ok(c != NULL, "loads: %s %s", fixture_error.pointer, fixture_error.reason);
    if (!c) return 1;
    d = ihanoi_contract_document(c);
    printf("# %s\n# %s\n", d.data, ihanoi_contract_hash(c));
    ok(ihanoi_contract_match(c, "/v1/things/0d8f0e1c-0000-4000-8000-00000000abcd", 47, &m), "match");
    op = m.by_method[IHANOI_POST];
    for (i = 0; i < op->narguments; i++) printf("# %s %s %s %d\n", op->arguments[i].name.data, op->arguments[i].sql_name.data, op->arguments[i].sql_type.data, op->arguments[i].required);
    ok(ihanoi_input_init(&in, op, &fixture_request) == 0, "init");
    ihanoi_input_path(&in, &m);
    ihanoi_input_query(&in, "state=a,b", 9);
    d.data = "W/\"x\", \"y\\z\""; d.len = strlen(d.data);
    ihanoi_input_header(&in, 3, d);
    d.data = "{\"text\": \"h\\u00e9\", \"at\": {\"lat\": 21.0285 }, \"n\": 1.50}";
    ihanoi_input_body(&in, d.data, strlen(d.data));
    for (i = 0; i < op->narguments; i++) printf("# %s\n", in.values[i]);
    is_int(in.nviolations, 0, "no violations");
    d.data = "{\"text\": \"h\\u00e9aaaaaaaaaaaaaaa\", \"at\": {\"lat\": \"21.0285\" }, \"n\": 1.50, \"zz/\": 2}";
    ihanoi_input_body(&in, d.data, strlen(d.data));
    for (i = 0; i < in.nviolations; i++) printf("# %d %s %s %s\n", in.violations[i].in, in.violations[i].pointer, in.violations[i].keyword, in.violations[i].message);
    is_int(in.nviolations, 3, "violations");
    ihanoi_contract_free(c);
    fixture_request_free();
    return done_testing();
}
