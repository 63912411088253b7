/*
 * Copyright (C) iHaNoi contributors
 *
 * The schema of plugin.json, as text: conf/plugin.schema.json.
 */

#ifndef _IHANOI_MANIFEST_SCHEMA_H_INCLUDED_
#define _IHANOI_MANIFEST_SCHEMA_H_INCLUDED_


extern const char  ihanoi_manifest_schema[];


#endif /* _IHANOI_MANIFEST_SCHEMA_H_INCLUDED_ */
