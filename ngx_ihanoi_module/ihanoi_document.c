/*
 * Copyright (C) iHaNoi contributors
 *
 * The files of a contract: reading them, and finding what "$ref" names.
 */

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ihanoi_document.h"
#include "ihanoi_json.h"
#include "ihanoi_utf8.h"


/* Of the names of documents; a version begins with "-". */
#define IHANOI_DOCUMENT_NAME  "abcdefghijklmnopqrstuvwxyz"                    \
                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_"


static int ihanoi_document_read(ihanoi_documents_t *documents,
    ihanoi_place_t *place, char **text, size_t *len);
static int ihanoi_document_parse(ihanoi_documents_t *documents,
    ihanoi_place_t *place, const char *text, size_t len);
static int ihanoi_document_name(ihanoi_documents_t *documents,
    ihanoi_place_t *place);
static int ihanoi_document_beside(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, const char *ref, size_t len,
    ihanoi_place_t *to);
static json_t *ihanoi_document_at(json_t *value, const char *pointer,
    char *token);
static int ihanoi_document_notes(ihanoi_documents_t *documents,
    const ihanoi_place_t *place);
static char *ihanoi_document_escape(ihanoi_documents_t *documents,
    const char *pointer, const char *name);
static void ihanoi_document_printable_text(char *text);
static void ihanoi_document_free(void *data);


ihanoi_document_t *
ihanoi_document_open(ihanoi_documents_t *documents, const char *path,
    int listed)
{
    int                 rc;
    char               *text, real[PATH_MAX];
    void              **cleanup;
    size_t              len;
    ihanoi_place_t      place;
    ihanoi_document_t  *document;

    place.document = ihanoi_arena_alloc(documents->arena,
                                        sizeof(ihanoi_document_t));
    place.pointer = "";

    if (place.document == NULL) {
        (void) ihanoi_document_no_memory(documents);
        return NULL;
    }

    place.document->path = ihanoi_arena_strndup(documents->arena, path,
                                                strlen(path));
    if (place.document->path == NULL) {
        (void) ihanoi_document_no_memory(documents);
        return NULL;
    }

    if (realpath(path, real) == NULL) {
        (void) ihanoi_document_refuse(documents, &place,
                                      "cannot be opened: %s", strerror(errno));
        return NULL;
    }

    for (document = documents->first; document; document = document->next) {

        if (strcmp(document->real, real) == 0) {
            document->listed |= listed ? 1 : 0;
            return document;
        }
    }

    document = place.document;
    document->listed = listed ? 1 : 0;

    document->real = ihanoi_arena_strndup(documents->arena, real,
                                          strlen(real));
    if (document->real == NULL) {
        (void) ihanoi_document_no_memory(documents);
        return NULL;
    }

    if (ihanoi_document_name(documents, &place) != IHANOI_OK) {
        return NULL;
    }

    if (documents->n == IHANOI_DOCUMENTS) {
        (void) ihanoi_document_refuse(documents, &place,
                                      "more than %d documents",
                                      IHANOI_DOCUMENTS);
        return NULL;
    }

    cleanup = ihanoi_arena_cleanup(documents->arena, ihanoi_document_free);
    if (cleanup == NULL) {
        (void) ihanoi_document_no_memory(documents);
        return NULL;
    }

    text = NULL;
    len = 0;

    if (ihanoi_document_read(documents, &place, &text, &len) != IHANOI_OK) {
        return NULL;
    }

    rc = ihanoi_document_parse(documents, &place, text, len);

    ihanoi_free(text);

    *cleanup = document->root;

    if (rc != IHANOI_OK) {
        return NULL;
    }

    *documents->last = document;
    documents->last = &document->next;
    documents->n++;

    return document;
}


static int
ihanoi_document_read(ihanoi_documents_t *documents, ihanoi_place_t *place,
    char **text, size_t *len)
{
    int           rc;
    FILE         *file;
    struct stat   info;

    /* before it is opened: a pipe would be waited for */

    if (stat(place->document->path, &info) == 0 && !S_ISREG(info.st_mode)) {
        return ihanoi_document_refuse(documents, place, "is not a file");
    }

    file = fopen(place->document->path, "rb");
    if (file == NULL) {
        return ihanoi_document_refuse(documents, place, "cannot be opened: %s",
                                      strerror(errno));
    }

    if (fstat(fileno(file), &info) != 0) {
        rc = ihanoi_document_refuse(documents, place, "cannot be read");
        goto done;
    }

    if (info.st_size > IHANOI_DOCUMENT_SIZE) {
        rc = ihanoi_document_refuse(documents, place, "larger than %d bytes",
                                    IHANOI_DOCUMENT_SIZE);
        goto done;
    }

    *text = ihanoi_malloc((size_t) info.st_size + 1);
    if (*text == NULL) {
        rc = ihanoi_document_no_memory(documents);
        goto done;
    }

    /* one that changes while it is read ends in an error of its syntax */

    *len = fread(*text, 1, (size_t) info.st_size, file);
    rc = IHANOI_OK;

    if (ferror(file)) {
        ihanoi_free(*text);
        rc = ihanoi_document_refuse(documents, place, "cannot be read");
    }

done:

    (void) fclose(file);

    return rc;
}


static int
ihanoi_document_parse(ihanoi_documents_t *documents, ihanoi_place_t *place,
    const char *text, size_t len)
{
    int                   rc;
    size_t                i;
    unsigned              line;
    ihanoi_json_error_t   error;

    rc = ihanoi_json_read(text, len, IHANOI_DOCUMENT_DEPTH, NULL,
                          &place->document->root, &error);

    if (rc == IHANOI_NOMEM) {
        return ihanoi_document_no_memory(documents);
    }

    if (rc != IHANOI_OK) {

        for (i = 0, line = 1; i < error.offset && i < len; i++) {
            if (text[i] == '\n') {
                line++;
            }
        }

        return ihanoi_document_refuse(documents, place,
                                      "is not JSON: %s in line %u",
                                      error.reason, line);
    }

    if (!json_is_object(place->document->root)) {
        return ihanoi_document_refuse(documents, place, "is not an object");
    }

    return IHANOI_OK;
}


/*
 * The file's name makes the namespace of its components.  A plugin's contract
 * is "openapi.json" in a folder "NAME" or "NAME-VERSION": its name is NAME.
 */

static int
ihanoi_document_name(ihanoi_documents_t *documents, ihanoi_place_t *place)
{
    size_t              len;
    const char         *name, *folder;
    ihanoi_document_t  *document, *other;

    document = place->document;

    name = strrchr(document->path, '/');
    name = name ? name + 1 : document->path;

    if (name > document->path && strcmp(name, "openapi.json") == 0) {

        for (folder = name - 1;
             folder > document->path && folder[-1] != '/';
             folder--)
        {
            /* void */
        }

        name = ihanoi_arena_printf(documents->arena, "%.*s.json",
                                   (int) strspn(folder, IHANOI_DOCUMENT_NAME),
                                   folder);
        if (name == NULL) {
            return ihanoi_document_no_memory(documents);
        }
    }

    len = strlen(name);

    if (len <= 5 || len > 64 || strcmp(name + len - 5, ".json") != 0
        || strspn(name, IHANOI_DOCUMENT_NAME "-") != len - 5)
    {
        return ihanoi_document_refuse(documents, place,
                                      "must be named like \"service-1.json\"");
    }

    document->name = name;
    document->ns = ihanoi_arena_strndup(documents->arena, name, len - 5);

    if (document->ns == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    for (other = documents->first; other; other = other->next) {

        if (strcmp(other->name, name) == 0) {
            return ihanoi_document_refuse(documents, place,
                                          "has the same name as \"%s\"",
                                          other->path);
        }
    }

    return IHANOI_OK;
}


int
ihanoi_document_resolve(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, const char *ref, ihanoi_place_t *to)
{
    int          rc;
    char        *token;
    size_t       len;
    const char  *hash;

    hash = strchr(ref, '#');

    if (hash == NULL || strncmp(hash, "#/components/", 13) != 0
        || strchr(ref, '%') != NULL)
    {
        return ihanoi_document_refuse(documents, from,
                        "\"$ref\" must be \"#/components/...\" or "
                        "\"file.json#/components/...\", without \"%%\", "
                        "got \"%.100s\"", ref);
    }

    to->document = from->document;

    if (hash != ref) {
        rc = ihanoi_document_beside(documents, from, ref,
                                    (size_t) (hash - ref), to);
        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    len = strlen(hash + 1);

    to->pointer = ihanoi_arena_strndup(documents->arena, hash + 1, len);
    token = ihanoi_arena_strndup(documents->arena, hash + 1, len);

    if (to->pointer == NULL || token == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    to->value = ihanoi_document_at(to->document->root, to->pointer, token);

    if (to->value == NULL) {
        return ihanoi_document_refuse(documents, from,
                                      "\"$ref\" names nothing: \"%.200s\"",
                                      ref);
    }

    return IHANOI_OK;
}


/* The document that ref begins with, a file in the folder of the one it is in. */

static int
ihanoi_document_beside(ihanoi_documents_t *documents,
    const ihanoi_place_t *from, const char *ref, size_t len,
    ihanoi_place_t *to)
{
    char        *path;
    const char  *slash;

    if (memchr(ref, '/', len) || memchr(ref, ':', len)
        || memchr(ref, '\\', len))
    {
        return ihanoi_document_refuse(documents, from,
                        "\"$ref\" must name a file of the same folder, "
                        "got \"%.100s\"", ref);
    }

    slash = strrchr(from->document->path, '/');

    path = ihanoi_arena_printf(documents->arena, "%.*s%.*s",
                    slash ? (int) (slash + 1 - from->document->path) : 0,
                    from->document->path, (int) len, ref);
    if (path == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    to->document = ihanoi_document_open(documents, path, 0);

    return to->document ? IHANOI_OK : IHANOI_INVALID;
}


/* RFC 6901, 4: NULL where the pointer names nothing; token has its length. */

static json_t *
ihanoi_document_at(json_t *value, const char *pointer, char *token)
{
    char        *out, *p;
    size_t       i;
    const char  *in;

    for (in = pointer; *in; /* void */ ) {

        for (in++, out = token; *in && *in != '/'; in++) {

            if (*in == '~') {
                if (in[1] != '0' && in[1] != '1') {
                    return NULL;
                }

                in++;
                *out++ = *in == '0' ? '~' : '/';
                continue;
            }

            *out++ = *in;
        }

        *out = '\0';

        if (json_is_object(value)) {
            value = json_object_get(value, token);

        } else if (json_is_array(value)) {
            i = (size_t) strtoul(token, &p, 10);

            if (p == token || *p || *token < '0' || *token > '9'
                || (*token == '0' && token[1]))
            {
                return NULL;
            }

            value = json_array_get(value, i);

        } else {
            return NULL;
        }

        if (value == NULL) {
            return NULL;
        }
    }

    return value;
}


int
ihanoi_document_follow(ihanoi_documents_t *documents, ihanoi_place_t *place,
    const char *kind)
{
    int                 rc;
    size_t              len;
    json_t             *ref;
    unsigned            hops;
    ihanoi_place_t      to;
    static const char  *known[] = { "$ref", "summary", "description", NULL };

    for (hops = 0; hops < 8; hops++) {

        if (!json_is_object(place->value)) {
            return ihanoi_document_refuse(documents, place,
                                          "must be an object");
        }

        ref = json_object_get(place->value, "$ref");
        if (ref == NULL) {
            return IHANOI_OK;
        }

        if (!json_is_string(ref)) {
            return ihanoi_document_refuse(documents, place,
                                          "\"$ref\" must be a string");
        }

        rc = ihanoi_place_members_known(documents, place, known, "reference");
        if (rc != IHANOI_OK) {
            return rc;
        }

        rc = ihanoi_document_resolve(documents, place, json_string_value(ref),
                                     &to);
        if (rc != IHANOI_OK) {
            return rc;
        }

        len = strlen(kind);

        /* "/components/" */

        if (strncmp(to.pointer + 12, kind, len) != 0
            || to.pointer[12 + len] != '/'
            || strchr(to.pointer + 12 + len + 1, '/') != NULL)
        {
            return ihanoi_document_refuse(documents, place,
                                          "\"$ref\" must name one of the "
                                          "components' %s", kind);
        }

        *place = to;
    }

    return ihanoi_document_refuse(documents, place,
                                  "references lead nowhere");
}


int
ihanoi_place_member(ihanoi_documents_t *documents, const ihanoi_place_t *from,
    const char *name, ihanoi_place_t *to)
{
    ihanoi_place_t  place;

    place.document = from->document;
    place.pointer = from->pointer;
    place.value = json_object_get(from->value, name);

    if (place.value != NULL) {
        place.pointer = ihanoi_document_escape(documents, from->pointer, name);

        if (place.pointer == NULL) {
            return ihanoi_document_no_memory(documents);
        }
    }

    *to = place;

    return IHANOI_OK;
}


int
ihanoi_place_item(ihanoi_documents_t *documents, const ihanoi_place_t *from,
    size_t i, ihanoi_place_t *to)
{
    to->document = from->document;
    to->value = json_array_get(from->value, i);
    to->pointer = ihanoi_arena_printf(documents->arena, "%s/%u", from->pointer,
                                      (unsigned) i);
    if (to->pointer == NULL) {
        return ihanoi_document_no_memory(documents);
    }

    return IHANOI_OK;
}


int
ihanoi_place_members_known(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *const *known, const char *what)
{
    void               *iter;
    const char         *key, *const *name;

    if (!json_is_object(place->value)) {
        return ihanoi_document_refuse(documents, place,
                                      "%s must be an object", what);
    }

    for (iter = json_object_iter(place->value);
         iter;
         iter = json_object_iter_next(place->value, iter))
    {
        key = json_object_iter_key(iter);

        for (name = known; *name; name++) {
            if (strcmp(*name, key) == 0) {
                break;
            }
        }

        if (*name == NULL
            && (strncmp(key, "x-", 2) != 0
                || strncmp(key, "x-ihanoi-", 9) == 0))
        {
            return ihanoi_document_refuse(documents, place,
                                          "unknown member \"%.100s\" of %s",
                                          key, what);
        }
    }

    return ihanoi_document_notes(documents, place);
}


/* What is for readers of the merged document only: tools stumble over others. */

static int
ihanoi_document_notes(ihanoi_documents_t *documents,
    const ihanoi_place_t *place)
{
    size_t         i;
    json_type      type;
    unsigned       k;
    const json_t  *value, *tag;

    static const struct {
        const char  *name;
        json_type    type;
        const char  *what;
    } notes[] = {
        { "summary", JSON_STRING, "a string" },
        { "description", JSON_STRING, "a string" },
        { "deprecated", JSON_TRUE, "true or false" },
        { "required", JSON_TRUE, "true or false" },
        { "explode", JSON_TRUE, "true or false" },
        { "externalDocs", JSON_OBJECT, "an object" },
        { "servers", JSON_ARRAY, "a list" },
        { "tags", JSON_ARRAY, "a list" },
    };

    for (k = 0; k < sizeof(notes) / sizeof(notes[0]); k++) {
        value = json_object_get(place->value, notes[k].name);

        if (value == NULL) {
            continue;
        }

        type = json_is_false(value) ? JSON_TRUE : json_typeof(value);

        if (type != notes[k].type) {
            return ihanoi_document_refuse(documents, place,
                                          "\"%s\" must be %s",
                                          notes[k].name, notes[k].what);
        }
    }

    /* names, and in the document itself objects with one */

    value = json_object_get(place->value, "tags");

    for (i = 0; i < json_array_size(value); i++) {
        tag = json_array_get(value, i);

        if (*place->pointer == '\0') {
            tag = json_object_get(tag, "name");
        }

        if (!json_is_string(tag)) {
            return ihanoi_document_refuse(documents, place,
                                          "one of \"tags\" has no name");
        }
    }

    return IHANOI_OK;
}


static char *
ihanoi_document_escape(ihanoi_documents_t *documents, const char *pointer,
    const char *name)
{
    char        *text, *p;
    size_t       len;
    const char  *in;

    len = strlen(pointer);

    text = ihanoi_arena_alloc(documents->arena, len + 2 * strlen(name) + 2);
    if (text == NULL) {
        return NULL;
    }

    memcpy(text, pointer, len);
    p = text + len;
    *p++ = '/';

    for (in = name; *in; in++) {

        if (*in == '~' || *in == '/') {
            *p++ = '~';
            *p++ = *in == '~' ? '0' : '1';
            continue;
        }

        *p++ = *in;
    }

    return text;
}


int
ihanoi_document_refuse(ihanoi_documents_t *documents,
    const ihanoi_place_t *place, const char *fmt, ...)
{
    va_list                   args;
    ihanoi_contract_error_t  *err;

    err = documents->err;

    (void) snprintf(err->file, sizeof(err->file), "%s", place->document->path);
    (void) snprintf(err->pointer, sizeof(err->pointer), "%s", place->pointer);

    va_start(args, fmt);
    (void) vsnprintf(err->reason, sizeof(err->reason), fmt, args);
    va_end(args);

    return IHANOI_INVALID;
}


int
ihanoi_document_no_memory(ihanoi_documents_t *documents)
{
    ihanoi_contract_error_t  *err;

    err = documents->err;
    err->file[0] = '\0';
    err->pointer[0] = '\0';

    (void) snprintf(err->reason, sizeof(err->reason), "out of memory");

    return IHANOI_NOMEM;
}


void
ihanoi_document_printable(ihanoi_contract_error_t *err)
{
    ihanoi_document_printable_text(err->pointer);
    ihanoi_document_printable_text(err->reason);
}


static void
ihanoi_document_printable_text(char *text)
{
    char    *end;
    size_t   len;

    for (end = text + strlen(text); text < end; text += len) {
        len = ihanoi_utf8_length(text, end);

        /* C0 and DEL; C1 is 0xC2 and 0x80 to 0x9F */

        if (len == 0 || (unsigned char) *text < ' ' || *text == 0x7f) {
            *text = '?';
            len = 1;

        } else if (len == 2 && (unsigned char) text[0] == 0xc2
                   && (unsigned char) text[1] < 0xa0)
        {
            text[0] = '?';
            text[1] = '?';
        }
    }
}


static void
ihanoi_document_free(void *data)
{
    json_decref(data);
}
