/*
 * Copyright (C) iHaNoi contributors
 *
 * Contracts: OpenAPI 3.1 documents compiled into routes and validators.
 *
 * A library without nginx in it.  Everything is compiled once, is immutable
 * afterwards and may be read by any number of requests.  The caller lends
 * memory for one request through ihanoi_alloc_t; nothing is freed singly.
 */

#ifndef _IHANOI_CONTRACT_H_INCLUDED_
#define _IHANOI_CONTRACT_H_INCLUDED_


#include "ihanoi_types.h"


/*
 * Reads and compiles the documents of files[0 .. n-1] and everything they
 * refer to.  Returns NULL with *err filled: the first fault found.
 */
ihanoi_contract_t *ihanoi_contract_load(const char *const *files, unsigned n,
    ihanoi_contract_error_t *err);

void ihanoi_contract_free(ihanoi_contract_t *contract);

/* How many there are, and the contract's own array of them. */
unsigned ihanoi_contract_operations(const ihanoi_contract_t *contract,
    const ihanoi_operation_t *const **operations);
unsigned ihanoi_contract_problems(const ihanoi_contract_t *contract,
    const ihanoi_problem_text_t **problems);

/* The merged document as JSON text, and SHA-256 over it in hex. */
ihanoi_str_t ihanoi_contract_document(const ihanoi_contract_t *contract);
const char *ihanoi_contract_hash(const ihanoi_contract_t *contract);

/*
 * Finds the operations of a path as the client sent it: percent-encoded,
 * without query.  Literal segments win over {templates}.  Returns 1 when the
 * path exists (match->by_method tells which methods do), 0 for 404.
 */
int ihanoi_contract_match(const ihanoi_contract_t *contract, const char *path,
    size_t len, ihanoi_match_t *match);

/*
 * ihanoi_input_init() makes room for the operation's values.  The others check
 * and convert one place each; all violations found are collected, so a caller
 * goes through path, query and headers before it looks at nviolations, then
 * through the body.  Each returns 0, or -1 when memory failed.
 *
 * _query() takes the raw query string: an unknown or repeated parameter is a
 * violation.  _header() is called for each header argument with the value or
 * {NULL, 0}.  _conditions() is told which of the two headers a request has.
 * _body() takes the whole body, media type checked before.
 */
int ihanoi_input_init(ihanoi_input_t *in, const ihanoi_operation_t *op,
    const ihanoi_alloc_t *alloc);
int ihanoi_input_path(ihanoi_input_t *in, const ihanoi_match_t *match);
int ihanoi_input_query(ihanoi_input_t *in, const char *query, size_t len);
int ihanoi_input_header(ihanoi_input_t *in, unsigned argument,
    ihanoi_str_t value);
int ihanoi_input_conditions(ihanoi_input_t *in, int if_match,
    int if_none_match);
int ihanoi_input_body(ihanoi_input_t *in, const char *data, size_t len);

/*
 * Holds a body against the schema of a response, for tests and the replies of
 * plugins.  type is its media type, NULL for the first JSON one; what is not
 * JSON has no schema.  in comes from ihanoi_input_init() and collects the
 * violations.  0, or -1 when memory failed.
 */
int ihanoi_operation_check_response(const ihanoi_operation_t *op,
    unsigned status, const char *type, const char *data, size_t len,
    ihanoi_input_t *in);


#endif /* _IHANOI_CONTRACT_H_INCLUDED_ */
