/*
 * Copyright (C) iHaNoi contributors
 *
 * A plugin's folder into ihanoi_manifest_t.
 *
 * The form of plugin.json is held against the schema first, so that what comes
 * after takes members as they must be.
 */

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ihanoi_hint.h"
#include "ihanoi_json.h"
#include "ihanoi_manifest_reader.h"
#include "ihanoi_manifest_schema.h"
#include "ihanoi_schema.h"


static int ihanoi_manifest_read(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_code(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_document(ihanoi_documents_t *documents,
    const char *path, const char *text, size_t len, ihanoi_place_t *root);
static int ihanoi_manifest_form(ihanoi_manifest_reader_t *reader);
static int ihanoi_manifest_hold(ihanoi_manifest_reader_t *reader,
    ihanoi_schemas_t *schemas);
static void ihanoi_manifest_release(void *data);


ihanoi_manifest_t *
ihanoi_manifest_load(const char *folder, ihanoi_contract_error_t *err)
{
    int                        rc;
    ihanoi_arena_t            *arena;
    ihanoi_manifest_t         *manifest;
    ihanoi_manifest_reader_t   reader;

    memset(err, 0, sizeof(ihanoi_contract_error_t));
    (void) snprintf(err->reason, sizeof(err->reason), "out of memory");

    arena = ihanoi_arena_create();
    if (arena == NULL) {
        return NULL;
    }

    manifest = ihanoi_arena_alloc(arena, sizeof(ihanoi_manifest_t));

    if (manifest == NULL) {
        ihanoi_arena_destroy(arena);
        return NULL;
    }

    manifest->arena = arena;

    memset(&reader, 0, sizeof(ihanoi_manifest_reader_t));
    reader.manifest = manifest;
    reader.documents.arena = arena;
    reader.documents.err = err;
    reader.documents.last = &reader.documents.first;

    rc = ihanoi_plugin_files_read(arena, folder, &manifest->files, err);

    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_read(&reader);
    }

    if (rc != IHANOI_OK) {
        ihanoi_document_printable(err);
        ihanoi_arena_destroy(arena);
        return NULL;
    }

    err->reason[0] = '\0';

    return manifest;
}


void
ihanoi_manifest_free(ihanoi_manifest_t *manifest)
{
    if (manifest != NULL) {
        ihanoi_arena_destroy(manifest->arena);
    }
}


static int
ihanoi_manifest_read(ihanoi_manifest_reader_t *reader)
{
    int                          rc;
    ihanoi_manifest_t           *manifest;
    const ihanoi_plugin_file_t  *file;

    manifest = reader->manifest;

    manifest->file = ihanoi_arena_printf(manifest->arena, "%s/plugin.json",
                                         manifest->files.folder);
    manifest->openapi = ihanoi_arena_printf(manifest->arena, "%s/openapi.json",
                                            manifest->files.folder);

    if (manifest->file == NULL || manifest->openapi == NULL) {
        return ihanoi_document_no_memory(&reader->documents);
    }

    file = ihanoi_plugin_files_find(&manifest->files, "plugin.json");

    if (file == NULL) {
        return ihanoi_manifest_refuse(reader, "", "is no file");
    }

    if (file->len > IHANOI_MANIFEST_SIZE) {
        return ihanoi_manifest_refuse(reader, "", "larger than %d bytes",
                                      IHANOI_MANIFEST_SIZE);
    }

    rc = ihanoi_manifest_document(&reader->documents, manifest->file,
                                  file->text, file->len, &reader->root);

    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_form(reader);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_members(reader);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_code(reader);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_manifest_settings_compile(reader);
    }

    if (rc == IHANOI_OK
        && ihanoi_plugin_files_find(&manifest->files, "openapi.json") == NULL)
    {
        return ihanoi_manifest_refuse(reader, "", "there is no openapi.json "
                                      "beside it, the plugin's contract");
    }

    return rc;
}


/*
 * The schema of a version's functions: "code_parking_1_4_0_3fa9c2d1".  The
 * digits are of the contents, so that an edit is another schema; the version is
 * for people, cut so that the whole is never longer than a name in PostgreSQL
 * (63 bytes).
 */

static int
ihanoi_manifest_code(ihanoi_manifest_reader_t *reader)
{
    char                version[17];
    size_t              i;
    ihanoi_manifest_t  *manifest;

    manifest = reader->manifest;

    (void) snprintf(version, sizeof(version), "%.16s", manifest->version);

    for (i = 0; version[i]; i++) {

        if (version[i] >= 'A' && version[i] <= 'Z') {
            version[i] |= 0x20;

        } else if (version[i] == '.' || version[i] == '-') {
            version[i] = '_';
        }
    }

    manifest->code = ihanoi_arena_printf(manifest->arena, "code_%s_%s_%.8s",
                                         manifest->name, version,
                                         manifest->files.hash);

    return manifest->code ? IHANOI_OK
                          : ihanoi_document_no_memory(&reader->documents);
}


/* A document that is in memory already. */

static int
ihanoi_manifest_document(ihanoi_documents_t *documents, const char *path,
    const char *text, size_t len, ihanoi_place_t *root)
{
    int                    rc;
    void                 **cleanup;
    size_t                 i;
    unsigned               line;
    ihanoi_document_t     *document;
    ihanoi_json_error_t    error;

    document = ihanoi_arena_alloc(documents->arena, sizeof(ihanoi_document_t));
    cleanup = ihanoi_arena_cleanup(documents->arena, ihanoi_manifest_release);

    if (document == NULL || cleanup == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    document->path = path;
    document->real = path;
    document->name = "plugin.json";
    document->ns = "plugin";

    root->document = document;
    root->pointer = "";

    rc = ihanoi_json_read(text, len, IHANOI_DOCUMENT_DEPTH, NULL,
                          &document->root, &error);

    if (rc == IHANOI_NOMEM) {
        return ihanoi_document_no_memory(documents);
    }

    if (rc != IHANOI_OK) {

        for (i = 0, line = 1; i < error.offset && i < len; i++) {
            line += text[i] == '\n';
        }

        return ihanoi_document_refuse(documents, root, "is not JSON: %s in "
                                      "line %u", error.reason, line);
    }

    *cleanup = document->root;
    root->value = document->root;

    return IHANOI_OK;
}


/* Against our own schema, which nobody needs afterwards. */

static int
ihanoi_manifest_form(ihanoi_manifest_reader_t *reader)
{
    int                  rc;
    ihanoi_arena_t      *arena;
    ihanoi_schemas_t     schemas;
    ihanoi_documents_t   documents;

    arena = ihanoi_arena_create();
    if (arena == NULL) {
        return ihanoi_document_no_memory(&reader->documents);
    }

    memset(&documents, 0, sizeof(ihanoi_documents_t));
    documents.arena = arena;
    documents.err = reader->documents.err;
    documents.last = &documents.first;

    memset(&schemas, 0, sizeof(ihanoi_schemas_t));
    schemas.documents = &documents;

    rc = ihanoi_manifest_hold(reader, &schemas);

    ihanoi_arena_destroy(arena);

    return rc;
}


static int
ihanoi_manifest_hold(ihanoi_manifest_reader_t *reader,
    ihanoi_schemas_t *schemas)
{
    int                     rc;
    ihanoi_place_t          root;
    const ihanoi_schema_t  *schema;

    rc = ihanoi_manifest_document(schemas->documents, "plugin.schema.json",
                                  ihanoi_manifest_schema,
                                  strlen(ihanoi_manifest_schema), &root);
    if (rc != IHANOI_OK) {
        return rc;
    }

    /* the name of the dialect is for other readers of the file */

    (void) json_object_del(root.value, "$schema");

    schema = ihanoi_schema_compile(schemas, &root);
    if (schema == NULL) {
        return IHANOI_INVALID;
    }

    (void) snprintf(reader->documents.err->file,
                    sizeof(reader->documents.err->file), "%s",
                    reader->manifest->file);

    return ihanoi_hint_validate(schema, reader->root.value,
                                reader->documents.err);
}


int
ihanoi_manifest_in_place(const ihanoi_manifest_t *manifest,
    ihanoi_contract_error_t *err)
{
    size_t       len;
    const char  *last;

    last = strrchr(manifest->files.folder, '/') + 1;
    len = strlen(manifest->name);

    if (strcmp(last, manifest->name) == 0
        || (strncmp(last, manifest->name, len) == 0 && last[len] == '-'
            && strcmp(last + len + 1, manifest->version) == 0))
    {
        return 1;
    }

    (void) snprintf(err->file, sizeof(err->file), "%s", manifest->file);
    (void) snprintf(err->pointer, sizeof(err->pointer), "/name");
    (void) snprintf(err->reason, sizeof(err->reason), "the folder must be "
                    "called \"%s\" or \"%s-%s\", not \"%.100s\"",
                    manifest->name, manifest->name, manifest->version, last);
    ihanoi_document_printable(err);

    return 0;
}


int
ihanoi_manifest_refuse(ihanoi_manifest_reader_t *reader, const char *pointer,
    const char *fmt, ...)
{
    va_list                   args;
    ihanoi_contract_error_t  *err;

    err = reader->documents.err;

    (void) snprintf(err->file, sizeof(err->file), "%s",
                    reader->manifest->file);
    (void) snprintf(err->pointer, sizeof(err->pointer), "%s", pointer);

    va_start(args, fmt);
    (void) vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);

    return IHANOI_INVALID;
}


static void
ihanoi_manifest_release(void *data)
{
    json_decref(data);
}
