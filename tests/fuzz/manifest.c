/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's manifest; behind a zero byte, which no JSON has, the operator's
 * settings.
 *
 * What loads keeps what the rest of the gateway takes for granted: names that
 * go into SQL, configuration and metrics.  What does not load has a reason
 * that is fit for a log.
 */

#include <ctype.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "expect.h"
#include "ihanoi_manifest.h"
#include "ihanoi_utf8.h"


static char  top[64];
static char  folder[80];


static void
write_file(const char *name, const void *data, size_t size)
{
    FILE  *f;
    char   path[128];

    snprintf(path, sizeof(path), "%s/%s", folder, name);

    f = fopen(path, "wb");
    expect(f != NULL, "no temporary file");
    expect(fwrite(data, 1, size, f) == size, "short write");
    fclose(f);
}


static void
remove_folder(void)
{
    unsigned  i;
    char      path[128];

    static const char *const  names[] = {
        "plugin.json", "openapi.json", "handler.lua", NULL
    };

    for (i = 0; names[i]; i++) {
        snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
        (void) unlink(path);
    }

    (void) rmdir(folder);
    (void) rmdir(top);
}


static void
make_folder(void)
{
    snprintf(top, sizeof(top), "/tmp/ihanoi-fuzz-manifest-%d", (int) getpid());
    snprintf(folder, sizeof(folder), "%s/parking", top);

    (void) mkdir(top, 0700);
    expect(mkdir(folder, 0700) == 0, "no temporary folder");
    atexit(remove_folder);

    write_file("openapi.json", "{}", 2);
    write_file("handler.lua", "return {}\n", 10);
}


/* One line of UTF-8, and not empty. */

static void
expect_words(const char *text)
{
    size_t       len;
    const char  *p, *end;

    expect(text[0] != '\0', "refused without a reason");

    end = text + strlen(text);

    for (p = text; p < end; p += len) {
        len = ihanoi_utf8_length(p, end);
        expect(len != 0, "a reason that is not UTF-8");
        expect(!iscntrl((unsigned char) *p), "a reason with control bytes");
    }
}


static void
expect_error(const ihanoi_contract_error_t *err)
{
    expect_words(err->reason);
    expect(strcmp(err->reason, "out of memory") != 0,
           "a fault was taken for one of memory");

    if (err->pointer[0]) {
        expect(err->pointer[0] == '/', "a pointer that is none");
        expect_words(err->pointer);
    }
}


static void
expect_name(const char *name)
{
    expect(name[0] != '\0' && strlen(name) <= 63
           && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")
              == strlen(name), "a name of other letters");
}


static void
try_interface(const ihanoi_interface_t *interface)
{
    unsigned  i, k;
    char      where[64];

    static const char *const  texts[] = {
        "null", "1", "\"a\"", "[1,2]", "{\"a\":{\"b\":[null]}}", "{"
    };

    expect_name(interface->plugin);
    expect_name(interface->name);

    for (i = 0; i < interface->functions.n; i++) {
        for (k = 0; k < sizeof(texts) / sizeof(texts[0]); k++) {
            (void) ihanoi_manifest_interface_check(interface->arguments[i],
                                                   texts[k], strlen(texts[k]),
                                                   where, sizeof(where));
            (void) ihanoi_manifest_interface_check(interface->results[i],
                                                   texts[k], strlen(texts[k]),
                                                   where, sizeof(where));
        }
    }
}


static void
check(const ihanoi_manifest_t *m)
{
    unsigned  i;
    char      prefix[64];

    expect(strcmp(m->name, "parking") == 0, "another name than the folder's");
    expect_name(m->code);
    expect(m->prefix[0] == '/' && m->prefix[strlen(m->prefix) - 1] != '/',
           "a prefix that is none");
    expect(m->limits.memory != 0 && m->limits.cpu != 0
           && m->limits.timeout != 0 && m->limits.concurrency != 0,
           "a limit of nothing");

    for (i = 0; i < m->backends.n; i++) {
        expect_name(m->backends.names[i]);
    }

    for (i = 0; i < m->secrets.n; i++) {
        expect_name(m->secrets.names[i]);
    }

    snprintf(prefix, sizeof(prefix), "%s.", m->name);

    for (i = 0; i < m->publishes.n; i++) {
        expect(strncmp(m->publishes.names[i], prefix, strlen(prefix)) == 0,
               "publishes what another plugin does");
    }

    for (i = 0; i < m->nsubscribes; i++) {
        expect(m->subscribes[i].handler[0] != '\0'
               && m->subscribes[i].attempts != 0, "a subscription of nobody");
    }

    for (i = 0; i < m->njobs; i++) {
        expect_name(m->jobs[i].name);
        expect(m->jobs[i].handler[0] != '\0' && m->jobs[i].timeout != 0,
               "a job of nobody");
    }

    for (i = 0; i < m->noffers; i++) {
        expect(m->offers[i].functions.n != 0, "an interface of nothing");
        try_interface(&m->offers[i]);
    }

    for (i = 0; i < m->nuses; i++) {
        expect_name(m->uses[i].plugin);
        expect_name(m->uses[i].name);
    }

    for (i = 0; i < m->nmetrics; i++) {
        expect_name(m->metrics[i].name);
        expect(m->metrics[i].nseries != 0
               && m->metrics[i].nseries <= IHANOI_MANIFEST_METRIC_SERIES,
               "more series than there is room for");
    }
}


/* Names and texts, as the directive has them. */

static json_t *
operator_settings(const char *data, size_t size)
{
    json_t      *given, *value;
    const char  *name;
    void        *next;

    given = json_loadb(data, size, JSON_REJECT_DUPLICATES, NULL);

    if (!json_is_object(given)) {
        json_decref(given);
        return NULL;
    }

    json_object_foreach_safe(given, next, name, value) {
        if (!json_is_string(value)) {
            json_object_del(given, name);
        }
    }

    return given;
}


static void
try_settings(ihanoi_manifest_t *manifest, const json_t *given)
{
    json_t                   *settings, *value;
    const char               *text, *name;
    ihanoi_contract_error_t   err;

    text = ihanoi_manifest_settings(manifest, given, &err);

    if (text == NULL) {
        expect_error(&err);
        return;
    }

    settings = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    expect(json_is_object(settings), "settings that are no object");

    json_object_foreach((json_t *) given, name, value) {
        expect(json_object_get(settings, name) != NULL,
               "a setting that was given is not there");
    }

    json_decref(settings);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t                    len;
    json_t                   *json, *given;
    const char               *text;
    ihanoi_manifest_t        *manifest;
    ihanoi_contract_error_t   err;

    if (folder[0] == '\0') {
        make_folder();
    }

    text = (const char *) data;
    len = size ? strnlen(text, size) : 0;

    write_file("plugin.json", text, len);
    manifest = ihanoi_manifest_load(folder, &err);

    if (manifest == NULL) {
        expect_error(&err);
        return 0;
    }

    json = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    expect(json_is_object(json), "accepted, and refused by a second reader");
    json_decref(json);

    check(manifest);
    try_settings(manifest, NULL);

    if (len < size) {
        given = operator_settings(text + len + 1, size - len - 1);
        try_settings(manifest, given);
        json_decref(given);
    }

    ihanoi_manifest_free(manifest);

    return 0;
}
