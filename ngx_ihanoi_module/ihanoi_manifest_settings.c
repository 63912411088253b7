/*
 * Copyright (C) iHaNoi contributors
 *
 * What the operator sets for a plugin: names and texts in, JSON out.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ihanoi_hint.h"
#include "ihanoi_json.h"
#include "ihanoi_manifest_reader.h"
#include "ihanoi_schema.h"


static int ihanoi_manifest_settings_fill(ihanoi_manifest_t *manifest,
    const json_t *given, json_t *settings, ihanoi_contract_error_t *err);
static int ihanoi_manifest_setting(const ihanoi_schema_t *schema,
    const char *name, const char *text, json_t **value,
    ihanoi_contract_error_t *err);
static int ihanoi_manifest_setting_unknown(ihanoi_manifest_t *manifest,
    const char *name, ihanoi_contract_error_t *err);
static int ihanoi_manifest_setting_no_memory(ihanoi_contract_error_t *err);


int
ihanoi_manifest_settings_compile(ihanoi_manifest_reader_t *reader)
{
    int                     rc;
    void                   *iter;
    unsigned                i;
    const char             *text;
    ihanoi_place_t          place;
    ihanoi_schemas_t        schemas;
    ihanoi_manifest_t      *manifest;
    const ihanoi_schema_t  *schema;

    /* these would make names that nobody can list */

    static const char *const  loose[] = {
        "patternProperties", "propertyNames", "$ref", NULL
    };

    manifest = reader->manifest;

    rc = ihanoi_place_member(&reader->documents, &reader->root, "settings",
                             &place);
    if (rc != IHANOI_OK || place.value == NULL) {
        return rc;
    }

    for (i = 0; loose[i]; i++) {
        if (json_object_get(place.value, loose[i])) {
            return ihanoi_manifest_refuse(reader, "/settings", "\"%s\" cannot "
                                          "be used here: name the settings "
                                          "in \"properties\"", loose[i]);
        }
    }

    text = json_string_value(json_object_get(place.value, "type"));

    if (text == NULL || strcmp(text, "object") != 0
        || !json_is_object(json_object_get(place.value, "properties")))
    {
        return ihanoi_manifest_refuse(reader, "/settings", "must be of the "
                                      "type \"object\" and name the settings "
                                      "in \"properties\"");
    }

    memset(&schemas, 0, sizeof(ihanoi_schemas_t));
    schemas.documents = &reader->documents;

    schema = ihanoi_schema_compile(&schemas, &place);
    if (schema == NULL) {
        return IHANOI_INVALID;
    }

    for (iter = json_object_iter(json_object_get(place.value, "properties"));
         iter;
         iter = json_object_iter_next(json_object_get(place.value,
                                                      "properties"), iter))
    {
        if (json_object_get(json_object_iter_value(iter), "type") == NULL) {
            return ihanoi_manifest_refuse(reader, "/settings/properties",
                       "\"%.100s\" needs a \"type\": what the operator writes "
                       "is read by it", json_object_iter_key(iter));
        }
    }

    manifest->settings = schema;

    return IHANOI_OK;
}


const char *
ihanoi_manifest_settings(ihanoi_manifest_t *manifest, const json_t *given,
    ihanoi_contract_error_t *err)
{
    char    *text, *kept;
    json_t  *settings;

    memset(err, 0, sizeof(ihanoi_contract_error_t));

    settings = json_object();

    if (settings == NULL) {
        (void) ihanoi_manifest_setting_no_memory(err);
        return NULL;
    }

    if (ihanoi_manifest_settings_fill(manifest, given, settings, err)
        != IHANOI_OK)
    {
        ihanoi_document_printable(err);
        json_decref(settings);
        return NULL;
    }

    text = json_dumps(settings, JSON_COMPACT|JSON_SORT_KEYS);

    json_decref(settings);

    if (text == NULL) {
        (void) ihanoi_manifest_setting_no_memory(err);
        return NULL;
    }

    kept = ihanoi_arena_strndup(manifest->arena, text, strlen(text));

    free(text);

    if (kept == NULL) {
        (void) ihanoi_manifest_setting_no_memory(err);
    }

    return kept;
}


static int
ihanoi_manifest_settings_fill(ihanoi_manifest_t *manifest,
    const json_t *given, json_t *settings, ihanoi_contract_error_t *err)
{
    int                       rc;
    void                     *iter;
    json_t                   *value;
    unsigned                  i, n;
    const char               *name;
    const ihanoi_property_t  *property;

    n = manifest->settings ? manifest->settings->nproperties : 0;

    for (iter = json_object_iter((json_t *) given);
         iter;
         iter = json_object_iter_next((json_t *) given, iter))
    {
        name = json_object_iter_key(iter);
        property = NULL;

        for (i = 0; i < n; i++) {
            if (strcmp(manifest->settings->properties[i].name, name) == 0) {
                property = &manifest->settings->properties[i];
            }
        }

        if (property == NULL) {
            return ihanoi_manifest_setting_unknown(manifest, name, err);
        }

        rc = ihanoi_manifest_setting(property->schema, name,
                               json_string_value(json_object_iter_value(iter)),
                               &value, err);
        if (rc != IHANOI_OK) {
            return rc;
        }

        if (json_object_set_new(settings, name, value) != 0) {
            return ihanoi_manifest_setting_no_memory(err);
        }
    }

    for (i = 0; i < n; i++) {
        property = &manifest->settings->properties[i];
        value = (json_t *) ihanoi_schema_default(property->schema);

        if (value == NULL || json_object_get(settings, property->name)) {
            continue;
        }

        if (json_object_set_new(settings, property->name,
                                json_deep_copy(value))
            != 0)
        {
            return ihanoi_manifest_setting_no_memory(err);
        }
    }

    if (manifest->settings == NULL) {
        return IHANOI_OK;
    }

    return ihanoi_hint_validate(manifest->settings, settings, err);
}


/* A text as its schema reads it. */

static int
ihanoi_manifest_setting(const ihanoi_schema_t *schema, const char *name,
    const char *text, json_t **value, ihanoi_contract_error_t *err)
{
    int                     rc;
    unsigned                types;
    ihanoi_json_error_t     error;
    const ihanoi_schema_t  *typed;

    typed = ihanoi_schema_typed(schema);
    types = typed ? typed->types : 0;
    text = text ? text : "";

    if ((types & IHANOI_TYPE_BOOLEAN)
        && (strcmp(text, "on") == 0 || strcmp(text, "off") == 0))
    {
        *value = json_boolean(text[1] == 'n');
        return IHANOI_OK;
    }

    if (types & IHANOI_TYPE_STRING) {
        *value = json_string(text);

        if (*value == NULL) {
            (void) snprintf(err->pointer, sizeof(err->pointer), "/%s", name);
            (void) snprintf(err->reason, sizeof(err->reason),
                            "is not UTF-8");
            return IHANOI_INVALID;
        }

        return IHANOI_OK;
    }

    rc = ihanoi_json_read(text, strlen(text), IHANOI_JSON_DEPTH, NULL, value,
                          &error);

    if (rc == IHANOI_NOMEM) {
        return ihanoi_manifest_setting_no_memory(err);
    }

    if (rc == IHANOI_OK) {
        return IHANOI_OK;
    }

    (void) snprintf(err->pointer, sizeof(err->pointer), "/%s", name);
    (void) snprintf(err->reason, sizeof(err->reason),
                    "must be %s, got \"%.100s\"",
                    types & (IHANOI_TYPE_ARRAY|IHANOI_TYPE_OBJECT)
                    ? "a list or object in JSON"
                    : types & IHANOI_TYPE_BOOLEAN ? "on or off"
                    : types & IHANOI_TYPE_NUMBER ? "a number" : "an integer",
                    text);

    return IHANOI_INVALID;
}


static int
ihanoi_manifest_setting_unknown(ihanoi_manifest_t *manifest, const char *name,
    ihanoi_contract_error_t *err)
{
    const char  *near;

    (void) snprintf(err->pointer, sizeof(err->pointer), "/%s", name);

    if (manifest->settings == NULL) {
        (void) snprintf(err->reason, sizeof(err->reason),
                        "plugin \"%s\" has no settings", manifest->name);
        return IHANOI_INVALID;
    }

    near = ihanoi_hint_nearest(manifest->settings, name);

    (void) snprintf(err->reason, sizeof(err->reason),
                    "plugin \"%s\" has no setting \"%.100s\"%s%s%s",
                    manifest->name, name, near ? "; is \"" : "",
                    near ? near : "", near ? "\" meant?" : "");

    return IHANOI_INVALID;
}


static int
ihanoi_manifest_setting_no_memory(ihanoi_contract_error_t *err)
{
    err->pointer[0] = '\0';
    (void) snprintf(err->reason, sizeof(err->reason), "out of memory");

    return IHANOI_NOMEM;
}
