/*
 * Copyright (C) iHaNoi contributors
 *
 * Contracts: the types that their users see.  The functions are in
 * ihanoi_contract.h; the library's own files include this page alone.
 */

#ifndef _IHANOI_TYPES_H_INCLUDED_
#define _IHANOI_TYPES_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define IHANOI_MAX_VIOLATIONS   20
#define IHANOI_MAX_PATH_ARGS    8
#define IHANOI_MAX_MESSAGE      256


typedef struct ihanoi_contract_s  ihanoi_contract_t;
typedef struct ihanoi_schema_s    ihanoi_schema_t;


typedef struct {
    const char               *data;
    size_t                    len;
} ihanoi_str_t;


/* Memory of one request: returns NULL when there is none left. */
typedef struct {
    void                   *(*alloc)(void *ctx, size_t size);
    void                     *ctx;
} ihanoi_alloc_t;


/* Where and why a document is refused; pointer is RFC 6901. */
typedef struct {
    char                      file[256];
    char                      pointer[512];
    char                      reason[512];
} ihanoi_contract_error_t;


typedef enum {
    IHANOI_GET = 0,
    IHANOI_POST,
    IHANOI_PUT,
    IHANOI_PATCH,
    IHANOI_DELETE,
    IHANOI_METHODS
} ihanoi_method_e;


typedef enum {
    IHANOI_IN_PATH = 0,
    IHANOI_IN_QUERY,
    IHANOI_IN_HEADER,
    IHANOI_IN_BODY
} ihanoi_in_e;


typedef enum {
    IHANOI_POOL_READ = 0,
    IHANOI_POOL_WRITE,
    IHANOI_POOL_SLOW,
    IHANOI_POOLS
} ihanoi_pool_e;


typedef enum {
    IHANOI_SECURITY_PUBLIC = 0,    /* a token is not even looked at */
    IHANOI_SECURITY_OPTIONAL,      /* none is fine, a bad one is 401 */
    IHANOI_SECURITY_TOKEN
} ihanoi_security_e;


typedef enum {
    IHANOI_ASSURANCE_NONE = 0,
    IHANOI_ASSURANCE_DECLARED,
    IHANOI_ASSURANCE_PHONE,
    IHANOI_ASSURANCE_VERIFIED
} ihanoi_assurance_e;

/* As contracts and tokens write them, by the above; ended by NULL. */
extern const char *const  ihanoi_assurances[];


/* Of POST; of other methods IHANOI_IDEMPOTENCY_NONE. */
typedef enum {
    IHANOI_IDEMPOTENCY_NONE = 0,   /* no token, the function has to see to it */
    IHANOI_IDEMPOTENCY_OPTIONAL,
    IHANOI_IDEMPOTENCY_REQUIRED
} ihanoi_idempotency_e;


/*
 * One argument of the SQL function after "caller", in the order in which the
 * generated statement binds them ($2, $3 ...).
 */
typedef struct {
    ihanoi_str_t              name;       /* "If-Match", as the client says */
    ihanoi_str_t              sql_name;   /* "if_match" */
    ihanoi_str_t              sql_type;   /* "uuid", "jsonb" ... */
    ihanoi_in_e               in;
    unsigned                  required:1;
    unsigned                  list:1;     /* query: comma-separated array */
    unsigned                  if_match:1;
    const ihanoi_schema_t    *schema;     /* NULL for If-Match */
    ihanoi_str_t              default_text;  /* as SQL text; data NULL: none */
} ihanoi_argument_t;


typedef struct {
    ihanoi_str_t              type;       /* "application/json", lower case */
    ihanoi_str_t              suffix;     /* "json" of "/x/{id}.{format}" */
} ihanoi_media_t;


typedef struct {
    ihanoi_str_t              id;         /* operationId */
    ihanoi_str_t              path;       /* template, as documented */
    ihanoi_str_t              document;   /* "NAME.json" of its file */
    ihanoi_method_e           method;
    unsigned                  index;      /* 0 .. contract->noperations - 1 */

    ihanoi_str_t              sql;        /* function name, or data NULL */
    ihanoi_str_t              lua;        /* handler's name, or data NULL */
    ihanoi_str_t              host;       /* what the host adds, or NULL */
    ihanoi_pool_e             pool;
    unsigned                  timeout;    /* ms, 0: the pool's default */

    ihanoi_security_e         security;
    ihanoi_assurance_e        assurance;
    ihanoi_str_t             *scopes;
    unsigned                  nscopes;

    ihanoi_idempotency_e      idempotency;
    unsigned                  finish:1;   /* though its client goes away */
    unsigned                  stream:1;   /* answered in parts */
    unsigned                  query_open:1;   /* others than declared pass */
    unsigned                  body_required:1;
    unsigned                  body_whole:1;   /* one argument "body" */

    ihanoi_argument_t        *arguments;
    unsigned                  narguments;

    const ihanoi_schema_t    *body;       /* NULL: the operation has none */
    ihanoi_media_t           *consumes;   /* request media types */
    unsigned                  nconsumes;
    ihanoi_media_t           *produces;   /* of 2xx responses, first: default */
    unsigned                  nproduces;
} ihanoi_operation_t;


/* A row of "x-ihanoi-problems". detail texts may hold {member}. */
typedef struct {
    ihanoi_str_t              code;
    unsigned                  status;
    ihanoi_str_t              title_vi;
    ihanoi_str_t              title_en;
    ihanoi_str_t              detail_vi;  /* data NULL: none */
    ihanoi_str_t              detail_en;
} ihanoi_problem_text_t;


typedef struct {
    const ihanoi_operation_t *by_method[IHANOI_METHODS];
    ihanoi_str_t              args[IHANOI_MAX_PATH_ARGS];  /* still encoded */
    ihanoi_str_t              names[IHANOI_MAX_PATH_ARGS];
    unsigned                  nargs;
    ihanoi_str_t              suffix;     /* the {format} found, or data NULL */
} ihanoi_match_t;


typedef struct {
    ihanoi_in_e               in;
    char                      pointer[256];   /* into the body */
    ihanoi_str_t              parameter;      /* other places */
    char                      keyword[32];    /* schema keyword, "syntax" ... */
    char                      message[IHANOI_MAX_MESSAGE];  /* English */
} ihanoi_violation_t;


/*
 * One request's values on their way from the client to SQL.
 *
 * values[i] belongs to op->arguments[i]: NUL-terminated text, NULL is SQL
 * null; it is what PQsendQueryPrepared takes.
 */
typedef struct {
    const ihanoi_operation_t *op;
    ihanoi_alloc_t            alloc;
    const char              **values;

    ihanoi_violation_t       *violations;
    unsigned                  nviolations;
    unsigned                  precondition_missing:1;  /* If-Match: 428 */
    unsigned                  keyed:1;    /* has an Idempotency-Key */
    uint64_t                  large;      /* as that of the body's check */
    size_t                    steps;      /* what is left of the budget */

    unsigned char             json[32];   /* keyed: SHA-256 of the body, whichever
                                             way it is written */
} ihanoi_input_t;


#endif /* _IHANOI_TYPES_H_INCLUDED_ */
