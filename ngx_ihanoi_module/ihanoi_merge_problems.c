/*
 * Copyright (C) iHaNoi contributors
 *
 * The refusals in the merged document, and 304: clients are made from it.
 *
 * By its status stands what the gateway itself makes of an operation's security,
 * parameters, body and key.  What functions and handlers refuse beside that is
 * known of a document only: "default".
 */

#include <string.h>

#include "ihanoi_jansson.h"
#include "ihanoi_json.h"
#include "ihanoi_merge.h"
#include "ihanoi_operation.h"


/* what of an operation may be refused */

#define IHANOI_MERGE_ANY        0x0001
#define IHANOI_MERGE_TOKEN      0x0002
#define IHANOI_MERGE_RIGHTS     0x0004    /* scopes, assurance */
#define IHANOI_MERGE_PATH       0x0008
#define IHANOI_MERGE_ACCEPT     0x0010
#define IHANOI_MERGE_KEY        0x0020
#define IHANOI_MERGE_CONDITION  0x0040    /* If-Match */
#define IHANOI_MERGE_REQUIRED   0x0080    /* one that has to be there */
#define IHANOI_MERGE_BODY       0x0100
#define IHANOI_MERGE_TAG        0x0200    /* the gateway compares it */


/* what stands in the head of a refusal */

#define IHANOI_MERGE_DOCUMENT   0x01      /* of all with a document */
#define IHANOI_MERGE_CHALLENGE  0x02
#define IHANOI_MERGE_OFFER      0x04
#define IHANOI_MERGE_ETAG       0x08


static const struct {
    unsigned                  header;
    const char               *name;
    const char               *type;
    const char               *description;
} ihanoi_merge_header_rows[] = {

    { IHANOI_MERGE_DOCUMENT, "Content-Language", "string",
      "That of \"title\" and \"detail\": vi or en, by Accept-Language." },

    /* a service may say when of each of its refusals, whatever their status */

    { IHANOI_MERGE_DOCUMENT, "Retry-After", "integer",
      "Seconds, where it is known." },

    { IHANOI_MERGE_CHALLENGE, "WWW-Authenticate", "string",
      "Bearer, and what is wrong with the token that was sent (RFC 6750)." },

    { IHANOI_MERGE_OFFER, "Accept", "string",
      "The media types of bodies, where it had another." },

    { IHANOI_MERGE_OFFER, "Accept-Encoding", "string",
      "identity, where the body was compressed." },

    { IHANOI_MERGE_ETAG, "ETag", "string",
      "That of what the client has." },

    { 0, NULL, NULL, NULL }
};


static const struct {
    const char               *status;
    const char               *name;       /* of the component */
    unsigned                  of;
    unsigned                  headers;    /* beside its document's */
    const char               *description;
} ihanoi_merge_problem_rows[] = {

    /* "default" would promise a problem document */

    { "304", "NotModified", IHANOI_MERGE_TAG, IHANOI_MERGE_ETAG,
      "It is still what If-None-Match names: nothing is sent." },

    { "400", "BadRequest", IHANOI_MERGE_ANY, 0,
      "Malformed, or not as this contract says: \"errors\" tells where." },

    { "401", "Unauthorized", IHANOI_MERGE_TOKEN, IHANOI_MERGE_CHALLENGE,
      "No access token, or one that is not valid any more." },

    { "403", "Forbidden", IHANOI_MERGE_RIGHTS, IHANOI_MERGE_CHALLENGE,
      "The token lacks a scope, the account is not verified as strongly as is "
      "needed, or the caller may not do this." },

    { "404", "NotFound", IHANOI_MERGE_PATH, 0,
      "Not there, or not for this caller." },

    { "406", "NotAcceptable", IHANOI_MERGE_ACCEPT, 0,
      "None of the media types in Accept is answered here." },

    { "408", "RequestTimeout", IHANOI_MERGE_BODY, 0,
      "The body took too long to come." },

    { "409", "Conflict", IHANOI_MERGE_KEY, 0,
      "A request with this Idempotency-Key is under way, or the state does not "
      "allow it." },

    { "412", "PreconditionFailed", IHANOI_MERGE_CONDITION, 0,
      "It is not any more what If-Match names: fetch it again." },

    { "413", "ContentTooLarge", IHANOI_MERGE_BODY, 0,
      "The body is larger than the gateway takes." },

    { "415", "UnsupportedMediaType", IHANOI_MERGE_BODY, IHANOI_MERGE_OFFER,
      "The body is of another media type, or compressed." },

    { "422", "UnprocessableContent", IHANOI_MERGE_KEY, 0,
      "This Idempotency-Key was another request's, or the service cannot do "
      "what is asked." },

    { "428", "PreconditionRequired", IHANOI_MERGE_REQUIRED, 0,
      "If-Match is missing." },

    { "429", "TooManyRequests", IHANOI_MERGE_ANY, 0,
      "Too much of this client or caller." },

    { "503", "ServiceUnavailable", IHANOI_MERGE_ANY, 0,
      "Not now. After \"outcome-unknown\" it may have been done: repeat it with "
      "the same Idempotency-Key, or look first." },

    { "default", "Problem", IHANOI_MERGE_ANY, 0,
      "Any other refusal: \"type\" tells which." },

    { NULL, NULL, 0, 0, NULL }
};


static unsigned ihanoi_merge_problems_of(const ihanoi_operation_t *op);
static json_t *ihanoi_merge_problem_responses(void);
static json_t *ihanoi_merge_problem_headers(unsigned headers);
static json_t *ihanoi_merge_problem_schema(void);


int
ihanoi_merge_problems(json_t *merged, ihanoi_operation_t *const *operations,
    unsigned n)
{
    json_t                    *paths, *responses, *components;
    unsigned                   i, k, of;
    const ihanoi_operation_t  *op;

    paths = json_object_get(merged, "paths");

    for (i = 0; i < n; i++) {

        op = operations[i];
        of = ihanoi_merge_problems_of(op);

        responses = json_object_get(paths, op->path.data);
        responses = json_object_get(responses, ihanoi_methods[op->method]);
        responses = json_object_get(responses, "responses");

        for (k = 0; ihanoi_merge_problem_rows[k].status; k++) {

            if ((ihanoi_merge_problem_rows[k].of & of)
                && json_object_get(responses,
                                   ihanoi_merge_problem_rows[k].status)
                   == NULL
                && json_object_set_new(responses,
                              ihanoi_merge_problem_rows[k].status,
                              json_pack("{s:s+}", "$ref",
                                        "#/components/responses/",
                                        ihanoi_merge_problem_rows[k].name)))
            {
                return IHANOI_NOMEM;
            }
        }
    }

    /* names of documents' components have a dot */

    components = json_pack("{s:{s:o}, s:o}",
                           "schemas", "Problem", ihanoi_merge_problem_schema(),
                           "responses", ihanoi_merge_problem_responses());

    i = json_object_update_recursive(json_object_get(merged, "components"),
                                     components);
    json_decref(components);

    return i ? IHANOI_NOMEM : IHANOI_OK;
}


static unsigned
ihanoi_merge_problems_of(const ihanoi_operation_t *op)
{
    unsigned  i, of;

    of = IHANOI_MERGE_ANY;

    if (op->security != IHANOI_SECURITY_PUBLIC) {
        of |= IHANOI_MERGE_TOKEN;
    }

    if (op->nscopes || op->assurance != IHANOI_ASSURANCE_NONE) {
        of |= IHANOI_MERGE_RIGHTS;
    }

    if (op->nproduces) {
        of |= IHANOI_MERGE_ACCEPT;
    }

    if (op->idempotency != IHANOI_IDEMPOTENCY_NONE) {
        of |= IHANOI_MERGE_KEY;
    }

    /* the gateway holds it against the answer, but for one in parts */

    if (op->method == IHANOI_GET && !op->stream) {
        of |= IHANOI_MERGE_CONDITION|IHANOI_MERGE_TAG;
    }

    if (op->body) {
        of |= IHANOI_MERGE_BODY;
    }

    for (i = 0; i < op->narguments; i++) {

        if (op->arguments[i].in == IHANOI_IN_PATH) {
            of |= IHANOI_MERGE_PATH;
        }

        if (op->arguments[i].if_match) {
            of |= IHANOI_MERGE_CONDITION;

            if (op->arguments[i].required) {
                of |= IHANOI_MERGE_REQUIRED;
            }
        }
    }

    return of;
}


static json_t *
ihanoi_merge_problem_responses(void)
{
    json_t    *all, *response;
    unsigned   k, headers;

    all = json_object();

    for (k = 0; all && ihanoi_merge_problem_rows[k].status; k++) {

        response = json_pack("{s:s}", "description",
                             ihanoi_merge_problem_rows[k].description);

        headers = ihanoi_merge_problem_rows[k].headers;

        if (ihanoi_merge_problem_rows[k].of != IHANOI_MERGE_TAG) {
            headers |= IHANOI_MERGE_DOCUMENT;

            if (json_object_set_new(response, "content",
                                    json_pack("{s:{s:{s:s}}}",
                                      "application/problem+json", "schema",
                                      "$ref", "#/components/schemas/Problem")))
            {
                json_decref(response);
                response = NULL;
            }
        }

        if (json_object_set_new(response, "headers",
                                ihanoi_merge_problem_headers(headers)))
        {
            json_decref(response);
            response = NULL;
        }

        if (json_object_set_new(all, ihanoi_merge_problem_rows[k].name,
                                response))
        {
            json_decref(all);
            all = NULL;
        }
    }

    return all;
}


static json_t *
ihanoi_merge_problem_headers(unsigned headers)
{
    json_t    *all;
    unsigned   i;

    all = json_object();

    for (i = 0; all && ihanoi_merge_header_rows[i].name; i++) {

        if ((ihanoi_merge_header_rows[i].header & headers)
            && json_object_set_new(all, ihanoi_merge_header_rows[i].name,
                   json_pack("{s:s, s:{s:s}}",
                             "description",
                             ihanoi_merge_header_rows[i].description,
                             "schema", "type",
                             ihanoi_merge_header_rows[i].type)))
        {
            json_decref(all);
            all = NULL;
        }
    }

    return all;
}


static json_t *
ihanoi_merge_problem_schema(void)
{
    static const char  text[] =
        "{\"type\":\"object\",\"description\":\"RFC 9457, in Vietnamese or "
        "English by Accept-Language. A refusal may have members of its own."
        "\",\"required\":[\"type\",\"title\",\"status\"],"
        "\"additionalProperties\":true,\"properties\":{"
        "\"type\":{\"type\":\"string\",\"description\":\"urn:ihanoi:problem: "
        "and the code\"},"
        "\"title\":{\"type\":\"string\"},"
        "\"status\":{\"type\":\"integer\",\"minimum\":400,\"maximum\":599},"
        "\"detail\":{\"type\":\"string\"},"
        "\"instance\":{\"type\":\"string\",\"description\":"
        "\"urn:ihanoi:request: and the id in the gateway's log\"},"
        "\"retry_after\":{\"type\":\"integer\",\"description\":"
        "\"Seconds, of a service that knows when it is worth to come again"
        "\"},"
        "\"errors\":{\"type\":\"array\",\"description\":\"Violations of this "
        "contract, of invalid-request\",\"items\":{\"type\":\"object\","
        "\"required\":[\"in\",\"keyword\",\"message\"],\"properties\":{"
        "\"in\":{\"enum\":[\"path\",\"query\",\"header\",\"body\"]},"
        "\"pointer\":{\"type\":\"string\",\"description\":\"In the body"
        "\"},"
        "\"parameter\":{\"type\":\"string\"},"
        "\"keyword\":{\"type\":\"string\"},"
        "\"message\":{\"type\":\"string\",\"description\":\"English, for "
        "developers\"}}}}}}";

    return ihanoi_jansson_read(text, strlen(text), 0, NULL);
}
