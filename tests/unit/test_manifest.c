/*
 * Copyright (C) iHaNoi contributors
 *
 * Manifests of plugins: what is read from a good one, and what is said of each
 * kind of a bad one.
 */

#include "tap.h"
#include "ihanoi_json.h"
#include "ihanoi_manifest.h"
#include "plugin_fixture.h"


typedef struct {
    const char  *patch;       /* members over those of a good manifest */
    const char  *pointer;
    const char  *reason;      /* a part of it */
} refusal_t;


static const refusal_t  refusals[] = {

    /* names and types */

    { "{'nmae':'parking'}", "/nmae", "is \"name\" meant?" },
    { "{'name':null,'nmae':'parking'}", "/nmae", "is \"name\" meant?" },
    { "{'name':null}", "/name", "required" },
    { "{'xyz':1}", "/xyz", "no such member" },
    { "{'a\\u001b[2J\\u009b\\u0111':1}", "/a?[2J??\304\221", "no such member" },
    { "{'permisions':{}}", "/permisions", "\"permissions\"" },
    { "{'permissions':{'backend':['a']}}", "/permissions/backend",
      "\"backends\"" },
    { "{'limits':{'memroy':'1m'}}", "/limits/memroy", "\"memory\"" },
    { "{'name':'Parking'}", "/name", "lower-case letter" },
    { "{'name':'1parking'}", "/name", "lower-case letter" },
    { "{'name':'../parking'}", "/name", "lower-case letter" },
    { "{'name':'p23456789012345678901234567890123'}", "/name", "32" },
    { "{'name':''}", "/name", "must match" },
    { "{'name':7}", "/name", "string" },
    { "{'version':'1.4'}", "/version", "1.4.0" },
    { "{'version':'01.4.0'}", "/version", "semantic" },
    { "{'version':'1.4.0/../..'}", "/version", "semantic" },
    { "{'version':'1.4.0-'}", "/version", "semantic" },
    { "{'version':1}", "/version", "string" },
    { "{'host':2}", "/host", "allowed: 1" },
    { "{'host':'1'}", "/host", "integer" },
    { "{'title':'Parking'}", "/title", "object" },
    { "{'title':{'vi':'a'}}", "/title/en", "required" },
    { "{'title':{'vi':'a','en':'b','fr':'c'}}", "/title/fr", "no such" },
    { "{'agency':{'name':'a','contact':'nobody'}}", "/agency/contact",
      "email" },
    { "{'data':['secret']}", "/data/0",
      "\"public\", \"internal\", \"personal\", \"sensitive\"" },
    { "{'data':['public','public']}", "/data", "no two items" },
    { "{'data':null}", "/data", "required" },
    { "{'prefix':'/parking'}", "/prefix", "begins all paths" },
    { "{'prefix':'/v1/../x'}", "/prefix", "begins all paths" },
    { "{'prefix':'/v1/x/'}", "/prefix", "begins all paths" },
    { "{'permissions':{'public':1}}", "/permissions/public", "boolean" },
    { "{'permissions':{'secrets':['a','a']}}", "/permissions/secrets",
      "no two items" },

    /* purposes */

    { "{'purposes':[{'name':'a','version':1,'data':['public']}]}",
      "/purposes/0/title", "required" },
    { "{'purposes':[{'name':'a','version':1,'title':{'vi':'b','en':''},"
      "'data':['public']}]}", "/purposes/0/title/en", "1 character" },
    { "{'purposes':[{'name':'a b','version':1,'title':{'vi':'b','en':'c'},"
      "'data':['public']}]}", "/purposes/0/name", "lower-case letter" },
    { "{'purposes':[{'name':'a','version':0,'title':{'vi':'b','en':'c'},"
      "'data':['public']}]}", "/purposes/0/version", "at least 1" },
    { "{'purposes':[{'name':'a','version':1,'title':{'vi':'b','en':'c'},"
      "'data':[]}]}", "/purposes/0/data", "at least 1" },
    { "{'data':['public'],'purposes':[{'name':'a','version':1,"
      "'title':{'vi':'b','en':'c'},'data':['public','sensitive']}]}",
      "/purposes/0/data/1", "not in the plugin's own \"data\"" },
    { "{'data':['public'],'purposes':[{'name':'a','version':1,"
      "'title':{'vi':'b','en':'c'},'data':['public']},"
      "{'name':'a','version':2,'title':{'vi':'b','en':'c'},"
      "'data':['public']}]}", "/purposes/1/name", "two purposes \"a\"" },
    { "{'documentation':'http://agency.example/'}", "/documentation",
      "where people read" },
    { "{'documentation':'https://a b'}", "/documentation", "uri" },

    /* metrics */

    { "{'metrics':[{'name':'a_total','type':'counter'}]}", "/metrics/0/help",
      "required" },
    { "{'metrics':[{'name':'a','type':'counter','help':'b'}]}", "/metrics/0",
      "\"a_total\"" },
    { "{'metrics':[{'name':'_total','type':'counter','help':'b'}]}",
      "/metrics/0/name", "lower-case letter" },
    { "{'metrics':[{'name':'a','type':'histogram','help':'b'}]}", "/metrics/0",
      "\"a_seconds\"" },
    { "{'metrics':[{'name':'a_total','type':'gauge','help':'b'}]}",
      "/metrics/0", "not a gauge's" },
    { "{'metrics':[{'name':'a','type':'summary','help':'b'}]}",
      "/metrics/0/type", "\"histogram\"" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b'},"
      "{'name':'a','type':'gauge','help':'c'}]}", "/metrics/1", "two metrics" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b','labels':"
      "[{'name':'plugin','values':['a']}]}]}", "/metrics/0", "the gateway's" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b','labels':"
      "[{'name':'c','values':['a']},{'name':'c','values':['a']}]}]}",
      "/metrics/0", "two labels" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b','labels':"
      "[{'name':'c','values':['other']}]}]}", "/metrics/0", "always there" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b','labels':"
      "[{'name':'c','values':['a\\u000a']}]}]}",
      "/metrics/0/labels/0/values/0", "letters, digits" },
    { "{'metrics':[{'name':'a','type':'gauge','help':'b','labels':"
      "[{'name':'c','values':['1','2','3']},{'name':'d','values':['1','2',"
      "'3']},{'name':'e','values':['1','2','3']},{'name':'f','values':['1',"
      "'2','3','4']}]}]}", "/metrics/0", "more than 256 series" },
    { "{'metrics':[{'name':'a_seconds','type':'histogram','help':'b','labels':"
      "[{'name':'c','values':['1','2','3']},{'name':'d','values':['1','2',"
      "'3']},{'name':'e','values':['1','2','3']}]}]}", "/metrics",
      "at most 1024" },

    /* events */

    { "{'events':{'publishes':['feedback.closed']}}", "/events/publishes/0",
      "begin with its name: \"parking.closed\"" },
    { "{'events':{'publishes':['parking']}}", "/events/publishes/0", "dot" },
    { "{'events':{'publishes':['parkings.booked']}}", "/events/publishes/0",
      "begin with its name" },
    { "{'events':{'subscribes':[{'event':'feedback.closed'}]}}",
      "/events/subscribes/0/handler", "required" },
    { "{'events':{'subscribes':[{'event':'a.b','handler':'f'},"
      "{'event':'a.b','handler':'g'}]}}", "/events/subscribes/1", "twice" },
    { "{'events':{'subscribes':[{'event':'a.b','handler':'f',"
      "'attempts':0}]}}", "/events/subscribes/0/attempts", "at least 1" },

    /* jobs */

    { "{'jobs':[{'name':'a','cron':'* * * *','handler':'f'}]}",
      "/jobs/0/cron", "five fields" },
    { "{'jobs':[{'name':'a','cron':'60 * * * *','handler':'f'}]}",
      "/jobs/0/cron", "minute" },
    { "{'jobs':[{'name':'a','cron':'@daily','handler':'f'}]}",
      "/jobs/0/cron", "minute" },
    { "{'jobs':[{'name':'a','cron':'0 0 31 2 *','handler':'f'}]}",
      "/jobs/0/cron", "month" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f'},"
      "{'name':'a','cron':'* * * * *','handler':'g'}]}", "/jobs/1/name",
      "two jobs \"a\"" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f',"
      "'timeout':'2h'}]}", "/jobs/0/timeout", "ms, s or m" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f',"
      "'timeout':'61m'}]}", "/jobs/0/timeout", "an hour" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f',"
      "'cpu':'61s'}]}", "/jobs/0/cpu", "at most 60s" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f',"
      "'timeout':'1s','cpu':'2s'}]}", "/jobs/0/cpu", "not above" },
    { "{'jobs':[{'name':'a','cron':'* * * * *','handler':'f',"
      "'missed':'all'}]}", "/jobs/0/missed", "\"once\", \"skip\"" },

    /* interfaces */

    { "{'interfaces':{'offers':[{'name':'r','version':1,'functions':[]}]}}",
      "/interfaces/offers/0/functions", "at least 1" },
    { "{'interfaces':{'offers':[{'name':'r','version':1,'functions':['f']},"
      "{'name':'r','version':1,'functions':['g']}]}}",
      "/interfaces/offers/1", "offered twice" },
    { "{'interfaces':{'uses':[{'plugin':'a','name':'b','version':1},"
      "{'plugin':'a','name':'b','version':2}]}}", "/interfaces/uses/1",
      "used twice" },
    { "{'interfaces':{'offers':[{'name':'a','version':1,'functions':['f'],"
      "'schemas':{'g':{}}}]}}", "/interfaces/offers/0/schemas",
      "none of the interface's functions" },
    { "{'interfaces':{'offers':[{'name':'a','version':1,'functions':['f'],"
      "'schemas':{'f':{'argument':{'type':'thing'}}}}]}}",
      "/interfaces/offers/0/schemas/f/argument/type", "" },
    { "{'interfaces':{'uses':[{'plugin':'parking','name':'r','version':1}]}}",
      "/interfaces/uses/0/plugin", "its own" },

    /* limits */

    { "{'limits':{'memory':'32'}}", "/limits/memory", "k or m" },
    { "{'limits':{'memory':33554432}}", "/limits/memory", "string" },
    { "{'limits':{'memory':'512k'}}", "/limits/memory", "1m and 1024m" },
    { "{'limits':{'memory':'2000m'}}", "/limits/memory", "1m and 1024m" },
    { "{'limits':{'cpu':'61s'}}", "/limits/cpu", "60s" },
    { "{'limits':{'timeout':'11m'}}", "/limits/timeout", "10m" },
    { "{'limits':{'cpu':'6s'}}", "/limits/timeout", "below \"cpu\"" },
    { "{'limits':{'store':'1025m'}}", "/limits/store", "1024m" },
    { "{'limits':{'concurrency':0}}", "/limits/concurrency", "at least 1" },

    /* settings */

    { "{'settings':true}", "/settings", "object" },
    { "{'settings':{}}", "/settings", "properties" },
    { "{'settings':{'type':'string','properties':{}}}", "/settings",
      "type \"object\"" },
    { "{'settings':{'type':'object','properties':{'a':{'type':'strnig'}}}}",
      "/settings/properties/a/type", "type" },
    { "{'settings':{'type':'object','properties':{'a':{'minimum':1}}}}",
      "/settings/properties", "\"a\" needs a \"type\"" },
    { "{'settings':{'type':'object','properties':{'a':{'type':'integer',"
      "'default':'x'}}}}", "/settings/properties/a", "\"default\" does not keep the schema: it must be" },
    { "{'settings':{'type':'object','properties':{},"
      "'patternProperties':{'^a$':true}}}", "/settings",
      "patternProperties" },
};


static void
test_good(void)
{
    ihanoi_manifest_t       *m;
    ihanoi_manifest_job_t   *job;
    ihanoi_contract_error_t  err;

    plugin_begin("parking");
    plugin_manifest("{'permissions':{'public':true,'backends':['operator'],"
        "'secrets':['key','other']},"
        "'events':{'publishes':['parking.booked'],'subscribes':["
        "{'event':'feedback.closed','handler':'on_closed','attempts':3.0}]},"
        "'jobs':[{'name':'nightly','cron':'30 2 * * 1-5','handler':'tidy',"
        "'timeout':'2m','cpu':'700ms','missed':'skip'},"
        "{'name':'daily','cron':'0 3 * * *','handler':'tidy'}],"
        "'interfaces':{'offers':[{'name':'rates','version':2,"
        "'functions':['quote','list']}],"
        "'uses':[{'plugin':'holidays','name':'days','version':1}]},"
        "'limits':{'memory':'32m','cpu':'80ms','timeout':'8s',"
        "'concurrency':7.0,'store':'512k'}}");

    m = ihanoi_manifest_load(plugin_dir, &err);

    if (!ok(m != NULL, "a manifest with everything in it is read")) {
        printf("# %s%s: %s\n", err.file, err.pointer, err.reason);
        plugin_end();
        return;
    }

    is_str(m->name, "parking", "its name");
    is_str(m->version, "1.4.0", "its version");
    is_str(m->title_en, "Parking", "its title");
    is_str(m->agency, "Department of Construction", "its agency");
    is_str(m->contact, "parking@example.vn", "whom to write to");
    is_str(m->prefix, "/v1/parking", "its prefix by default");
    is_int(m->data.n, 1, "its data");
    is_str(m->data.names[0], "public", "which is public");
    ok(m->public_ && !m->database && m->handler, "what it asks for and has");
    is_str(m->backends.names[0], "operator", "a backend");
    is_int(m->secrets.n, 2, "two secrets");
    is_str(m->publishes.names[0], "parking.booked", "what it publishes");
    is_str(m->subscribes[0].handler, "on_closed", "what it is told");
    is_int(m->subscribes[0].attempts, 3, "how often");

    job = &m->jobs[0];
    is_int(job->timeout, 120000, "a job's time");
    is_int(job->cpu, 700000, "its processor time");
    is_int(m->jobs[1].cpu, 80000, "which is a call's when it does not say");
    ok(job->skip, "missed runs are skipped");
    is_str(job->handler, "tidy", "its function");

    /* Tuesday 24 November 2026, 02:30 in Hanoi is 19:30 UTC the day before */
    is_int(ihanoi_cron_next(&job->schedule, 1795435200, 25200), 1795462200,
           "when it runs next");

    is_str(m->offers[0].name, "rates", "what it offers");
    is_int(m->offers[0].functions.n, 2, "with two functions");
    is_str(m->uses[0].plugin, "holidays", "what it uses");
    is_int(m->limits.memory, 32 << 20, "memory in bytes");
    is_int(m->limits.cpu, 80000, "cpu in microseconds");
    is_int(m->limits.timeout, 8000, "timeout in milliseconds");
    is_int(m->limits.concurrency, 7, "concurrency");
    is_int(m->limits.store, 512 << 10, "store");
    ok(strstr(m->openapi, "/parking/openapi.json") != NULL, "the contract");

    is_int(m->files.nlua, 2, "two Lua files");
    ok(ihanoi_plugin_files_find(&m->files, "lib/fees.lua") != NULL, "found");
    is_int(strlen(m->files.hash), 64, "a hash");

    ihanoi_manifest_free(m);
    plugin_end();
}


static void
test_defaults(void)
{
    ihanoi_manifest_t  *m;

    plugin_begin("parking-1.4.0");
    plugin_manifest("{}");
    m = plugin_load();

    ok(m != NULL, "a small one, in a folder named with the version");

    if (m) {
        is_int(m->limits.memory, 16 << 20, "memory by default");
        is_int(m->limits.cpu, 50000, "cpu by default");
        is_int(m->limits.timeout, 5000, "timeout by default");
        is_int(m->limits.concurrency, 64, "concurrency by default");
        is_int(m->limits.store, 0, "no store by default");
        ok(!m->public_ && !m->database && m->backends.n == 0, "no rights");
        ok(m->settings == NULL, "no settings");
        is_str(ihanoi_manifest_settings(m, NULL, &plugin_error), "{}",
               "which are empty then");
    }

    ihanoi_manifest_free(m);

    plugin_end();
}


static void
test_folder(void)
{
    ihanoi_manifest_t  *m;

    static const char *const  good[] = { "parking", "parking-1.4.0" };
    static const char *const  bad[] = {
        "market", "parking-", "parking-1.4", "parking-1.4.0-rc", "park"
    };

    unsigned  i;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        plugin_begin(good[i]);
        plugin_manifest("{}");

        /* a deployment switches a link */

        plugin_link(plugin_dir, "../current");
        m = ihanoi_manifest_load(plugin_path("../current"), &plugin_error);
        ok(m != NULL
           && ihanoi_manifest_in_place(m, &plugin_error),
           "the folder is called \"%s\", by whatever link", good[i]);
        ihanoi_manifest_free(m);
        plugin_end();
    }

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        plugin_begin(bad[i]);
        plugin_manifest("{}");
        m = plugin_load();
        ok(m != NULL && !ihanoi_manifest_in_place(m, &plugin_error),
           "it must not be called \"%s\"", bad[i]);
        is_str(plugin_error.pointer, "/name", "at the name");
        ok(strstr(plugin_error.reason, "\"parking\" or \"parking-1.4.0\", "
                  "not") != NULL, "what it must be called");
        ihanoi_manifest_free(m);
        plugin_end();
    }
}


/* PostgreSQL cuts longer names off, and two would be one. */

static void
test_code(void)
{
    ihanoi_manifest_t  *m;
    static const char   longest[] = "p2345678901234567890123456789012";

    plugin_begin("parking");
    plugin_manifest("{}");
    m = plugin_load();
    ok(m && strncmp(m->code, "code_parking_1_4_0_", 19) == 0
       && strncmp(m->code + 19, m->files.hash, 8) == 0
       && strlen(m->code) == 27, "the schema of a version's functions");
    ihanoi_manifest_free(m);
    plugin_end();

    plugin_begin(longest);
    plugin_manifest("{'name':'p2345678901234567890123456789012',"
                    "'version':'999999.999999.0-RC.1'}");
    m = plugin_load();
    ok(m && strncmp(m->code, "code_p2345678901234567890123456789012_"
                    "999999_999999_0__", 54) == 0
       && strlen(m->code) == 63, "the longest is a name in PostgreSQL");
    ihanoi_manifest_free(m);

    plugin_manifest("{'name':'p2345678901234567890123456789012',"
                    "'version':'1.0.0-RC.1'}");
    m = plugin_load();
    ok(m && strstr(m->code, "_1_0_0_rc_1_"), "in lower case");
    ihanoi_manifest_free(m);
    plugin_end();
}


static void
test_refusals(void)
{
    size_t              i;
    const refusal_t    *r;
    ihanoi_manifest_t  *m;

    for (i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++) {
        r = &refusals[i];

        plugin_begin("parking");
        plugin_manifest(r->patch);
        m = plugin_load();

        if (!ok(m == NULL && strcmp(plugin_error.pointer, r->pointer) == 0
                && strstr(plugin_error.reason, r->reason) != NULL
                && strstr(plugin_error.file, "/plugin.json") != NULL,
                "%s", r->patch))
        {
            printf("# %s%s: %s\n", plugin_error.file, plugin_error.pointer,
                   plugin_error.reason);
        }

        ihanoi_manifest_free(m);
        plugin_end();
    }
}


static void
test_manifest_text(void)
{
    char  *text;

    plugin_good();
    plugin_write("plugin.json", "{\n\"name\": \"parking\",\n}", -1);
    plugin_refused("/plugin.json", "line 3", "a manifest that is not JSON");

    plugin_good();
    plugin_write("plugin.json", "\xef\xbb\xbf{}", -1);
    plugin_refused("/plugin.json", "begins with a byte order mark",
                   "what an editor of Windows writes before it");

    plugin_good();
    plugin_write("plugin.json", "{\"name\":\"a\",\"name\":\"b\"}", -1);
    plugin_refused("/plugin.json", "twice", "a member twice");

    plugin_good();
    plugin_write("plugin.json", "[]", -1);
    plugin_refused("/plugin.json", "must be", "a manifest that is a list");

    plugin_good();
    plugin_write("plugin.json", "", -1);
    plugin_refused("/plugin.json", "not JSON", "an empty manifest");

    plugin_good();
    text = calloc(1, 70000);
    memset(text, ' ', 69999);
    plugin_write("plugin.json", text, -1);
    free(text);
    plugin_refused("/plugin.json", "larger than 65536", "a huge manifest");

    plugin_good();
    unlink(plugin_path("plugin.json"));
    plugin_refused("/plugin.json", "is not there", "no manifest");

    plugin_good();
    unlink(plugin_path("plugin.json"));
    mkdir(plugin_path("plugin.json"), 0755);
    plugin_refused("/plugin.json", "is no file", "a folder of that name");

    plugin_good();
    unlink(plugin_path("openapi.json"));
    plugin_refused("/plugin.json", "openapi.json", "no contract");

    plugin_good();
    plugin_manifest("{'jobs':[{'name':'a','cron':'* * * * *',"
                    "'handler':'f'}]}");
    unlink(plugin_path("handler.lua"));
    plugin_refused("/plugin.json", "no handler.lua",
                   "a job and no handler.lua");

    ok(ihanoi_manifest_load("/nowhere/parking", &plugin_error) == NULL
       && strstr(plugin_error.reason, "cannot be opened"), "no folder");
}


static const struct {
    const char  *given;
    const char  *result;      /* JSON, or NULL: refused */
    const char  *pointer;
    const char  *reason;
} settings[] = {

    { "{'url':'https://a.example'}",
      "{'closed':false,'limit':10,'url':'https://a.example'}", "", "" },
    { "{'url':'12','limit':'20','closed':'on','rate':'0.5','days':'[1,2]',"
      "'map':'{`a`:`b`}'}",
      "{'closed':true,'days':[1,2],'limit':20,'map':{'a':'b'},'rate':0.5,"
      "'url':'12'}", "", "" },
    { "{'url':'x','closed':'false'}", "{'closed':false,'limit':10,'url':'x'}",
      "", "" },
    { "{'url':'','note':'null'}",
      "{'closed':false,'limit':10,'note':'null','url':''}", "", "" },
    { "{}", NULL, "/url", "required" },
    { "{'url':'x','limit':'many'}", NULL, "/limit", "an integer, got \"many" },
    { "{'url':'x','limit':''}", NULL, "/limit", "an integer" },
    { "{'url':'x','limit':'5.0','days':'[1.0,2e0]'}",
      "{'closed':false,'days':[1.0,2.0],'limit':5.0,'url':'x'}", "", "" },
    { "{'url':'x','limit':'1.5'}", NULL, "/limit", "integer" },
    { "{'url':'x','limit':'100.5'}", NULL, "/limit", "integer" },
    { "{'url':'x','limit':'101'}", NULL, "/limit", "at most 100" },
    { "{'url':'x','closed':'maybe'}", NULL, "/closed", "on or off" },
    { "{'url':'x','rate':'fast'}", NULL, "/rate", "a number" },
    { "{'url':'x','days':'1,2'}", NULL, "/days", "list or object in JSON" },
    { "{'url':'x','days':'[1,`a`]'}", NULL, "/days/1", "integer" },
    { "{'url':'x','limt':'1'}", NULL, "/limt", "is \"limit\" meant?" },
    { "{'url':'x','zzz':'1'}", NULL, "/zzz", "has no setting \"zzz\"" },
};


static void
test_settings(void)
{
    char                *text, *p;
    size_t               i;
    json_t              *given;
    const char          *result;
    ihanoi_manifest_t   *m;
    ihanoi_json_error_t  error;

    plugin_begin("parking");
    plugin_manifest("{'settings':{'type':'object','required':['url'],"
        "'properties':{'url':{'type':'string','maxLength':100},"
        "'limit':{'type':'integer','maximum':100,'default':10},"
        "'closed':{'type':'boolean','default':false},"
        "'rate':{'type':'number'},"
        "'note':{'type':['string','null']},"
        "'days':{'type':'array','items':{'type':'integer'}},"
        "'map':{'type':'object'}}}}");
    m = plugin_load();

    if (!ok(m != NULL, "a manifest with settings")) {
        printf("# %s%s: %s\n", plugin_error.file, plugin_error.pointer,
               plugin_error.reason);
        plugin_end();
        return;
    }

    for (i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {

        text = plugin_json(settings[i].given);

        given = NULL;
        (void) ihanoi_json_read(text, strlen(text), 8, NULL, &given, &error);
        free(text);

        result = ihanoi_manifest_settings(m, given, &plugin_error);

        if (settings[i].result) {
            p = plugin_json(settings[i].result);
            is_str(result, p, "%s", settings[i].given);
            free(p);

        } else if (!ok(result == NULL
                       && strcmp(plugin_error.pointer, settings[i].pointer)
                          == 0
                       && strstr(plugin_error.reason, settings[i].reason),
                       "%s", settings[i].given))
        {
            printf("# %s: %s\n", plugin_error.pointer, plugin_error.reason);
        }

        json_decref(given);
    }

    ihanoi_manifest_free(m);
    plugin_end();
}


static const struct {
    const char  *text;
    long         after;       /* UTC */
    long         next;        /* -2: refused */
} schedules[] = {
    { "* * * * *", 0, 60 },
    { "* * * * *", 59, 60 },
    { "* * * * *", 60, 120 },
    { "0 0 1 1 *", 0, 31536000 },
    { "*/15 * * * *", 60, 900 },
    { "5,10-12 3 * * *", 11400, 11460 },
    { "5,10-12 3 * * *", 11520, 97500 },
    { "0 0 * * 0", 0, 259200 },           /* 1970-01-01 was a Thursday */
    { "0 0 * * 7", 0, 259200 },
    { "0 0 29 2 *", 0, 68169600 },
    { "0 0 13 * 5", 0, 86400 },           /* a 13th or a Friday */
    { "10/20 0 * * *", 0, 600 },
    { " 0\t0  1 1 *", 0, 31536000 },
    { "0 0 31 2 *", 0, -2 },
    { "0 0 30 2,4 *", 0, 119 * 86400 },
    { "0 0 5 2 */7", 0, 255484800 },       /* a 5 February that is a Sunday */
    { "0 0 29 2 */7", 3728851200, 4991068800 },
    { "", 0, -2 }, { "* * * *", 0, -2 }, { "* * * * * *", 0, -2 },
    { "60 * * * *", 0, -2 }, { "* 24 * * *", 0, -2 }, { "* * 0 * *", 0, -2 },
    { "* * 32 * *", 0, -2 }, { "* * * 0 *", 0, -2 }, { "* * * 13 *", 0, -2 },
    { "* * * * 8", 0, -2 }, { "5-3 * * * *", 0, -2 }, { "*/0 * * * *", 0, -2 },
    { "1,,2 * * * *", 0, -2 }, { "-1 * * * *", 0, -2 },
    { "1- * * * *", 0, -2 }, { "a * * * *", 0, -2 }, { "1a * * * *", 0, -2 },
    { "100 * * * *", 0, -2 }, { "* * * jan *", 0, -2 },
    { "** * * * *", 0, -2 }, { "* * * * *,", 0, -2 },
};


static void
test_schedules(void)
{
    size_t          i;
    const char     *reason;
    ihanoi_cron_t   cron;

    for (i = 0; i < sizeof(schedules) / sizeof(schedules[0]); i++) {

        if (ihanoi_cron_parse(&cron, schedules[i].text, &reason) != 0) {
            ok(schedules[i].next == -2, "\"%s\": %s", schedules[i].text,
               reason);
            continue;
        }

        is_int(ihanoi_cron_next(&cron, schedules[i].after, 0),
               schedules[i].next, "\"%s\"", schedules[i].text);
    }
}


/* Whatever allocation fails, it says so and leaks nothing. */

static void
test_memory(void)
{
    long                i;
    unsigned            wrong;
    ihanoi_manifest_t  *m;

    plugin_good();

    ihanoi_malloc = plugin_malloc;
    wrong = 0;

    for (i = 0; i < 1000; i++) {
        plugin_allocations = i;
        m = ihanoi_manifest_load(plugin_dir, &plugin_error);

        if (m) {
            break;
        }

        wrong += strcmp(plugin_error.reason, "out of memory") != 0;
    }

    ihanoi_malloc = malloc;

    ok(i > 5 && i < 1000, "read after %ld failures", i);
    is_int(wrong, 0, "each of which said so");

    ihanoi_manifest_free(m);
    plugin_end();
}


int
main(void)
{
    test_good();
    test_defaults();
    test_folder();
    test_code();
    test_refusals();
    test_manifest_text();
    test_settings();
    test_schedules();
    test_memory();

    return done_testing();
}
