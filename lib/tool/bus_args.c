#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_args.h"

static int
room(struct bus_args *a)
{
	size_t cap = a->cap == 0 ? 32 : 2 * a->cap;
	size_t *grown;

	if (a->n < a->cap)
		return 0;
	if ((grown = reallocarray(a->len, cap, sizeof(*grown))) == NULL)
		return -1;
	a->len = grown;
	a->cap = cap;
	return 0;
}

int
bus_args_add(struct bus_args *a, const void *p, size_t len)
{
	if (room(a) == -1 || sse_buf_append(&a->mem, p, len) == -1)
		return -1;
	a->len[a->n++] = len;
	return 0;
}

int
bus_args_text(struct bus_args *a, const char *s)
{
	return bus_args_add(a, s, strlen(s));
}

int
bus_args_number(struct bus_args *a, uint64_t n)
{
	char text[24];
	int len = snprintf(text, sizeof(text), "%llu", (unsigned long long)n);

	return bus_args_add(a, text, (size_t)len);
}

int
bus_args_numbers(struct bus_args *a, const uint64_t *v, size_t n)
{
	size_t before = a->mem.len, same = 1;

	while (same < n && v[same] == v[0])
		same++;
	if (same == n)
		return bus_args_number(a, v[0]);
	if (room(a) == -1)
		return -1;
	for (size_t i = 0; i < n; i++) {
		char text[24];
		int len = snprintf(text, sizeof(text), "%s%llu",
		    i == 0 ? "" : ",", (unsigned long long)v[i]);

		if (sse_buf_append(&a->mem, text, (size_t)len) == -1) {
			a->mem.len = before;
			return -1;
		}
	}
	a->len[a->n++] = a->mem.len - before;
	return 0;
}

int
bus_args_key(struct bus_args *a, const char *prefix, const char *name,
    struct sse_text rest)
{
	size_t before = a->mem.len;

	if (room(a) == -1)
		return -1;
	if (sse_buf_append(&a->mem, prefix, strlen(prefix)) == -1 ||
	    sse_buf_append(&a->mem, name, strlen(name)) == -1 ||
	    sse_buf_append(&a->mem, rest.ptr, rest.len) == -1) {
		a->mem.len = before;
		return -1;
	}
	a->len[a->n++] = a->mem.len - before;
	return 0;
}

int
bus_args_nth(struct bus_args *to, const struct bus_args *from, size_t n)
{
	size_t at = 0;

	if (from->n == 0)
		return bus_args_add(to, "", 0);
	for (size_t i = 0; i < n; i++)
		at += from->len[i];
	return bus_args_add(to, from->mem.ptr + at, from->len[n]);
}

void
bus_args_cut(struct bus_args *a, size_t n)
{
	while (a->n > n)
		a->mem.len -= a->len[--a->n];
}

void
bus_args_free(struct bus_args *a)
{
	sse_buf_free(&a->mem);
	free(a->len);
	memset(a, 0, sizeof(*a));
}

int
bus_args_producer(struct bus_args *a, const char *prefix, const char *producer,
    uint64_t number)
{
	bus_args_cut(a, 0);
	if (bus_args_key(a, prefix, "pub:", text_of(producer)) == 0 &&
	    bus_args_number(a, number) == 0)
		return 0;
	bus_args_cut(a, 0);
	return -1;
}

int
bus_args_mark(struct bus_args *a, const char *prefix, const char *relay,
    struct sse_text from, struct sse_text to)
{
	bus_args_cut(a, 0);
	if (bus_args_key(a, prefix, "relay:", text_of(relay)) == 0 &&
	    bus_args_add(a, from.ptr, from.len) == 0 &&
	    bus_args_add(a, to.ptr, to.len) == 0)
		return 0;
	bus_args_cut(a, 0);
	return -1;
}

/* Point at the arguments of a from the nth to before the endth. */
static void
spread(struct bus_command *c, const struct bus_args *a, size_t n, size_t end)
{
	const char *p = a->mem.ptr != NULL ? a->mem.ptr : "";

	for (size_t i = 0; i < end; p += a->len[i++]) {
		if (i < n)
			continue;
		c->argv[c->argc] = p;
		c->argvlen[c->argc++] = a->len[i];
	}
}

int
bus_args_join(struct bus_args *own, size_t n,
    const struct bus_args *const *middle, size_t n_middle,
    const struct bus_args *last, struct bus_command *c)
{
	size_t all = own->n + (last != NULL ? last->n : 0);
	int rc = -1;

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < n_middle; i++)
		all += middle[i]->n;
	c->argv = calloc(all, sizeof(*c->argv));
	c->argvlen = calloc(all, sizeof(*c->argvlen));
	if (c->argv == NULL || c->argvlen == NULL || all > INT_MAX)
		goto out;
	spread(c, own, 0, n);
	for (size_t i = 0; i < n_middle; i++)
		spread(c, middle[i], 0, middle[i]->n);
	spread(c, own, n, own->n);
	if (last != NULL)
		spread(c, last, 0, last->n);
	c->mem = own->mem;
	own->mem = (struct sse_buf){ NULL, 0, 0 };
	rc = 0;
out:
	bus_args_free(own);
	if (rc == -1) {
		bus_command_free(c);
		errno = ENOMEM;
	}
	return rc;
}

int
bus_args_command(struct bus_args *own, struct bus_command *c)
{
	return bus_args_join(own, own->n, NULL, 0, NULL, c);
}

void
bus_command_free(struct bus_command *c)
{
	free(c->argv);
	free(c->argvlen);
	sse_buf_free(&c->mem);
	memset(c, 0, sizeof(*c));
}

int
bus_args_script(
    struct bus_args *a, const struct bus_script *script, bool by_sha)
{
	if (by_sha)
		return bus_args_text(a, "EVALSHA") == -1 ||
			bus_args_text(a, script->sha1) == -1
		    ? -1
		    : 0;
	return bus_args_text(a, "EVAL") == -1 ||
		bus_args_add(a, script->text, script->len) == -1
	    ? -1
	    : 0;
}
