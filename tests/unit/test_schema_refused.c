/*
 * Copyright (C) iHaNoi contributors
 *
 * Keywords of JSON Schema: what each may not say.
 */

#include "tap.h"
#include "schema_fixture.h"


/* What may not be in a schema, and a word of the reason given. */

static const struct {
    const char  *schema;
    const char  *others;
    const char  *pointer;
    const char  *reason;
} refused[] = {
    { "1", "", "/components/schemas/S", "object or boolean" },
    { "[]", "", "/components/schemas/S", "object or boolean" },
    { "{'typ':'string'}", "", "/components/schemas/S", "\"typ\"" },
    { "{'unevaluatedProperties':false}", "", "", "unevaluatedProperties" },
    { "{'unevaluatedItems':false}", "", "", "unevaluatedItems" },
    { "{'dependentSchemas':{}}", "", "", "dependentSchemas" },
    { "{'$defs':{}}", "", "", "$defs" },
    { "{'definitions':{}}", "", "", "definitions" },
    { "{'$id':'x'}", "", "", "$id" },
    { "{'$anchor':'x'}", "", "", "$anchor" },
    { "{'$dynamicRef':'#x'}", "", "", "$dynamicRef" },
    { "{'nullable':true}", "", "", "nullable" },
    { "{'example':1}", "", "", "example" },
    { "{'minContains':1}", "", "", "minContains" },
    { "{'contains':{},'maxContains':1}", "", "", "maxContains" },
    { "{'$dynamicAnchor':'x'}", "", "", "$dynamicAnchor" },
    { "{'$recursiveRef':'#'}", "", "", "$recursiveRef" },
    { "{'$vocabulary':{}}", "", "", "$vocabulary" },
    { "{'$schema':'https://json-schema.org/draft/2020-12/schema'}", "", "",
      "$schema" },
    { "{'additionalItems':false}", "", "", "additionalItems" },
    { "{'dependencies':{}}", "", "", "dependencies" },
    { "{'contentMediaType':'text/plain'}", "", "", "contentMediaType" },
    { "{'contentSchema':{}}", "", "", "contentSchema" },
    { "{'xml':{}}", "", "", "xml" },
    { "{'Type':'string'}", "", "", "\"Type\"" },
    { "{'not':{'minlength':3}}", "", "/components/schemas/S/not", "minlength" },
    { "{'if':{'unevaluatedItems':false}}", "", "/components/schemas/S/if",
      "unevaluatedItems" },
    { "{'contains':{'minContains':2}}", "", "/components/schemas/S/contains",
      "minContains" },
    { "{'contentEncoding':'base64'}", "", "", "contentEncoding" },
    { "{'discriminator':{}}", "", "", "discriminator" },
    { "{'x-ihanoi-mask':true}", "", "", "x-ihanoi-mask" },
    { "{'type':'strin'}", "", "/components/schemas/S/type", "type" },
    { "{'type':[]}", "", "", "type" },
    { "{'type':['string','string']}", "", "", "different" },
    { "{'type':1}", "", "", "type" },
    { "{'enum':[]}", "", "", "not empty" },
    { "{'enum':'a'}", "", "", "list" },
    { "{'minimum':'1'}", "", "", "number" },
    { "{'exclusiveMinimum':true}", "", "", "number" },
    { "{'multipleOf':0}", "", "", "above 0" },
    { "{'multipleOf':-1}", "", "", "above 0" },
    { "{'maxLength':-1}", "", "", "integer" },
    { "{'maxLength':1.5}", "", "", "integer" },
    { "{'maxLength':-1.0}", "", "", "integer" },
    { "{'maxLength':1e10}", "", "", "integer" },
    { "{'maxItems':'1'}", "", "", "integer" },
    { "{'minLength':3,'maxLength':2}", "", "", "above" },
    { "{'minItems':3,'maxItems':2}", "", "", "above" },
    { "{'minProperties':3,'maxProperties':2}", "", "", "above" },
    { "{'pattern':'^a$'}", "", "", "maxLength" },
    { "{'pattern':'^a','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':'^a\\\\$','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':'^[$]','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':'^(a$','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':'^a|b$','maxLength':9}", "", "", "group" },
    { "{'pattern':'^[a$','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':'^a)$','maxLength':9}", "", "", "pattern" },
    { "{'pattern':'^*$','maxLength':9}", "", "", "pattern" },
    { "{'pattern':'(*UCP)a$','maxLength':9}", "", "", "group" },
    { "{'pattern':'(?i)a$','maxLength':9}", "", "", "group" },
    { "{'pattern':'(?R)$','maxLength':9}", "", "", "group" },
    { "{'pattern':'(?#x)$','maxLength':9}", "", "", "group" },
    { "{'pattern':'\\\\Qa$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\v$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'[\\\\h]$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\Aa$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'a\\\\Ka$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\pL$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\012$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\x{41}$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\u41$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\u{}$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'\\\\u{4$','maxLength':9}", "", "", "escape" },
    { "{'pattern':'a++$','maxLength':9}", "", "", "quantifier" },
    { "{'pattern':'(a)?+$','maxLength':9}", "", "", "quantifier" },
    { "{'pattern':'a{1,2}+$','maxLength':9}", "", "", "quantifier" },
    { "{'pattern':'a{,2}$','maxLength':9}", "", "", "quantifier" },
    { "{'pattern':'a{1, 2}$','maxLength':9}", "", "", "quantifier" },
    { "{'pattern':'[[:alpha:]]$','maxLength':9}", "", "", "class" },
    { "{'pattern':'[]a]$','maxLength':9}", "", "", "empty" },
    { "{'pattern':'','maxLength':9}", "", "", "\"$\"" },
    { "{'pattern':1,'maxLength':9}", "", "", "string" },
    { "{'patternProperties':{'^a':true}}", "", "", "\"$\"" },
    { "{'type':'string','format':'idn-email'}", "", "", "idn-email" },
    { "{'format':'uuid'}", "", "", "type string" },
    { "{'type':'integer','format':'uuid'}", "", "", "type string" },
    { "{'type':'string','format':'int32'}", "", "", "type integer" },
    { "{'type':'number','format':'int32'}", "", "", "type integer" },
    { "{'type':'integer','format':'decimal'}", "", "", "type number" },
    { "{'format':1}", "", "", "list" },
    { "{'items':[{}]}", "", "/components/schemas/S/items", "object or bool" },
    { "{'prefixItems':[]}", "", "", "list of schemas" },
    { "{'prefixItems':{}}", "", "", "list of schemas" },
    { "{'allOf':[]}", "", "", "list of schemas" },
    { "{'anyOf':{}}", "", "", "list of schemas" },
    { "{'oneOf':[1]}", "", "/components/schemas/S/oneOf/0", "object or bool" },
    { "{'not':1}", "", "", "object or boolean" },
    { "{'then':{}}", "", "", "\"if\"" },
    { "{'else':{}}", "", "", "\"if\"" },
    { "{'uniqueItems':1}", "", "", "true or false" },
    { "{'required':'a'}", "", "", "list of names" },
    { "{'required':[1]}", "", "", "list of names" },
    { "{'required':['a','a']}", "", "", "twice" },
    { "{'dependentRequired':[]}", "", "", "object" },
    { "{'dependentRequired':{'a':'b'}}", "",
      "/components/schemas/S/dependentRequired/a", "list of names" },
    { "{'properties':[]}", "", "", "object" },
    { "{'properties':{'a/b':1}}", "",
      "/components/schemas/S/properties/a~1b", "object or boolean" },
    { "{'$ref':1}", "", "", "string" },
    { "{'$ref':'#/components/schemas/Z'}", "",
      "/components/schemas/S/$ref", "nothing" },
    { "{'$ref':'#/components/schemas/A/prefixItems/01'}",
      "'A':{'prefixItems':[true,true]}", "", "nothing" },
    { "{'$ref':'#/components/schemas/A/prefixItems/2'}",
      "'A':{'prefixItems':[true,true]}", "", "nothing" },
    { "{'$ref':'#/components/schemas/A~2'}", "'A~2':true", "", "nothing" },
    { "{'$ref':'#/paths/x'}", "", "", "$ref" },
    { "{'$ref':'#'}", "", "", "$ref" },
    { "{'$ref':'http://example.org/x.json#/components/schemas/A'}", "", "",
      "same folder" },
    { "{'$ref':'../x.json#/components/schemas/A'}", "", "", "same folder" },
    { "{'$ref':'absent.json#/components/schemas/A'}", "", "",
      "cannot be opened" },
    { "{'$ref':'#/components/schemas/A%20'}", "'A ':true", "", "$ref" },
    { "{'$ref':'#/components/schemas/A/properties/%25'}",
      "'A':{'properties':{'%':true}}", "", "without \"%\"" },
    { "{'$ref':'#/components/schemas/S'}", "", "", "refers to itself" },
    { "{'$ref':'#/components/schemas/A'}",
      "'A':{'$ref':'#/components/schemas/S'}", "", "refers to itself" },
    { "{'allOf':[{'$ref':'#/components/schemas/S'}]}", "", "",
      "refers to itself" },
    { "{'not':{'$ref':'#/components/schemas/S'}}", "", "",
      "refers to itself" },
    { "{'if':{'oneOf':[{},{'$ref':'#/components/schemas/S'}]},'then':{}}", "",
      "", "refers to itself" },
    { "{'type':'integer','default':'a'}", "", "/components/schemas/S",
      "\"default\" does not keep" },
    { "{'type':'integer','examples':[1,'a']}", "", "",
      "\"examples\" does not keep" },
    { "{'examples':1}", "", "", "list" },
};


static void
test_refused(void)
{
    size_t            i;
    schema_fixture_t  s;

    for (i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {

        if (ok(!schema_fixture_open(&s, refused[i].schema, refused[i].others)
               && strstr(fixture_error.reason, refused[i].reason)
               && strncmp(fixture_error.pointer, refused[i].pointer,
                          strlen(refused[i].pointer)) == 0,
               "does not compile %s", refused[i].schema) == 0)
        {
            printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
        }

        schema_fixture_close(&s);
    }
}


int
main(void)
{
    test_refused();

    return done_testing();
}
