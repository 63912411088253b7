/*
 * Copyright (C) iHaNoi contributors
 *
 * Folders of plugins: what is refused in one, and what its hash is about.
 */

#include "tap.h"
#include "ihanoi_manifest.h"
#include "plugin_fixture.h"


static void
test_folder(void)
{
    int    i;
    char   name[300], *text;

    plugin_good();
    plugin_link("/etc/passwd", "lib/x.lua");
    plugin_refused("/lib/x.lua", "symbolic link", "a link to a file");

    plugin_good();
    plugin_link("/etc/passwd", "lib/x.lua");
    unlink(plugin_path("plugin.json"));
    plugin_refused("/plugin.json", "is not there",
                   "which nobody hears about who is in another folder");

    plugin_good();
    plugin_link("/etc", "sql");
    plugin_refused("/sql", "symbolic link", "a link to a folder");

    plugin_good();
    mkfifo(plugin_path("README.md"), 0600);
    plugin_refused("/README.md", "neither", "a pipe, without waiting for it");

    plugin_good();
    plugin_write("lib/b.lua", "\033LJ\002", 4);
    plugin_refused("/lib/b.lua", "compiled", "bytecode");

    plugin_good();
    plugin_write("README.md", "\033LJ\002", 4);
    plugin_refused("/README.md", "compiled", "bytecode by another name");

    plugin_good();
    plugin_write("lib/x.so", "x", 1);
    plugin_refused("/lib/x.so", "*.lua", "something else in lib/");

    plugin_good();
    plugin_write("lib/old.lua", "-- \n-- \xc4\x91\n-- \xf0\n", -1);
    plugin_refused("/lib/old.lua", "line 3 is not UTF-8", "another encoding");

    plugin_good();
    plugin_write("lib/nul.lua", "-- \0", 4);
    plugin_refused("/lib/nul.lua", "UTF-8", "a NUL");

    plugin_good();
    plugin_write("handlers.lua", "return {}", -1);
    plugin_refused("/handlers.lua", "belong in lib/",
                   "Lua where nothing loads it");

    plugin_good();
    plugin_write("lib/a.b.lua", "return {}", -1);
    plugin_refused("/lib/a.b.lua", "\".\"", "a dot in the name of a module");

    plugin_good();
    plugin_write("lib/a b.lua", "return {}", -1);
    plugin_refused("/lib/a b.lua", "a name is", "a space in a name");

    plugin_good();
    plugin_write("\xff\xfe", "x", 1);
    plugin_refused("/??", "a name is", "a name that is not UTF-8");

    plugin_good();
    plugin_write("bi\xe1\xbb\x83n.md", "x", 1);
    plugin_refused("/bi???n.md", "a name is", "a name that is not ASCII");

    plugin_good();
    plugin_write("-rf", "x", 1);
    plugin_refused("/-rf", "a name is", "a name like an option");

    plugin_good();
    text = malloc(300000);
    memset(text, ' ', 300000);
    plugin_write("lib/large.lua", text, 262145);
    plugin_refused("/lib/large.lua", "larger than 262144", "a large Lua file");

    plugin_good();
    for (i = 0; i < 8; i++) {
        snprintf(name, sizeof(name), "sql/%d.sql", i);
        plugin_write(name, text, 300000);
    }
    free(text);
    plugin_refused("/sql/", "larger than 2097152", "a large plugin");

    plugin_good();
    for (i = 0; i < 200; i++) {
        snprintf(name, sizeof(name), "sql/%d.sql", i);
        plugin_write(name, "", 0);
    }
    plugin_refused("/parking", "more than 200 files", "many files");

    plugin_good();
    plugin_write("a/b/c/d/e/f/g/h", "x", 1);
    ok(plugin_load_free(), "seven folders within one another");
    plugin_write("a/b/c/d/e/f/g/i/j", "x", 1);
    plugin_refused("/a/b/c/d/e/f/g/i", "more than 8 folders", "one more");

    plugin_good();
    memset(name, 'a', 201);
    name[100] = '/';
    name[201] = '\0';
    plugin_write(name, "x", 1);
    plugin_refused("/aaa", "longer than 200", "a long path");
}


/* A new one with the list that the standard program writes. */

static void
seal(void)
{
    char  command[400];

    plugin_good();
    plugin_write("README.md", "", 0);

    snprintf(command, sizeof(command), "cd %s && sha256sum README.md "
             "handler.lua lib/fees.lua openapi.json plugin.json "
             "> FILES.sha256", plugin_dir);

    is_int(system(command), 0, "a list by sha256sum");
}


static void
test_hash(void)
{
    char                first[65];
    ihanoi_manifest_t  *m;

    plugin_good();
    m = plugin_load();
    strcpy(first, m ? m->files.hash : "");
    ihanoi_manifest_free(m);

    plugin_write(".git/config", "x", 1);
    plugin_write("lib/.fees.lua.swp", "\033x", 2);
    plugin_write("FILES.sig", "x", 1);
    m = plugin_load();
    is_str(m ? m->files.hash : "", first, "hidden files and signatures do "
           "not count");
    ihanoi_manifest_free(m);

    plugin_write("lib/fees.lua", "return {} ", -1);
    m = plugin_load();
    ok(m && strcmp(m->files.hash, first) != 0, "another content, another "
       "hash");
    strcpy(first, m ? m->files.hash : "");
    ihanoi_manifest_free(m);

    rename(plugin_path("lib/fees.lua"), plugin_path("lib/fee.lua"));
    m = plugin_load();
    ok(m && strcmp(m->files.hash, first) != 0, "another name, another hash");
    ihanoi_manifest_free(m);

    plugin_write("FILES.sha256", "", 0);
    plugin_refused("FILES.sha256", "from \"handler.lua\" on", "an empty list");

    seal();
    ok(plugin_load_free(), "is what we would write");

    plugin_write("lib/more.lua", "return 1", -1);
    plugin_refused("FILES.sha256", "from \"lib/more.lua\" on",
                   "a file that is not in the list");

    seal();
    plugin_write("lib/fees.lua", "return {1}", -1);
    plugin_refused("FILES.sha256", "from \"lib/fees.lua\" on",
                   "a file that was changed");

    seal();
    unlink(plugin_path("lib/fees.lua"));
    plugin_refused("FILES.sha256", "it was changed", "a file that is gone");
}


int
main(void)
{
    test_folder();
    test_hash();

    return done_testing();
}
