/*
 * Copyright (C) iHaNoi contributors
 *
 * Keywords of JSON Schema: what each accepts and refuses.
 */

#include "tap.h"
#include "schema_fixture.h"


typedef struct {
    const char  *schema;
    const char  *others;
    const char  *valid[12];
    const char  *invalid[12];
} keyword_t;


static const keyword_t  keywords[] = {

    /* type */

    { "{}", "", { "null", "true", "0", "1.5", "''", "[]", "{}" }, { 0 } },
    { "true", "", { "null", "0", "{}" }, { 0 } },
    { "false", "", { 0 }, { "null", "0", "''", "[]", "{}", "false" } },
    { "{'type':'null'}", "", { "null" },
      { "false", "0", "''", "[]", "{}" } },
    { "{'type':'boolean'}", "", { "true", "false" },
      { "null", "0", "1", "'true'", "[]" } },
    { "{'type':'integer'}", "", { "0", "-0", "-7", "9223372036854775807",
      "1.0", "1e2", "-50e-1", "-0.0", "0e9", "1e18", "9007199254740992.0",
      "-9.223372036854775e18" },
      { "1.5", "1e-1", "1e19", "9.223372036854776e18", "-1e19",
        "2251799813685248.5", "'1'", "'1.0'", "null", "true", "[1]", "{}" } },
    { "{'type':['integer']}", "", { "1", "1.0" }, { "1.5", "'1'" } },
    { "{'type':['integer','number']}", "", { "1", "1.0", "1.5", "1e19" },
      { "'1'" } },
    { "{'type':'integer','format':'int32'}", "",
      { "2147483647.0", "-2147483648", "-21474836.48e2" },
      { "2147483648.0", "2147483648", "-2147483649.0", "3e9", "0.5" } },
    { "{'type':'integer','minimum':2,'maximum':90}", "",
      { "2.0", "9e1", "9.0e1" }, { "1.0", "91.0", "9.1e1", "1e2" } },
    { "{'type':'integer','maximum':1e18}", "", { "1e18",
      "1000000000000000000" }, { "1000000000000000001", "1.1e18" } },
    { "{'type':'integer','multipleOf':3}", "", { "3.0", "3e1", "-6.00" },
      { "4.0", "1e1" } },
    { "{'type':'number'}", "", { "0", "1.0", "1e2", "-1.5" },
      { "'1'", "null", "true", "[1]" } },
    { "{'type':'string'}", "", { "''", "'a'", "'1'" },
      { "1", "null", "true", "['a']", "{}" } },
    { "{'type':'array'}", "", { "[]", "[1,'a']" }, { "{}", "''", "null" } },
    { "{'type':'object'}", "", { "{}", "{'a':1}" }, { "[]", "''", "null" } },
    { "{'type':['string','null']}", "", { "''", "null" },
      { "0", "false", "[]" } },
    { "{'type':['integer','string']}", "", { "1", "1.0", "'a'" },
      { "1.5", "null" } },
    { "{'type':['array','object','null']}", "", { "[]", "{}", "null" },
      { "1", "''" } },

    /* enum, const */

    { "{'enum':[1,'a',null,[1],{'b':2}]}", "",
      { "1", "1.0", "'a'", "null", "[1]", "[1.0]", "{'b':2}" },
      { "2", "'b'", "false", "[]", "[1,1]", "{'b':3}", "{}", "'1'" } },
    { "{'enum':[false]}", "", { "false" }, { "0", "0.0", "null", "[false]" } },
    { "{'enum':[0]}", "", { "0", "0.0", "-0.0" }, { "false", "[0]" } },
    { "{'enum':['a\\nb']}", "", { "'a\\nb'" }, { "'a'" } },
    { "{'enum':[true]}", "", { "true" }, { "1", "1.0", "'true'", "[true]" } },
    { "{'enum':[1]}", "", { "1", "1.0", "10e-1" }, { "true", "[1]" } },
    { "{'enum':[[false]]}", "", { "[false]" }, { "[0]", "[0.0]", "false" } },
    { "{'enum':[[0]]}", "", { "[0]", "[0.0]", "[-0.0]" }, { "[false]" } },
    { "{'enum':[[true],[1,2]]}", "", { "[true]", "[1.0,2e0]" },
      { "[1]", "[1.0]" } },
    { "{'enum':[6,'foo',[],true,{'foo':12}]}", "",
      { "6.0", "[]", "{'foo':12}", "{'foo':12.0}" },
      { "null", "{'foo':false}", "{'foo':12,'boo':42}", "{}", "[[]]" } },
    { "{'type':'integer','enum':[1.0,2]}", "", { "1", "1.0", "2.0" },
      { "3", "1.5" } },
    { "{'const':2}", "", { "2", "2.0" }, { "3", "'2'", "true" } },
    { "{'const':null}", "", { "null" }, { "0", "false", "''" } },
    { "{'const':{'a':1,'b':2}}", "", { "{'b':2,'a':1}", "{'a':1.0,'b':2}" },
      { "{'a':1}", "{'a':1,'b':2,'c':3}", "[1,2]" } },
    { "{'const':[{'a':true}]}", "", { "[{'a':true}]" },
      { "[{'a':1}]", "[]", "{'a':true}" } },
    { "{'const':false}", "", { "false" }, { "0", "0.0", "-0.0" } },
    { "{'const':true}", "", { "true" }, { "1", "1.0" } },
    { "{'const':[false]}", "", { "[false]" }, { "[0]", "[0.0]" } },
    { "{'const':{'a':false}}", "", { "{'a':false}" },
      { "{'a':0}", "{'a':0.0}" } },
    { "{'const':0}", "", { "0", "0.0", "-0.0", "0e5" },
      { "false", "[]", "{}", "''", "'0'" } },
    { "{'const':{'a':0}}", "", { "{'a':0.0}" }, { "{'a':false}" } },
    { "{'const':-2.0}", "", { "-2", "-2.0", "-20e-1" },
      { "2", "2.0", "-2.00001" } },
    { "{'const':9007199254740992}", "",
      { "9007199254740992", "9007199254740992.0" },
      { "9007199254740991", "9007199254740991.0", "9007199254740994.0" } },
    { "{'const':1e18}", "", { "1000000000000000000", "1e18" },
      { "1000000000000000001" } },

    /* numbers */

    { "{'minimum':1.1}", "", { "1.1", "2", "'a'", "null" }, { "1", "0.6" } },
    { "{'minimum':-2}", "", { "-2", "-2.0", "-1", "0" }, { "-2.0001", "-3" } },
    { "{'maximum':3}", "", { "3", "3.0", "2.6", "'x'" }, { "3.5", "4" } },
    { "{'exclusiveMinimum':1.1}", "", { "1.2", "2" }, { "1.1", "1", "0.6" } },
    { "{'exclusiveMaximum':3}", "", { "2.2", "-5" }, { "3", "3.0", "3.5" } },
    { "{'maximum':300}", "", { "299.97", "300", "300.00" }, { "300.5" } },
    { "{'exclusiveMinimum':0,'exclusiveMaximum':1}", "", { "0.5", "1e-64" },
      { "0", "-0.0", "1", "1.0" } },
    { "{'minimum':9007199254740993}", "",
      { "9007199254740993", "9007199254740994" }, { "9007199254740992" } },
    { "{'exclusiveMaximum':9007199254740993}", "", { "9007199254740992" },
      { "9007199254740993" } },

    /* decimals that no double is */

    { "{'const':27597822041715190}", "", { "2759782204171519e1", "2759782204171519.0e1" },
      { "27597822041715188", "27597822041715192" } },
    { "{'maximum':9.223372036854775e18}", "",
      { "9223372036854775000", "9223372036854774999", "-1e19" },
      { "9223372036854775001", "9223372036854775807", "1e19" } },
    { "{'exclusiveMinimum':-4061656523397109e2}", "", { "-406165652339710899" },
      { "-406165652339710900", "-406165652339710901" } },
    { "{'uniqueItems':true}", "", { "[27449437728259231,2744943772825923e1]" },
      { "[27449437728259230,2744943772825923e1]" } },
    { "{'multipleOf':2}", "", { "10", "-4", "0", "4.0", "'a'" }, { "7" } },
    { "{'multipleOf':0.01}", "", { "4.02", "0.07", "19.99", "1e3", "0" },
      { "0.00751", "4.023" } },
    { "{'multipleOf':1.5}", "", { "0", "4.5", "-3" }, { "35", "1" } },
    { "{'multipleOf':0.0001}", "", { "0.0075", "0.1", "1.0001" },
      { "0.00751", "0.00005" } },
    { "{'multipleOf':1e-8}", "", { "12391239123", "1e-8", "0.3" },
      { "1e-9", "0.000000015" } },
    { "{'multipleOf':0.1}", "", { "0.3", "1.1", "1e15", "-0.7", "0.0" },
      { "0.25", "1e-2" } },
    { "{'multipleOf':7}", "", { "9223372036854775807", "7e17", "-7e0" },
      { "9223372036854775806", "1e18" } },
    { "{'multipleOf':9007199254740993}", "", { "9007199254740993", "0",
      "18014398509481986" }, { "9007199254740992", "9007199254740994.0" } },
    { "{'multipleOf':1e10}", "", { "1e64", "20000000000", "3.00e10" },
      { "1e9", "10000000001" } },
    { "{'multipleOf':123456789}", "", { "12345678900000000e-8" }, { "1e64" } },

    /* strings */

    { "{'minLength':2}", "", { "'fo'", "'foo'", "1",
      "'\\ud83d\\ude00\\ud83d\\ude00'" }, { "'f'", "''",
      "'\\ud83d\\ude00'", "'\xe1\xba\xbf'" } },
    { "{'maxLength':2}", "", { "'f'", "''", "100", "'\xe1\xba\xbf\xc4\x91'",
      "'\\ud83d\\ude00\\ud83d\\ude00'" }, { "'foo'", "'\xe1\xba\xbf\xc4\x91"
      "a'" } },
    { "{'maxLength':0}", "", { "''" }, { "'a'" } },
    { "{'minLength':2.0,'maxLength':3e0}", "", { "'ab'", "'abc'" },
      { "'a'", "'abcd'" } },

    /* characters are code points: a family, and a letter with its marks apart */

    { "{'minLength':5,'maxLength':5}", "",
      { "'\\ud83d\\udc69\\u200d\\ud83d\\udc69\\u200d\\ud83d\\udc67'" },
      { "'\\ud83d\\udc69'" } },
    { "{'maxLength':2}", "", { "'e\\u0302'", "'\\u1ebf\\u1ebf'" },
      { "'e\\u0302\\u0301'" } },
    { "{'pattern':'^a*$','maxLength':9}", "",
      { "''", "'aaa'", "1", "null", "{}" }, { "'abc'", "'b'", "'aa\\n'" } },
    { "{'pattern':'a+$','maxLength':9}", "", { "'xxaayy aa'", "'a'" },
      { "'ab'", "'a\\n'", "''" } },
    { "{'pattern':'^(ab|cd)$','maxLength':9}", "", { "'ab'", "'cd'" },
      { "'abd'", "'acd'", "'ab\\n'", "'abcd'" } },
    { "{'pattern':'^\\\\d{2}$','maxLength':9}", "", { "'12'" },
      { "'1'", "'123'", "'\xd9\xa1\xd9\xa2'" } },
    { "{'pattern':'^\\\\p{L}+$','maxLength':9}", "",
      { "'\xc4\x90\xe1\xba\xb7ng'", "'a'" }, { "'a1'", "'-'" } },
    { "{'pattern':'^.$','maxLength':9}", "",
      { "'\xe1\xba\xbf'", "'\\ud83d\\ude00'" }, { "'\\n'", "'\\r'", "''" } },
    { "{'pattern':'^\\\\u0041[\\\\u0042-\\\\u0044]$','maxLength':9}", "",
      { "'AC'" }, { "'AE'", "'u0041C'" } },
    { "{'pattern':'^\\\\u{1F600}[\\\\u{41}-\\\\x43]?$','maxLength':9}", "",
      { "'\xf0\x9f\x98\x80'", "'\xf0\x9f\x98\x80" "B'" },
      { "''", "'u'", "'\xf0\x9f\x98\x80" "D'" } },
    { "{'pattern':'^(?<a>.)\\\\k<a>\\\\0?$','maxLength':9}", "", { "'aa'" }, { "'ab'" } },
    { "{'pattern':'^[a\\\\]b]$','maxLength':9}", "", { "'a'", "']'", "'b'" },
      { "'c'" } },
    { "{'pattern':'b$','maxLength':9}", "", { "'b'", "'aab'", "'a\\nb'" },
      { "'bA'", "'b\\n'" } },
    { "{'pattern':'^\\u00e1b?$','maxLength':9}", "", { "'\xc3\xa1'", "'\xc3\xa1" "b'" },
      { "'a'", "'a\\u0301'" } },
    { "{'pattern':'^[\\u1ea0-\\u1ef9]{2}$','maxLength':9}", "",
      { "'\xe1\xba\xbf\xe1\xbb\x87'" }, { "'\xe1\xba\xbf'", "'ee'" } },
    { "{'pattern':'^\\\\p{Lu}\\\\P{L}$','maxLength':9}", "", { "'\xc4\x90" "1'" },
      { "'\xc4\x91" "1'", "'\xc4\x90" "a'" } },
    { "{'pattern':'^\\\\w\\\\W$','maxLength':9}", "", { "'a\xc3\xa9'", "'_-'" },
      { "'\xc3\xa9-'", "'ab'" } },
    { "{'pattern':'^\\\\cC\\\\t$','maxLength':9}", "", { "'\\u0003\\t'" },
      { "'\\\\cC\\t'", "'C\\t'" } },
    { "{'pattern':'^(?=a)(?!ab)(?<x>a).(?<=c)$','maxLength':9}", "", { "'ac'" },
      { "'ab'", "'ad'" } },
    { "{'pattern':'^[|]$','maxLength':9}", "", { "'|'" }, { "'a'" } },
    { "{'pattern':'^\\\\|$','maxLength':9}", "", { "'|'" }, { "'\\\\|'" } },

    /* arrays */

    { "{'items':{'type':'integer'}}", "", { "[]", "[1,2]", "{'a':1}", "'a'" },
      { "[1,'a']", "[1.5]" } },
    { "{'items':true}", "", { "[]", "[1,'a']" }, { 0 } },
    { "{'items':false}", "", { "[]", "{}" }, { "[1]", "[null]" } },
    { "{'prefixItems':[{'type':'integer'},{'type':'string'}]}", "",
      { "[]", "[1]", "[1,'a']", "[1,'a',true]", "{'0':'x'}" },
      { "['a']", "[1,1]" } },
    { "{'prefixItems':[{'type':'integer'}],'items':{'type':'string'}}", "",
      { "[]", "[1]", "[1,'a','b']" }, { "[1,2]", "['a']", "[1,'a',3]" } },
    { "{'prefixItems':[{},{}],'items':false}", "", { "[]", "[1]", "[1,2]" },
      { "[1,2,3]" } },
    { "{'prefixItems':[true,false]}", "", { "[]", "[1]" }, { "[1,2]" } },
    { "{'prefixItems':[{}],'items':false}", "", { "[]", "['a']", "{}" },
      { "[1,2]", "['a',null]" } },
    { "{'prefixItems':[{'type':'null'}]}", "", { "[null]", "[]" }, { "[0]" } },
    { "{'allOf':[{'prefixItems':[{'minimum':3}]}],'items':{'minimum':5}}", "",
      { "[5,5]" }, { "[3,5]", "[5,4]" } },
    { "{'items':{'items':{'items':{'type':'integer'}}}}", "",
      { "[[[1,2.0]],[]]", "[[],1]" }, { "[[['1']]]", "[[[1.5]]]" } },
    { "{'contains':{'minimum':5}}", "", { "[3,4,5]", "[5,5]", "{}", "'a'" },
      { "[2,3,4]", "[]" } },
    { "{'contains':{'const':5}}", "", { "[5]", "[1,5.0]" }, { "[]", "[1]" } },
    { "{'contains':true}", "", { "['a']" }, { "[]" } },
    { "{'contains':{'type':'null'}}", "", { "[null]", "[1,null]" }, { "[1]" } },
    { "{'contains':{'type':'integer'}}", "", { "['a',2.0]" }, { "[2.5]" } },
    { "{'contains':{'if':false,'else':true}}", "", { "['a']" }, { "[]" } },
    { "{'contains':{'const':1},'prefixItems':[{'const':2}],'maxItems':2}", "",
      { "[2,1]" }, { "[1,1]", "[2]", "[2,1,1]" } },
    { "{'contains':false}", "", { "'a'" }, { "[]", "['a']" } },
    { "{'contains':{'multipleOf':3},'items':{'multipleOf':2}}", "",
      { "[6,12]" }, { "[2,4,8]", "[3,6,9]", "[1,5]" } },
    { "{'uniqueItems':true}", "", { "[]", "[1,2]", "[1,true]", "[0,false]",
      "[[1],[true]]", "['a','A']", "[{'a':1},{'a':2}]", "[1,'1']",
      "[{'a':false},{'a':0}]", "[9007199254740992,9007199254740993]", "{}" },
      { "[1,1]", "[1,1.0]", "[0,-0.0]", "['a','b','a']", "[[1],[1.0]]",
      "[{'a':1,'b':2},{'b':2,'a':1}]", "[null,null]", "[true,true]",
      "[{'a':{'b':[1]}},{'a':{'b':[1]}}]", "[[],[]]", "[{},{}]" } },
    { "{'uniqueItems':true}", "",
      { "[1,true,0,false]", "[[1],[true]]", "[[[1],'a'],[[true],'a']]",
        "[[0],[false]]", "[{'a':1},{'a':true}]", "[{},[1],true,null,1,'{}']",
        "['a\\u0301','\\u00e1']", "[{'a':1,'b':2},{'a':2,'b':1}]",
        "[9007199254740992.0,9007199254740993]", "[1e18,1000000000000000001]",
        "[0.1,0.10000000000000002]" },
      { "[1.0,1.00,1]", "[5,5.0]", "[1e2,100]", "[-0,0]", "[0e0,0]",
        "[1,2,10e-1]", "[1e18,1000000000000000000]",
        "[{'a':[5]},{'a':[5.0]}]", "['\\u0041','A']", "[[[1],2],[[1.0],2.0]]",
        "[9007199254740992,9007199254740992.0]" } },
    { "{'prefixItems':[{'type':'boolean'},{'type':'boolean'}],"
      "'uniqueItems':true,'items':false}", "", { "[false,true]", "[true]" },
      { "[false,false]", "[true,false,null]" } },
    { "{'uniqueItems':false}", "", { "[1,1]", "[1,2]" }, { 0 } },
    { "{'minItems':1}", "", { "[1]", "[1,2]", "''" }, { "[]" } },
    { "{'maxItems':2}", "", { "[]", "[1,2]", "'abc'" }, { "[1,2,3]" } },
    { "{'maxItems':0}", "", { "[]" }, { "[1]" } },

    /* objects */

    { "{'properties':{'a':{'type':'integer'},'b':{'type':'string'}}}", "",
      { "{}", "{'a':1}", "{'a':1,'b':'x'}", "{'c':[]}", "[]", "1" },
      { "{'a':'x'}", "{'a':1,'b':2}", "{'b':null}" } },
    { "{'properties':{'a':true,'b':false}}", "", { "{}", "{'a':1}" },
      { "{'b':1}", "{'a':1,'b':2}" } },
    { "{'properties':{'__proto__':{'type':'number'},'a\\nb':{'type':'null'},"
      "'a~1/b':{'type':'null'}}}", "",
      { "{}", "{'__proto__':1}", "{'a\\nb':null}" },
      { "{'__proto__':'x'}", "{'a\\nb':1}", "{'a~1/b':1}" } },
    { "{'patternProperties':{'^f.*o$':{'type':'integer'}}}", "",
      { "{}", "{'foo':1}", "{'foo':1,'foooooo':2}", "{'bar':'x'}", "[]" },
      { "{'foo':'x'}", "{'foo':1,'foooo':'x'}" } },
    { "{'patternProperties':{'^.*a.*$':{'type':'integer'},"
      "'^.*aaa.*$':{'maximum':20}}}", "",
      { "{'a':21}", "{'aaaa':18}", "{'a':21,'aaaa':18}" },
      { "{'a':'x'}", "{'aaaa':31}", "{'aaa':'x','aaaa':31}" } },
    { "{'properties':{'a':{}},'patternProperties':{'^v.*$':true},"
      "'additionalProperties':false}", "",
      { "{}", "{'a':1}", "{'vroom':2}", "[]", "'x'" },
      { "{'a':1,'b':2}", "{'b':1}", "{'av':1}" } },
    { "{'properties':{'a':{}},'additionalProperties':{'type':'boolean'}}", "",
      { "{}", "{'a':1}", "{'a':1,'b':true}" }, { "{'b':12}" } },
    { "{'properties':{'foo':{'type':'array','maxItems':3},"
      "'bar':{'type':'array'}},'patternProperties':{'f.o$':{'minItems':2}},"
      "'additionalProperties':{'type':'integer'}}", "",
      { "{'foo':[1,2]}", "{'bar':[]}", "{'quux':3}", "{'quux':3.0}",
        "{'fxo':[1,2]}" },
      { "{'foo':[]}", "{'foo':[1,2,3,4]}", "{'fxo':[]}", "{'quux':'foo'}",
        "{'quux':3.5}", "{'fxo':[1,2],'bar':1}" } },
    { "{'patternProperties':{'^\\u00e1$':{}},'additionalProperties':false}", "",
      { "{'\xc3\xa1':1}" }, { "{'a':1}", "{'\xc3\xa2':1}" } },
    { "{'patternProperties':{'[0-9]{2}$':{'type':'boolean'},"
      "'X_$':{'type':'string'}}}", "", { "{'a':1}", "{'a31b':null}",
      "{'aX_':'x'}" }, { "{'a31':null}", "{'aX_':3}" } },
    { "{'patternProperties':{'f.*$':true,'b.*$':false}}", "", { "{'foo':1}",
      "{}" }, { "{'bar':2}", "{'foo':1,'bar':2}", "{'foobar':1}" } },
    { "{'properties':{'foo':{'type':'null'}},'additionalProperties':false}", "",
      { "{'foo':null}" }, { "{'foo':null,'bar':null}" } },
    { "{'additionalProperties':{'type':'null'},'propertyNames':"
      "{'pattern':'^a+$','maxLength':3}}", "", { "{'aa':null}", "{}" },
      { "{'b':null}", "{'aaaa':null}", "{'a':1}" } },
    { "{'additionalProperties':{'type':'boolean'}}", "", { "{'a':true}" },
      { "{'a':1}" } },
    { "{'additionalProperties':false}", "", { "{}" }, { "{'a':1}" } },
    { "{'allOf':[{'properties':{'a':{}}}],"
      "'additionalProperties':{'type':'boolean'}}", "", { "{'b':true}" },
      { "{'a':1,'b':true}" } },
    { "{'propertyNames':{'maxLength':3}}", "", { "{'a':1,'abc':2}", "{}",
      "[]" }, { "{'a':1,'abcd':2}" } },
    { "{'propertyNames':false}", "", { "{}" }, { "{'a':1}" } },
    { "{'propertyNames':{'enum':['a','b']}}", "", { "{'a':1}", "{}" },
      { "{'c':1}", "{'a':1,'c':1}" } },
    { "{'required':['a']}", "", { "{'a':1}", "{'a':null}", "[]", "''", "1" },
      { "{}", "{'b':1}" } },
    { "{'required':[]}", "", { "{}" }, { 0 } },
    { "{'required':['toString','a\\nb']}", "", { "{'toString':1,'a\\nb':2}" },
      { "{}", "{'toString':1}" } },
    { "{'properties':{'a':{}},'required':['b']}", "", { "{'b':1}" },
      { "{'a':1}" } },
    { "{'dependentRequired':{'b':['a'],'c':['a','b'],'d':[]}}", "",
      { "{}", "{'a':1}", "{'a':1,'b':2}", "{'d':1}", "{'a':1,'b':2,'c':3}",
        "['b']", "'b'" },
      { "{'b':2}", "{'c':1}", "{'c':1,'a':2}" } },
    { "{'dependentRequired':{'a\\nb':['c\\td'],'e\\'f':['~/']}}", "",
      { "{'a\\nb':1,'c\\td':2}", "{'c\\td':2}" }, { "{'a\\nb':1}" } },
    { "{'minProperties':1}", "", { "{'a':1}", "[]" }, { "{}" } },
    { "{'maxProperties':1}", "", { "{}", "{'a':1}", "[1,2]" },
      { "{'a':1,'b':2}" } },
    { "{'maxProperties':0}", "", { "{}" }, { "{'a':1}" } },

    /* combining */

    { "{'allOf':[{'minimum':1},{'maximum':5}]}", "", { "1", "5", "'a'" },
      { "0", "6" } },
    { "{'allOf':[true,false]}", "", { 0 }, { "1", "null" } },
    { "{'allOf':[{'multipleOf':2}],'anyOf':[{'multipleOf':3}],"
      "'oneOf':[{'multipleOf':5}]}", "", { "30" },
      { "1", "6", "10", "15", "3", "2" } },
    { "{'anyOf':[{'type':'integer'},{'minimum':2}]}", "",
      { "1", "2.5", "3", "'a'" }, { "1.5" } },
    { "{'anyOf':[true,false]}", "", { "1" }, { 0 } },
    { "{'anyOf':[false,false]}", "", { 0 }, { "1" } },
    { "{'type':'string','anyOf':[{'maxLength':2},{'minLength':4}]}", "",
      { "'a'", "'abcd'" }, { "3", "'abc'" } },
    { "{'oneOf':[{'type':'integer'},{'minimum':2}]}", "",
      { "1", "2.5", "'a'" }, { "3", "1.5" } },
    { "{'oneOf':[true,true]}", "", { 0 }, { "1" } },
    { "{'oneOf':[true,false,false]}", "", { "1" }, { 0 } },
    { "{'oneOf':[{'required':['a']},{'required':['b']}]}", "",
      { "{'a':1}", "{'b':1}" }, { "{}", "{'a':1,'b':1}" } },
    { "{'not':{'type':'integer'}}", "", { "'a'", "1.5", "1e19" },
      { "1", "1.0", "1e1" } },
    { "{'properties':{'a':{'not':{}}}}", "", { "{}", "{'b':1}" },
      { "{'a':1}", "{'a':null}" } },
    { "{'not':{'not':{'type':'integer'}}}", "", { "1.0" }, { "1.5" } },
    { "{'anyOf':[{'type':'integer'},{'type':'string','maxLength':3}]}", "",
      { "5.0", "'5.0'" }, { "5.5", "'5.00'" } },
    { "{'oneOf':[{'type':'integer'},{'type':'number'}]}", "",
      { "1.5", "1e19" }, { "1", "1.0" } },
    { "{'if':{'type':'integer'},'then':{'maximum':9},'else':{'minimum':9}}",
      "", { "9.0", "9.5", "'a'" }, { "10.0", "8.5" } },
    { "{'then':{'const':'yes'},'else':{'const':'other'},"
      "'if':{'maxLength':4}}", "", { "'yes'", "'other'" },
      { "'no'", "'invalid'" } },
    { "{'not':{'type':['integer','boolean']}}", "", { "'a'" },
      { "1", "true" } },
    { "{'not':{'properties':{'a':{'type':'string'}}}}", "",
      { "{'a':1}" }, { "{}", "{'a':'x'}", "1" } },
    { "{'not':true}", "", { 0 }, { "1", "null", "{}" } },
    { "{'not':false}", "", { "1", "null" }, { 0 } },
    { "{'not':{'not':{}}}", "", { "1" }, { 0 } },
    { "{'if':{'exclusiveMaximum':0},'then':{'minimum':-10},"
      "'else':{'multipleOf':2}}", "", { "-1", "4", "'a'" },
      { "-100", "3" } },
    { "{'if':{'const':0},'then':{'const':1}}", "", { "1", "2" }, { "0" } },
    { "{'if':{'const':0},'else':{'const':1}}", "", { "0", "1" }, { "2" } },
    { "{'if':{'const':0}}", "", { "0", "1" }, { 0 } },
    { "{'if':true,'then':{'const':1},'else':{'const':2}}", "", { "1" },
      { "2" } },
    { "{'if':false,'then':{'const':1},'else':{'const':2}}", "", { "2" },
      { "1" } },
    { "{'type':'object','if':{'properties':{'kind':{'const':'point'}},"
      "'required':['kind']},'then':{'required':['lat']}}", "",
      { "{}", "{'kind':'x'}", "{'kind':'point','lat':1}" },
      { "{'kind':'point'}" } },

    /* $ref */

    { "{'$ref':'#/components/schemas/A'}", "'A':{'type':'integer'}",
      { "1" }, { "'a'" } },
    { "{'$ref':'#/components/schemas/A','maximum':5}", "'A':{'minimum':1}",
      { "1", "5" }, { "0", "6" } },
    { "{'$ref':'#/components/schemas/A/properties/x'}",
      "'A':{'properties':{'x':{'type':'null'}}}", { "null" }, { "1" } },
    { "{'$ref':'#/components/schemas/A/prefixItems/1'}",
      "'A':{'prefixItems':[true,{'type':'null'}]}", { "null" }, { "1" } },
    { "{'$ref':'#/components/schemas/A/properties/a~1b~0c'}",
      "'A':{'properties':{'a/b~c':{'type':'null'}}}", { "null" }, { "1" } },
    { "{'$ref':'#/components/schemas/A/properties/a~0b~1'}",
      "'A':{'properties':{'a~b/':{'type':'integer'}}}", { "1.0" }, { "'1'" } },
    { "{'$ref':'#/components/schemas/A/properties/~01'}",
      "'A':{'properties':{'~1':{'const':1},'/':{'const':2}}}", { "1.0" },
      { "2" } },
    { "{'$ref':'#/components/schemas/A','maxItems':2,'items':{'minimum':2}}",
      "'A':{'type':'array','minItems':1}", { "[2]", "[2,3.0]" },
      { "[]", "[1]", "[2,2,2]", "{}" } },
    { "{'$ref':'#/components/schemas/A'}", "'A':true", { "1", "null" }, { 0 } },
    { "{'$ref':'#/components/schemas/A'}", "'A':false", { 0 }, { "1" } },
    { "{'properties':{'$ref':{'$ref':'#/components/schemas/A'}}}",
      "'A':{'type':'string'}", { "{'$ref':'a'}" }, { "{'$ref':2}" } },
    { "{'properties':{'$ref':{'type':'string'}}}", "", { "{'$ref':'a'}" },
      { "{'$ref':2}" } },
    { "{'type':'object','properties':{'next':{"
      "'$ref':'#/components/schemas/S'}},'additionalProperties':false}", "",
      { "{}", "{'next':{'next':{}}}" }, { "{'x':{}}",
      "{'next':{'next':{'x':1}}}", "{'next':1}" } },
    { "{'type':'array','items':{'$ref':'#/components/schemas/A'}}",
      "'A':{'anyOf':[{'type':'integer'},{'$ref':'#/components/schemas/S'}]}",
      { "[]", "[1,[2,[3]]]" }, { "['a']", "[1,[2,['b']]]" } },
};


static void
test_keywords(void)
{
    size_t            i, k;
    const keyword_t  *row;
    schema_fixture_t  s;

    for (i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++) {

        row = &keywords[i];

        if (!ok(schema_fixture_open(&s, row->schema, row->others),
                "compiles %s", row->schema))
        {
            printf("# %s: %s\n", fixture_error.pointer, fixture_error.reason);
            schema_fixture_close(&s);
            continue;
        }

        for (k = 0; k < 12 && row->valid[k]; k++) {
            is_int(schema_fixture_check(&s, row->valid[k], 1000), IHANOI_OK,
                   "%s accepts %s", row->schema, row->valid[k]);
        }

        for (k = 0; k < 12 && row->invalid[k]; k++) {
            is_int(schema_fixture_check(&s, row->invalid[k], 1000),
                   IHANOI_INVALID, "%s refuses %s", row->schema,
                   row->invalid[k]);
        }

        schema_fixture_close(&s);
    }
}


/* Schemas that would take for ever, if there were no budget. */

static void
test_budget(void)
{
    int                rc;
    char               value[8192], others[4096];
    size_t             i;
    schema_fixture_t   s;

    /* each level doubles the work: 2^20 visits */

    others[0] = '\0';

    for (i = 0; i < 10; i++) {
        snprintf(others + strlen(others), sizeof(others) - strlen(others),
                 "%s'A%zu':{'allOf':[{'$ref':'#/components/schemas/A%zu'},"
                 "{'$ref':'#/components/schemas/A%zu'}]}", i ? "," : "", i,
                 i + 1, i + 1);
    }

    strcat(others, ",'A10':{'type':'integer'}");

    ok(schema_fixture_open(&s, "{'$ref':'#/components/schemas/A0'}", others),
       "compiles a schema that doubles its work at each level");
    is_int(schema_fixture_check(&s, "1", 10000), IHANOI_OK,
           "which is done with enough steps");
    is_int(schema_fixture_check(&s, "1", 1000), IHANOI_BUDGET,
           "and given up without");
    schema_fixture_close(&s);

    /* to give up is not to refuse, else "not" would accept */

    (void) schema_fixture_open(&s, "{'not':{'allOf':[{},{},{},"
                               "{'type':'integer'}]}}", "");
    is_int(schema_fixture_check(&s, "'a'", 3), IHANOI_BUDGET,
           "\"not\" is given up when its schema is");
    schema_fixture_close(&s);

    (void) schema_fixture_open(&s, "{'anyOf':[{'not':{}},{'not':{}},{}]}", "");
    is_int(schema_fixture_check(&s, "'a'", 3), IHANOI_BUDGET,
           "\"anyOf\" is given up when an alternative is");
    schema_fixture_close(&s);

    (void) schema_fixture_open(&s, "{'if':{'allOf':[{},{}]},'then':false}",
                               "");
    is_int(schema_fixture_check(&s, "'a'", 3), IHANOI_BUDGET,
           "\"if\" is given up when its schema is");
    schema_fixture_close(&s);

    /* backtracking: exponential without a match limit */

    (void) schema_fixture_open(&s, "{'pattern':'^(a+)+$','maxLength':60}",
                               "");
    is_int(schema_fixture_check(&s, "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'",
                                100000),
           IHANOI_BUDGET, "a pattern that goes back for ever is given up");
    is_int(schema_fixture_check(&s, "'aaaa'", 1000), IHANOI_OK,
           "and still matches what it can");
    schema_fixture_close(&s);

    (void) schema_fixture_open(&s, "{'pattern':'^(a|b)*$','maxLength':4000}",
                               "");
    memset(value, 'a', 1802);
    value[0] = '\'';
    value[1801] = '\'';
    value[1802] = '\0';
    is_int(schema_fixture_check(&s, value, 100000), IHANOI_OK,
           "a group may match 1800 times");
    schema_fixture_close(&s);

    /* a quadratic comparison would be 250,000 steps */

    (void) schema_fixture_open(&s, "{'uniqueItems':true}", "");
    strcpy(value, "[0");

    for (i = 1; i < 500; i++) {
        snprintf(value + strlen(value), sizeof(value) - strlen(value), ",%zu",
                 i);
    }

    strcat(value, "]");
    is_int(schema_fixture_check(&s, value, 2000), IHANOI_OK,
           "\"uniqueItems\" does not compare every pair");
    is_int(schema_fixture_check(&s, value, 600), IHANOI_BUDGET,
           "and counts its steps");
    schema_fixture_close(&s);

    /* every number of steps gives the right answer or none */

    (void) schema_fixture_open(&s, "{'type':'object','properties':{'a':{"
                               "'oneOf':[{'type':'integer'},{'enum':['x',"
                               "'y']}]}},'propertyNames':{'maxLength':3},"
                               "'not':{'required':['b']}}", "");

    for (i = 0; i < 100; i++) {
        rc = schema_fixture_check(&s, "{'a':'z','cc':[1,2]}", i);

        if (rc != IHANOI_BUDGET && rc != IHANOI_INVALID) {
            break;
        }
    }

    is_int(i, 100, "no number of steps makes a wrong value right");
    schema_fixture_close(&s);
}


/* How deep schemas may lead. */

static void
test_depth(void)
{
    char              *others;
    size_t             i, size;
    schema_fixture_t   s;

    size = 200000;
    others = malloc(size);
    others[0] = '\0';

    for (i = 0; i < 33; i++) {
        snprintf(others + strlen(others), size - strlen(others),
                 "'A%zu':{'$ref':'#/components/schemas/A%zu'},", i, i + 1);
    }

    strcat(others, "'A33':{}");

    ok(!schema_fixture_open(&s, "{'$ref':'#/components/schemas/A0'}", others)
       && strstr(fixture_error.reason, "in one another"),
       "does not compile a chain of references without end");
    schema_fixture_close(&s);

    ok(schema_fixture_open(&s, "{'$ref':'#/components/schemas/A4'}", others),
       "compiles a chain of 30");
    is_int(schema_fixture_check(&s, "1", 100), IHANOI_OK, "and follows it");
    schema_fixture_close(&s);

    others[0] = '\0';

    for (i = 0; i < 600; i++) {
        snprintf(others + strlen(others), size - strlen(others),
                 "'A%zu':{'items':{'$ref':'#/components/schemas/A%zu'}},", i,
                 i + 1);
    }

    strcat(others, "'A600':{}");

    ok(!schema_fixture_open(&s, "{'$ref':'#/components/schemas/A0'}", others)
       && strstr(fixture_error.reason, "too far"),
       "does not compile what would exhaust the stack");
    schema_fixture_close(&s);

    free(others);
}


/* Pointers and keywords of the second pass. */

typedef struct {
    unsigned  n;
    char      text[1024];
    char      message[200];         /* of the last one */
} reports_t;


static void
report(void *ctx, const char *pointer, const char *keyword,
    const char *message)
{
    reports_t  *reports = ctx;

    reports->n++;
    snprintf(reports->text + strlen(reports->text),
             sizeof(reports->text) - strlen(reports->text), "%s %s\n",
             pointer, keyword);
    snprintf(reports->message, sizeof(reports->message), "%s", message);
}


/* What is reported of a value that a schema is held against. */

static int
reported(const char *schema, const char *value, reports_t *reports)
{
    int                  rc;
    char                *text;
    json_t              *json;
    ihanoi_check_t       check;
    schema_fixture_t     s;
    ihanoi_json_error_t  err;

    ok(schema_fixture_open(&s, schema, ""), "compiles %s", schema);

    text = fixture_json(value);
    (void) ihanoi_json_read(text, strlen(text), 32, NULL, &json, &err);

    memset(&check, 0, sizeof(check));
    memset(reports, 0, sizeof(*reports));
    check.steps = 1000;
    check.report = report;
    check.ctx = reports;

    rc = ihanoi_schema_validate(s.schema, json, &check);

    json_decref(json);
    free(text);
    schema_fixture_close(&s);

    return rc;
}


static void
test_reports(void)
{
    size_t     i;
    reports_t  reports;

    static const struct {
        const char  *schema;
        const char  *value;
        const char  *reports;
    } rows[] = {
        { "{'type':'object'}", "1", " type\n" },
        { "{'required':['a','b/c']}", "{}", "/a required\n/b~1c required\n" },
        { "{'properties':{'a':{'items':{'type':'integer','minimum':3}}}}",
          "{'a':[1,'x',5]}", "/a/0 minimum\n/a/1 type\n" },
        { "{'minimum':5,'multipleOf':2}", "3", " minimum\n multipleOf\n" },
        { "{'additionalProperties':false}", "{'~':1,'/':2}",
          "/~0 additionalProperties\n/~1 additionalProperties\n" },
        { "{'items':false}", "[1]", "/0 items\n" },
        { "{'properties':{'a':false}}", "{'a':1}", "/a false\n" },
        { "{'allOf':[{'minimum':5},{'maximum':1}]}", "3",
          " minimum\n maximum\n" },
        { "{'anyOf':[{'minimum':5},{'maximum':1}]}", "3", " anyOf\n" },
        { "{'oneOf':[{'minimum':1},{'maximum':5}]}", "3", " oneOf\n" },
        { "{'if':{'minimum':1},'then':{'maximum':2}}", "3", " maximum\n" },
        { "{'not':{'minimum':1}}", "3", " not\n" },
        { "{'propertyNames':{'maxLength':1}}", "{'ab':1}",
          "/ab propertyNames\n" },
        { "{'contains':{'const':1}}", "[2]", " contains\n" },
        { "{'uniqueItems':true}", "[2,2]", " uniqueItems\n" },
        { "{'dependentRequired':{'a':['b']}}", "{'a':1}",
          "/b dependentRequired\n" },
        { "{'maxLength':2,'pattern':'^b*$'}", "'aaa'", " maxLength\n" },
        { "{'items':{'properties':{'x':{'enum':[1]}}}}",
          "[{'x':1},{'x':2}]", "/1/x enum\n" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        is_int(reported(rows[i].schema, rows[i].value, &reports),
               IHANOI_INVALID, "and refuses %s", rows[i].value);
        is_str(reports.text, rows[i].reports, "with what is wrong where");
    }
}


/* A message says what would do, where that is short. */

static void
test_messages(void)
{
    size_t     i;
    reports_t  reports;

#define LONG  "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

    static const struct {
        const char  *schema;
        const char  *value;
        const char  *message;
    } rows[] = {
        { "{'enum':['normal','urgent']}", "'x'",
          "must be one of \"normal\", \"urgent\"" },
        { "{'type':'integer'}", "5.5",
          "must be integer, without a fraction and within 64 bits" },
        { "{'type':'integer'}", "1e19",
          "must be integer, without a fraction and within 64 bits" },
        { "{'type':'integer'}", "'5'", "must be integer" },
        { "{'enum':['a',null]}", "'x'", "must be one of the 2 values allowed" },
        { "{'enum':[" LONG "1'," LONG "2'," LONG "3'," LONG "4']}", "'x'",
          "must be one of the 4 values allowed" },
        { "{'anyOf':[{'required':['lat']},{'required':['a','b']}]}", "{'a':1}",
          "must have lat, or a and b" },
        { "{'oneOf':[{'required':['a']},{'required':['b']}]}", "{}",
          "must have a, or b" },
        { "{'oneOf':[{'required':['a']},{'required':['b']}]}", "{'a':1,'b':1}",
          "keeps 2 of the 2 alternatives, exactly one must be kept" },
        { "{'anyOf':[{'required':['a']},{'minProperties':1}]}", "{}",
          "keeps 0 of the 2 alternatives, at least one must be kept" },
        { "{'anyOf':[{'required':['a']},{'required':[" LONG "'," LONG "b']}]}",
          "{}", "keeps 0 of the 2 alternatives, at least one must be kept" },
    };

    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        (void) reported(rows[i].schema, rows[i].value, &reports);
        is_str(reports.message, rows[i].message, "of %s", rows[i].value);
    }
}


static void
test_memory(void)
{
    int                rc, opened;
    long               n;
    schema_fixture_t   s;
    static const char  schema[] =
        "{'type':'object','properties':{'a':{'pattern':'^(a|b)$',"
        "'maxLength':3,'type':'string'},'b':{'uniqueItems':true}},"
        "'patternProperties':{'^x$':false},'propertyNames':{'maxLength':2},"
        "'allOf':[{'$ref':'#/components/schemas/A'}],'default':{'a':'b'}}";

    opened = 0;

    for (n = 0; n < 2000; n++) {

        fixture_memory_fails_after(n);
        opened = schema_fixture_open(&s, schema, "'A':{'minProperties':1}");
        fixture_memory_fails_after(-1);

        if (opened) {
            break;
        }

        if (strcmp(fixture_error.reason, "out of memory") != 0
            && fixture_error.reason[0])
        {
            break;
        }

        schema_fixture_close(&s);
    }

    ok(opened && n > 20, "a schema does not compile at each of %ld failed "
       "allocations", n);

    rc = IHANOI_NOMEM;

    for (n = 0; n < 200 && rc == IHANOI_NOMEM; n++) {

        fixture_memory_fails_after(n);
        rc = schema_fixture_check(&s, "{'a':'c','b':[1,1],'x':1,'yyy':2}",
                                  1000);
        fixture_memory_fails_after(-1);
    }

    is_int(rc, IHANOI_INVALID, "and nothing wrong is accepted when memory "
           "fails in a check");

    schema_fixture_close(&s);
}


int
main(void)
{
    test_keywords();
    test_budget();
    test_depth();
    test_reports();
    test_messages();
    test_memory();

    return done_testing();
}
