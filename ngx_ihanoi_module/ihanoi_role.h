/*
 * Copyright (C) iHaNoi contributors
 *
 * What the database role of a plugin reaches beyond the plugin's own schemas.
 *
 * One query, asked by the gateway when a connection stands and by "ihanoi
 * plugin check --database" before there is a gateway.
 */

#ifndef _IHANOI_ROLE_H_INCLUDED_
#define _IHANOI_ROLE_H_INCLUDED_


/*
 *   $1 jsonb   names of roles, or null for the one that asks
 *   $2 text    the plugin's name; its schemas are plugin_NAME, those of its
 *              versions, code_NAME_1_4_0_..., of the same owner, and what the
 *              roles own
 *   $3 text    one more schema of its own, or null
 *
 * A row for each finding, at most 20:
 *
 *   grave boolean   it reaches data, or what others run
 *   finding text    a sentence about the role, with names of objects only
 */
extern const char  ihanoi_role_sql[];


#endif /* _IHANOI_ROLE_H_INCLUDED_ */
