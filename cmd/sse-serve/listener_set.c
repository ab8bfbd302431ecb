#include <sys/stat.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "listener_inner.h"

int
listener_fail(
    const struct listener_opening *o, int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(o->fault, LISTENER_FAULT_MAX, fmt, ap);
	va_end(ap);
	return status;
}

void
listener_shut(struct listener *l)
{
	struct stat st;

	if (l->path != NULL && lstat(l->path, &st) == 0 &&
	    st.st_dev == l->dev && st.st_ino == l->ino)
		unlink(l->path);
	if (l->fd != -1)
		close(l->fd);
	free(l->path);
	free(l->url);
}

int
listener_append(const struct listener_opening *o, struct listener l,
    const char *scheme, const char *where)
{
	struct listener *v = reallocarray(o->ls->v, o->ls->n + 1, sizeof(*v));
	size_t len = strlen(scheme) + strlen(where) + 1;

	if (v != NULL)
		o->ls->v = v;
	if (v == NULL || (l.url = malloc(len)) == NULL) {
		listener_shut(&l);
		return ENOMEM;
	}
	snprintf(l.url, len, "%s%s", scheme, where);
	l.admin = o->how->admin;
	v[o->ls->n++] = l;
	return 0;
}

void
listener_close(struct listeners *ls)
{
	while (ls->n > 0)
		listener_shut(&ls->v[--ls->n]);
	free(ls->v);
	*ls = (struct listeners){ NULL, 0 };
}
