/*
 * Copyright (C) iHaNoi contributors
 *
 * The interfaces of plugin.json: functions for other plugins, and of other
 * plugins; the schemas of what they take and return.
 */

#include <stdio.h>
#include <string.h>

#include "ihanoi_hint.h"
#include "ihanoi_jansson.h"
#include "ihanoi_json.h"
#include "ihanoi_manifest_reader.h"
#include "ihanoi_schema.h"


static int ihanoi_manifest_schemas(ihanoi_manifest_reader_t *reader,
    unsigned n, ihanoi_interface_t *offer);
static int ihanoi_manifest_schema_of(ihanoi_manifest_reader_t *reader,
    const ihanoi_place_t *place, const char *name,
    const ihanoi_schema_t **schema);


int
ihanoi_manifest_offers(ihanoi_manifest_reader_t *reader)
{
    int                  rc;
    char                 pointer[64];
    unsigned             i, j;
    const json_t        *list, *value;
    ihanoi_manifest_t   *manifest;
    ihanoi_interface_t  *offer;

    manifest = reader->manifest;
    list = json_object_get(json_object_get(reader->root.value,
                                           "interfaces"), "offers");

    manifest->offers = ihanoi_manifest_list(reader, list,
                                            sizeof(ihanoi_interface_t),
                                            &manifest->noffers);
    if (manifest->offers == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < manifest->noffers; i++) {
        value = json_array_get(list, i);
        offer = &manifest->offers[i];

        offer->plugin = manifest->name;
        offer->name = json_string_value(json_object_get(value, "name"));
        offer->version = ihanoi_manifest_integer(value, "version", 0);

        (void) snprintf(pointer, sizeof(pointer), "/interfaces/offers/%u", i);

        for (j = 0; j < i; j++) {
            if (strcmp(manifest->offers[j].name, offer->name) == 0
                && manifest->offers[j].version == offer->version)
            {
                return ihanoi_manifest_refuse(reader, pointer, "version %u of "
                                              "\"%s\" is offered twice",
                                              offer->version, offer->name);
            }
        }

        rc = ihanoi_manifest_names(reader, json_object_get(value, "functions"),
                                   &offer->functions);

        if (rc == IHANOI_OK) {
            rc = ihanoi_manifest_handler(reader, pointer);
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_manifest_schemas(reader, i, offer);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


int
ihanoi_manifest_uses(ihanoi_manifest_reader_t *reader)
{
    char                 pointer[64];
    unsigned             i, j;
    const json_t        *list, *value;
    ihanoi_manifest_t   *manifest;
    ihanoi_interface_t  *use;

    manifest = reader->manifest;
    list = json_object_get(json_object_get(reader->root.value,
                                           "interfaces"), "uses");

    manifest->uses = ihanoi_manifest_list(reader, list,
                                          sizeof(ihanoi_interface_t),
                                          &manifest->nuses);
    if (manifest->uses == NULL) {
        return IHANOI_NOMEM;
    }

    for (i = 0; i < manifest->nuses; i++) {
        value = json_array_get(list, i);
        use = &manifest->uses[i];

        use->plugin = json_string_value(json_object_get(value, "plugin"));
        use->name = json_string_value(json_object_get(value, "name"));
        use->version = ihanoi_manifest_integer(value, "version", 0);

        if (strcmp(use->plugin, manifest->name) == 0) {
            (void) snprintf(pointer, sizeof(pointer),
                            "/interfaces/uses/%u/plugin", i);

            return ihanoi_manifest_refuse(reader, pointer, "a plugin calls "
                                          "its own functions directly");
        }

        for (j = 0; j < i; j++) {
            if (strcmp(manifest->uses[j].plugin, use->plugin) == 0
                && strcmp(manifest->uses[j].name, use->name) == 0)
            {
                (void) snprintf(pointer, sizeof(pointer),
                                "/interfaces/uses/%u", i);

                return ihanoi_manifest_refuse(reader, pointer, "\"%s.%s\" is "
                                              "used twice", use->plugin,
                                              use->name);
            }
        }
    }

    return IHANOI_OK;
}


/* "schemas": { "price": { "argument": {...}, "result": {...} } }, of offer n. */

static int
ihanoi_manifest_schemas(ihanoi_manifest_reader_t *reader, unsigned n,
    ihanoi_interface_t *offer)
{
    int              rc;
    char             pointer[128];
    void            *iter;
    unsigned         i;
    ihanoi_arena_t  *arena;
    ihanoi_place_t   interfaces, offers, place, schemas, function;

    arena = reader->manifest->arena;

    offer->arguments = ihanoi_arena_alloc(arena, offer->functions.n
                                              * sizeof(ihanoi_schema_t *));
    offer->results = ihanoi_arena_alloc(arena, offer->functions.n
                                              * sizeof(ihanoi_schema_t *));

    if (offer->arguments == NULL || offer->results == NULL) {
        return ihanoi_document_no_memory(&reader->documents);
    }

    rc = ihanoi_place_member(&reader->documents, &reader->root, "interfaces",
                             &interfaces);
    if (rc == IHANOI_OK) {
        rc = ihanoi_place_member(&reader->documents, &interfaces, "offers",
                                 &offers);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_place_item(&reader->documents, &offers, n, &place);
    }

    if (rc == IHANOI_OK) {
        rc = ihanoi_place_member(&reader->documents, &place, "schemas",
                                 &schemas);
    }

    if (rc != IHANOI_OK || schemas.value == NULL) {
        return rc;
    }

    for (iter = json_object_iter(schemas.value);
         iter;
         iter = json_object_iter_next(schemas.value, iter))
    {
        for (i = 0; i < offer->functions.n; i++) {
            if (strcmp(offer->functions.names[i], json_object_iter_key(iter))
                == 0)
            {
                break;
            }
        }

        if (i == offer->functions.n) {
            (void) snprintf(pointer, sizeof(pointer),
                            "/interfaces/offers/%u/schemas", n);

            return ihanoi_manifest_refuse(reader, pointer, "\"%.64s\" is none "
                                          "of the interface's functions",
                                          json_object_iter_key(iter));
        }

        rc = ihanoi_place_member(&reader->documents, &schemas,
                                 json_object_iter_key(iter), &function);

        if (rc == IHANOI_OK) {
            rc = ihanoi_manifest_schema_of(reader, &function, "argument",
                                           &offer->arguments[i]);
        }

        if (rc == IHANOI_OK) {
            rc = ihanoi_manifest_schema_of(reader, &function, "result",
                                           &offer->results[i]);
        }

        if (rc != IHANOI_OK) {
            return rc;
        }
    }

    return IHANOI_OK;
}


static int
ihanoi_manifest_schema_of(ihanoi_manifest_reader_t *reader,
    const ihanoi_place_t *place, const char *name,
    const ihanoi_schema_t **schema)
{
    int               rc;
    ihanoi_place_t    member;
    ihanoi_schemas_t  schemas;

    rc = ihanoi_place_member(&reader->documents, place, name, &member);
    if (rc != IHANOI_OK || member.value == NULL) {
        return rc;
    }

    memset(&schemas, 0, sizeof(ihanoi_schemas_t));
    schemas.documents = &reader->documents;

    *schema = ihanoi_schema_compile(&schemas, &member);

    return *schema ? IHANOI_OK : IHANOI_INVALID;
}


const char *
ihanoi_manifest_interface_check(const ihanoi_schema_t *schema,
    const char *text, size_t len, char *where, size_t size)
{
    int                             rc;
    json_t                         *value;
    static ihanoi_contract_error_t  err;

    if (schema == NULL) {
        return NULL;
    }

    value = ihanoi_jansson_read(text, len, JSON_DECODE_ANY, NULL);

    if (value == NULL) {
        (void) snprintf(where, size, "/");
        return "it cannot be read";
    }

    memset(&err, 0, sizeof(ihanoi_contract_error_t));

    rc = ihanoi_hint_validate(schema, value, &err);

    json_decref(value);

    if (rc == IHANOI_OK) {
        return NULL;
    }

    (void) snprintf(where, size, "%s", err.pointer);

    return err.reason;
}
