/*
 * Copyright (C) iHaNoi contributors
 *
 * A small plugin in a folder of its own, for tests to spoil.
 */

#ifndef _PLUGIN_FIXTURE_H_INCLUDED_
#define _PLUGIN_FIXTURE_H_INCLUDED_


#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <jansson.h>

#include "ihanoi_arena.h"
#include "ihanoi_manifest.h"


static char                     plugin_base[64];
static char                     plugin_dir[128];
static ihanoi_contract_error_t  plugin_error;

static long                     plugin_allocations;


/* One of a few buffers in turn. */

static __attribute__((unused)) const char *
plugin_path(const char *name)
{
    static char      path[4][512];
    static unsigned  turn;

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", plugin_dir, name);

    return path[turn];
}


/* Makes the folders above it; len -1: up to its NUL. */

static __attribute__((unused)) void
plugin_write(const char *name, const char *text, long len)
{
    char    path[512], *p;
    FILE   *file;

    snprintf(path, sizeof(path), "%s", plugin_path(name));

    for (p = path + strlen(plugin_dir) + 1; (p = strchr(p, '/')); *p++ = '/') {
        *p = '\0';
        (void) mkdir(path, 0700);
    }

    file = fopen(path, "wb");
    len = len == -1 ? (long) strlen(text) : len;

    if (file == NULL || fwrite(text, 1, (size_t) len, file) != (size_t) len) {
        perror(path);
        abort();
    }

    fclose(file);
}


/* Single quotes stand for double ones, and ` for those within a text. */

static __attribute__((unused)) char *
plugin_json(const char *text)
{
    char  *copy, *p;

    copy = malloc(2 * strlen(text) + 1);

    for (p = copy; *text; text++) {

        if (*text == '`') {
            *p++ = '\\';
        }

        *p++ = (*text == '\'' || *text == '`') ? '"' : *text;
    }

    *p = '\0';

    return copy;
}


static __attribute__((unused)) void
plugin_begin(const char *name)
{
    strcpy(plugin_base, "/tmp/ihanoi-plugin-XXXXXX");

    if (mkdtemp(plugin_base) == NULL) {
        abort();
    }

    snprintf(plugin_dir, sizeof(plugin_dir), "%s/%s", plugin_base, name);
    (void) mkdir(plugin_dir, 0700);

    plugin_write("handler.lua", "return {}\n", -1);
    plugin_write("lib/fees.lua", "return {}\n", -1);
    plugin_write("openapi.json", "{}\n", -1);
}


/* The members of patch over those of a good manifest; null takes one out. */

static __attribute__((unused)) void
plugin_manifest(const char *patch)
{
    char        *text;
    void        *iter;
    json_t      *manifest, *over;
    const char  *key;

    text = plugin_json("{'name':'parking','version':'1.4.0','host':1,"
        "'title':{'vi':'Do xe','en':'Parking'},"
        "'agency':{'name':'Department of Construction',"
        "'contact':'parking@example.vn'},'data':['public']}");
    manifest = json_loads(text, 0, NULL);
    free(text);

    text = plugin_json(patch);
    over = json_loads(text, 0, NULL);
    free(text);

    if (manifest == NULL || over == NULL) {
        printf("# not JSON: %s\n", patch);
        abort();
    }

    for (iter = json_object_iter(over);
         iter;
         iter = json_object_iter_next(over, iter))
    {
        key = json_object_iter_key(iter);

        if (json_is_null(json_object_iter_value(iter))) {
            json_object_del(manifest, key);

        } else {
            json_object_set(manifest, key, json_object_iter_value(iter));
        }
    }

    text = json_dumps(manifest, JSON_INDENT(2));
    plugin_write("plugin.json", text, -1);

    free(text);
    json_decref(manifest);
    json_decref(over);
}


static __attribute__((unused)) ihanoi_manifest_t *
plugin_load(void)
{
    memset(&plugin_error, 0, sizeof(plugin_error));

    return ihanoi_manifest_load(plugin_dir, &plugin_error);
}


/* 1 when it loads. */

static __attribute__((unused)) int
plugin_load_free(void)
{
    ihanoi_manifest_t  *m;

    m = plugin_load();

    if (m == NULL) {
        printf("# %s%s: %s\n", plugin_error.file, plugin_error.pointer,
               plugin_error.reason);
        return 0;
    }

    ihanoi_manifest_free(m);

    return 1;
}


static __attribute__((unused)) void
plugin_end(void)
{
    char  command[128];

    snprintf(command, sizeof(command), "rm -rf %s", plugin_base);

    if (system(command) != 0) {
        abort();
    }
}


/* Fails once plugin_allocations are used up. */

static __attribute__((unused)) void *
plugin_malloc(size_t size)
{
    return plugin_allocations-- > 0 ? malloc(size) : NULL;
}


/* A good one, which is then spoilt. */

static __attribute__((unused)) void
plugin_good(void)
{
    plugin_begin("parking");
    plugin_manifest("{}");
}


/* A link in it, by a path from it. */

static __attribute__((unused)) void
plugin_link(const char *to, const char *path)
{
    if (symlink(to, plugin_path(path)) != 0) {
        abort();
    }
}


/* It ends here. */

static __attribute__((unused)) void
plugin_refused(const char *file, const char *reason, const char *what)
{
    ihanoi_manifest_t  *m;

    m = plugin_load();

    if (!ok(m == NULL && strstr(plugin_error.file, file) != NULL
            && strstr(plugin_error.reason, reason) != NULL, "%s", what))
    {
        printf("# %s%s: %s\n", plugin_error.file, plugin_error.pointer,
               plugin_error.reason);
    }

    ihanoi_manifest_free(m);
    plugin_end();
}


#endif /* _PLUGIN_FIXTURE_H_INCLUDED_ */
