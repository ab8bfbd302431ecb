#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "select.h"

int
select_add_type(struct select *s, const char *type)
{
	const char **longer = reallocarray(
	    s->types, s->ntypes + 1, sizeof(*longer));

	if (longer == NULL)
		return -1;
	s->types = longer;
	s->types[s->ntypes++] = type;
	return 0;
}

int
select_add_grep(struct select *s, const char *regex, char *buf, size_t cap)
{
	regex_t *longer = reallocarray(
	    s->greps, s->ngreps + 1, sizeof(*longer));
	int r;

	if (longer == NULL) {
		snprintf(buf, cap, "%s", strerror(ENOMEM));
		return -1;
	}
	s->greps = longer;
	r = regcomp(&s->greps[s->ngreps], regex,
	    REG_EXTENDED | REG_NEWLINE | REG_NOSUB);
	if (r != 0) {
		regerror(r, &s->greps[s->ngreps], buf, cap);
		return -1;
	}
	s->ngreps++;
	return 0;
}

void
select_free(struct select *s)
{
	for (size_t i = 0; i < s->ngreps; i++)
		regfree(&s->greps[i]);
	free(s->greps);
	free(s->types);
}

static bool
named(const struct select *s, struct sse_text type)
{
	for (size_t i = 0; i < s->ntypes; i++)
		if (text_is(type, s->types[i]))
			return true;
	return false;
}

/*
 * Data ends where it ends, whatever NULs are in it; but there must be one behind
 * it.  What there is no memory for matches nothing.
 */
static bool
matches(const struct select *s, struct sse_text data, struct sse_buf *scratch)
{
	scratch->len = 0;
	if (data.len > INT_MAX ||
	    sse_buf_append(scratch, data.ptr, data.len) == -1 ||
	    sse_buf_append(scratch, "", 1) == -1)
		return false;
	for (size_t i = 0; i < s->ngreps; i++) {
		regmatch_t all = { 0, (regoff_t)data.len };

		if (regexec(
			&s->greps[i], scratch->ptr, 1, &all, REG_STARTEND) == 0)
			return true;
	}
	return false;
}

bool
select_all(const struct select *s)
{
	return s->ntypes == 0 && s->ngreps == 0 && s->until == NULL;
}

bool
select_takes(
    const struct select *s, const struct event *ev, struct sse_buf *scratch)
{
	struct sse_text type = ev->type.len > 0 ? ev->type : TEXT("message");
	bool own = type.len >= 4 && memcmp(type.ptr, "sse:", 4) == 0;

	if ((own || s->ntypes > 0) && !named(s, type))
		return false;
	return s->ngreps == 0 || matches(s, ev->data, scratch);
}

bool
select_ends(const struct select *s, const struct event *ev)
{
	return s->until != NULL && text_is(ev->data, s->until);
}
