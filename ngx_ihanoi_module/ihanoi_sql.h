/*
 * Copyright (C) iHaNoi contributors
 *
 * What the host has to know of a plugin's SQL before it is sent.  Whether it
 * is right is PostgreSQL's to say.
 */

#ifndef _IHANOI_SQL_H_INCLUDED_
#define _IHANOI_SQL_H_INCLUDED_


#include <stddef.h>


/* Parameters of one statement, and arguments of one function. */
#define IHANOI_SQL_PARAMETERS  100


/*
 * The highest n of the $n in a statement, outside of its strings, quoted names
 * and comments; 0: there is none.  -1: it is beyond IHANOI_SQL_PARAMETERS.
 */
int ihanoi_sql_parameters(const char *sql, size_t len);

/* 1 when a text is a name that needs no quotes: small letters, digits, _. */
int ihanoi_sql_is_name(const char *name, size_t len);


#endif /* _IHANOI_SQL_H_INCLUDED_ */
