/*
 * Copyright (C) iHaNoi contributors
 *
 * The tables that host functions take and give, for the reference and the
 * type stubs.  Here for all nouns, so that one class serves several of them.
 */

#include <stddef.h>

#include "ihanoi_host.h"


const ihanoi_host_class_t  ihanoi_host_classes[] = {

    { "ihanoi.json",
      "null ihanoi.Null -- null in JSON: encode() writes it, decode() gives "
      "it",
      "" },

    { "ihanoi.Null",
      "",
      "The one value that stands for null in JSON. It is true in a "
      "condition: compare with ihanoi.json.null." },

    { "ihanoi.Raw",
      "",
      "JSON text that is written as it is, made by ihanoi.json.raw(). "
      "tostring() gives the text; it has no members." },

    { "ihanoi.Caller",
      "issuer string -- who issued the token\n"
      "sub string -- unique among those of the issuer\n"
      "subject string -- issuer, a space, and sub: unique everywhere\n"
      "assurance \"none\"|\"declared\"|\"phone\"|\"verified\" -- how sure "
      "it is who that is\n"
      "scopes string[]\n"
      "claims table<string, any> -- all claims of the token",
      "Who is calling, as the verified token says." },

    { "ihanoi.Task",
      "",
      "A task that ihanoi.run.spawn() has begun, for ihanoi.run.wait(). It has "
      "no members." },

    { "ihanoi.DbError",
      "code string\n"
      "message string\n"
      "sqlstate? string -- when the server has refused\n"
      "members? table<string, any> -- of a problem that SQL has raised",
      "Why a call of the database failed." },

    { "ihanoi.BackendRequest",
      "method? \"GET\"|\"HEAD\"|\"POST\"|\"PUT\"|\"PATCH\"|\"DELETE\" -- GET "
      "when left out\n"
      "path? string|(string|number)[] -- as in a URL, or segments to be "
      "encoded\n"
      "query? table<string, any>\n"
      "headers? table<string, string>\n"
      "json? any -- a value for the body\n"
      "body? string -- or a text for it\n"
      "timeout? number -- seconds\n"
      "max_size? integer -- bytes of the answer's body",
      "A request to a backend." },

    { "ihanoi.BackendResponse",
      "status integer\n"
      "headers table<string, string> -- names in lower case\n"
      "body string\n"
      "json fun(): any, string? -- the body's value, or nil and why it is "
      "not JSON",
      "The answer of a backend." },

    { "ihanoi.Service",
      "name string\n"
      "version string\n"
      "title { vi: string, en: string }\n"
      "agency { name: string, contact: string }\n"
      "prefix string -- what its paths begin with\n"
      "documentation? string -- a URL\n"
      "data string[] -- classes of data that it reads or keeps\n"
      "purposes ihanoi.Purpose[] -- what it asks consent for\n"
      "state \"serving\"|\"degraded\"|\"failing\"|\"disabled\" -- degraded: "
      "without its database; failing: its circuit is open",
      "A plugin as everybody may see it." },

    { "ihanoi.Purpose",
      "name string\n"
      "version integer -- of the title\n"
      "title { vi: string, en: string } -- what a person agrees to\n"
      "data string[] -- classes of data that it is about",
      "What a service asks a person's consent for." },

    { NULL, NULL, NULL }
};
