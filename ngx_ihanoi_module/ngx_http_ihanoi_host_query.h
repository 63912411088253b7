/*
 * Copyright (C) iHaNoi contributors
 *
 * Statements that Lua writes: their texts and those of their values.
 *
 * Both take the arguments of a function of ihanoi.db, (sql, values?) or (name,
 * arguments?), leave the statement at index *text and a text or nil for each of
 * its values on the top of the stack, and return how many these are.  What an
 * author has got wrong they raise; *refused becomes why a value cannot be sent,
 * or stays as it is.
 */

#ifndef _NGX_HTTP_IHANOI_HOST_QUERY_H_INCLUDED_
#define _NGX_HTTP_IHANOI_HOST_QUERY_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>

#include <lua.h>


int ngx_http_ihanoi_host_query_sql(lua_State *L, int *text,
    const char **refused);
int ngx_http_ihanoi_host_query_call(lua_State *L, int *text,
    const char **refused);


#endif /* _NGX_HTTP_IHANOI_HOST_QUERY_H_INCLUDED_ */
