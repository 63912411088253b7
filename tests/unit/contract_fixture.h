/*
 * Copyright (C) iHaNoi contributors
 *
 * For tests of contracts: pieces of documents, documents written to a folder
 * of their own, memory of a request, and memory that fails when a test wants
 * it to.
 */

#ifndef _CONTRACT_FIXTURE_H_INCLUDED_
#define _CONTRACT_FIXTURE_H_INCLUDED_


#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <jansson.h>

#include "ihanoi_arena.h"
#include "ihanoi_contract.h"


/* pieces of a document, for fixture_json() */

#define HEAD  "'openapi':'3.1.0','info':{'title':'t','version':'1'}"
#define OK    "'responses':{'200':{'description':'d'}}"
#define ID    "{'name':'id','in':'path','required':true,"                     \
              "'schema':{'type':'string','format':'uuid'}}"

/* members of an operation that takes a body of this schema */
#define BODY(schema)                                                          \
    "'requestBody':{'required':true,'content':{'application/json':{"          \
    "'schema':" schema "}}}"


static char                     fixture_dir[64];
static ihanoi_contract_error_t  fixture_error;

/* what the next request may still allocate; -1: no limit */
static long                     fixture_allocations = -1;


static __attribute__((unused)) void
fixture_remove(void)
{
    DIR            *dir;
    char            path[400];
    struct dirent  *entry;

    dir = opendir(fixture_dir);

    while (dir && (entry = readdir(dir)) != NULL) {
        snprintf(path, sizeof(path), "%s/%s", fixture_dir, entry->d_name);
        (void) unlink(path);
    }

    if (dir) {
        closedir(dir);
    }

    (void) rmdir(fixture_dir);
}


static __attribute__((unused)) const char *
fixture_write(const char *name, const char *text, size_t len)
{
    FILE         *file;
    static char   path[4][160];
    static int    turn;

    if (fixture_dir[0] == '\0') {
        strcpy(fixture_dir, "/tmp/ihanoi-contract-XXXXXX");

        if (mkdtemp(fixture_dir) == NULL) {
            abort();
        }

        atexit(fixture_remove);
    }

    turn = (turn + 1) % 4;
    snprintf(path[turn], sizeof(path[turn]), "%s/%s", fixture_dir, name);

    file = fopen(path[turn], "wb");

    if (file == NULL || fwrite(text, 1, len, file) != len) {
        abort();
    }

    fclose(file);

    return path[turn];
}


/* Single quotes stand for double ones, so that C stays readable. */

static __attribute__((unused)) char *
fixture_json(const char *text)
{
    char  *copy, *p;

    copy = strdup(text);

    for (p = copy; *p; p++) {
        if (*p == '\'') {
            *p = '"';
        }
    }

    return copy;
}


static __attribute__((unused)) ihanoi_contract_t *
fixture_load(const char *text)
{
    char        *json;
    const char  *files[1];

    json = fixture_json(text);
    files[0] = fixture_write("service.json", json, strlen(json));
    free(json);

    return ihanoi_contract_load(files, 1, &fixture_error);
}


/* A document with one operation for each schema's sake. */

static __attribute__((unused)) ihanoi_contract_t *
fixture_load_operation(const char *method, const char *path,
    const char *members, const char *more)
{
    char               *text;
    size_t              len;
    ihanoi_contract_t  *contract;

    len = strlen(members) + strlen(more) + 1024;
    text = malloc(len);

    snprintf(text, len,
             "{'openapi': '3.1.0', 'info': {'title': 't', 'version': '1'},"
             " 'paths': {'%s': {'%s': {'operationId': 'op',"
             " 'x-ihanoi-sql': 'op', 'security': [{'bearer': []}],"
             " 'responses': {'200': {'description': 'd'}}%s%s}}}%s%s}",
             path, method, *members ? ", " : "", members,
             *more ? ", " : "", more);

    contract = fixture_load(text);

    free(text);

    return contract;
}


typedef struct fixture_block_s  fixture_block_t;

struct fixture_block_s {
    fixture_block_t  *next;
};

static fixture_block_t  *fixture_blocks;


/* Filled with rubbish: nobody may count on zeros. */

static __attribute__((unused)) void *
fixture_request_alloc(void *ctx, size_t size)
{
    fixture_block_t  *block;

    (void) ctx;

    if (fixture_allocations == 0) {
        return NULL;
    }

    if (fixture_allocations > 0) {
        fixture_allocations--;
    }

    block = malloc(sizeof(fixture_block_t) + 8 + size);
    if (block == NULL) {
        return NULL;
    }

    memset(block, 0xa5, sizeof(fixture_block_t) + 8 + size);

    block->next = fixture_blocks;
    fixture_blocks = block;

    return (char *) block + sizeof(fixture_block_t) + 8;
}


static __attribute__((unused)) void
fixture_request_free(void)
{
    fixture_block_t  *block;

    while ((block = fixture_blocks) != NULL) {
        fixture_blocks = block->next;
        free(block);
    }
}


static const ihanoi_alloc_t  fixture_request __attribute__((unused)) = {
    fixture_request_alloc, NULL
};


/*
 * All other memory of the library: that of arenas, PCRE2 and jansson.  What is
 * freed while it fails was allocated by the same malloc().
 */

static __attribute__((unused)) void *
fixture_malloc(size_t size)
{
    if (fixture_allocations == 0) {
        return NULL;
    }

    if (fixture_allocations > 0) {
        fixture_allocations--;
    }

    return malloc(size);
}


static __attribute__((unused)) void
fixture_memory_fails_after(long n)
{
    ihanoi_malloc = n < 0 ? malloc : fixture_malloc;
    json_set_alloc_funcs(n < 0 ? malloc : fixture_malloc, free);
    fixture_allocations = n;
}


#endif /* _CONTRACT_FIXTURE_H_INCLUDED_ */
