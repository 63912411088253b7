/*
 * Copyright (C) iHaNoi contributors
 *
 * Whose signatures a deployment has found good, which it has written into the
 * version's folder: the gateway itself has no keys and believes none.
 */

#include "ngx_http_ihanoi_plugin.h"


/* "<contents> <agency's key>[ <reviewer's key>]\n", SHA-256 in hex each. */
#define NGX_HTTP_IHANOI_PLUGIN_SIGNED_HEX  64
#define NGX_HTTP_IHANOI_PLUGIN_SIGNED_ONE  (2 * 65)
#define NGX_HTTP_IHANOI_PLUGIN_SIGNED_TWO  (3 * 65)


static ssize_t ngx_http_ihanoi_plugin_signed_read(
    ngx_http_ihanoi_plugin_t *plugin, u_char *buf, size_t size);


/*
 * A record that is about other contents is of a version that somebody has
 * replaced by hand: nobody is known to have signed this one.
 */

char *
ngx_http_ihanoi_plugin_signed(ngx_conf_t *cf, ngx_http_ihanoi_plugin_t *plugin)
{
    u_char      *p, buf[NGX_HTTP_IHANOI_PLUGIN_SIGNED_TWO + 1];
    ssize_t      n;
    ngx_uint_t   i;

    n = ngx_http_ihanoi_plugin_signed_read(plugin, buf, sizeof(buf));

    if (n == 0) {
        return NGX_CONF_OK;
    }

    if (n != NGX_HTTP_IHANOI_PLUGIN_SIGNED_ONE
        && n != NGX_HTTP_IHANOI_PLUGIN_SIGNED_TWO)
    {
        goto wrong;
    }

    for (i = 0; i < (ngx_uint_t) n; i++) {

        if (i % 65 == NGX_HTTP_IHANOI_PLUGIN_SIGNED_HEX) {
            if (buf[i] != (i == (ngx_uint_t) n - 1 ? '\n' : ' ')) {
                goto wrong;
            }

        } else if (!((buf[i] >= '0' && buf[i] <= '9')
                     || (buf[i] >= 'a' && buf[i] <= 'f')))
        {
            goto wrong;
        }
    }

    if (ngx_memcmp(buf, plugin->manifest->files.hash,
                   NGX_HTTP_IHANOI_PLUGIN_SIGNED_HEX)
        != 0)
    {
        goto wrong;
    }

    p = ngx_pnalloc(cf->pool, n);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memcpy(p, buf, n);

    plugin->agency_key.data = p + 65;
    plugin->agency_key.len = NGX_HTTP_IHANOI_PLUGIN_SIGNED_HEX;

    if (n == NGX_HTTP_IHANOI_PLUGIN_SIGNED_TWO) {
        plugin->reviewer_key.data = p + 2 * 65;
        plugin->reviewer_key.len = NGX_HTTP_IHANOI_PLUGIN_SIGNED_HEX;
    }

    return NGX_CONF_OK;

wrong:

    ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                       "plugin \"%V\": \"%s/.signed\" is not about these "
                       "contents: nobody is known to have signed them",
                       &plugin->name, plugin->manifest->files.folder);

    return NGX_CONF_OK;
}


/* Its length, 0 when there is none; one that cannot be read is wrong: 1. */

static ssize_t
ngx_http_ihanoi_plugin_signed_read(ngx_http_ihanoi_plugin_t *plugin,
    u_char *buf, size_t size)
{
    u_char    name[NGX_MAX_PATH];
    ssize_t   n;
    ngx_fd_t  fd;

    if (ngx_snprintf(name, sizeof(name), "%s/.signed%Z",
                     plugin->manifest->files.folder)
        == name + sizeof(name))
    {
        return 1;
    }

    fd = open((char *) name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK);

    if (fd == NGX_INVALID_FILE) {
        return ngx_errno == NGX_ENOENT ? 0 : 1;
    }

    n = ngx_read_fd(fd, buf, size);

    (void) ngx_close_file(fd);

    return n < 1 ? 1 : n;
}
