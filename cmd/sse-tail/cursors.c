#include <err.h>
#include <stdlib.h>
#include <sysexits.h>

#include "cursors.h"
#include "state.h"
#include "units.h"

struct cursors {
	struct state *state;
	const struct stream *streams;
	bool *may_have;     /* owned: of each, it is among moved */
	size_t *moved, len; /* owned: those that may have moved, by number */
};

static void *
need(void *p)
{
	if (p == NULL)
		err(EX_SOFTWARE, NULL);
	return p;
}

struct cursors *
cursors_open(const char *path, const struct stream *streams, size_t n)
{
	struct cursors *c = need(calloc(1, sizeof(*c)));
	const char **urls = need(calloc(n, sizeof(*urls)));

	c->streams = streams;
	c->may_have = need(calloc(n, sizeof(*c->may_have)));
	c->moved = need(calloc(n, sizeof(*c->moved)));
	for (size_t i = 0; i < n; i++)
		urls[i] = streams[i].shown;
	c->state = state_open(path, urls, n);
	free(urls);
	return c;
}

static size_t
number_of(const struct cursors *c, const struct stream *s)
{
	return (size_t)(s - c->streams);
}

const char *
cursors_start(const struct cursors *c, const struct stream *s)
{
	return c == NULL ? NULL : state_id(c->state, number_of(c, s));
}

void
cursors_moved(struct cursors *c, const struct stream *s)
{
	size_t i;

	if (c == NULL || c->may_have[i = number_of(c, s)])
		return;
	c->may_have[i] = true;
	c->moved[c->len++] = i;
}

static void
set(struct cursors *c, size_t i)
{
	const struct stream *s = &c->streams[i];

	if (!s->held)
		state_set(c->state, i, follow_last_id(s->follow));
}

void
cursors_written(struct cursors *c)
{
	if (c == NULL)
		return;
	while (c->len > 0) {
		size_t i = c->moved[--c->len];

		c->may_have[i] = false;
		set(c, i);
	}
	if (clock_mono_ms() >= state_due_ms(c->state))
		state_save(c->state);
}

void
cursors_done(struct cursors *c, const struct stream *s)
{
	if (c == NULL)
		return;
	set(c, number_of(c, s));
	state_save(c->state);
}

int64_t
cursors_due_ms(const struct cursors *c)
{
	return c == NULL ? INT64_MAX : state_due_ms(c->state);
}

void
cursors_save(struct cursors *c)
{
	if (c != NULL)
		state_save(c->state);
}

void
cursors_close(struct cursors *c)
{
	if (c == NULL)
		return;
	state_close(c->state);
	free(c->may_have);
	free(c->moved);
	free(c);
}
