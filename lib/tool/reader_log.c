#include <string.h>

#include "reader_log.h"
#include "redis_reply.h"

void
reader_log_forget(struct reader_log *l)
{
	redis_reply_free(l->reply);
	*l = (struct reader_log){ .name = l->name, .had = l->had };
}

void
reader_log_begin(struct reader_log *l, const redisReply *attached, size_t n)
{
	l->attached = attached;
	l->n = n;
	l->count = bus_log_count(attached, n);
	l->asked = READER_PAGE;
	l->bytes = bus_log_bytes(attached, n);
	l->more = l->count == l->asked;
}

static int
entry(const struct reader_log *l, size_t i, struct bus_entry *e)
{
	return l->reply != NULL ? bus_page_entry(l->reply, i, e)
				: bus_log_entry(l->attached, l->n, i, e);
}

void
reader_log_step(struct reader_log *l, struct place limit)
{
	while (!l->has_head && l->next < l->count) {
		int rc = entry(l, l->next++, &l->head);

		l->head.ev.channel = l->name;
		l->has_head = rc == 0;
		/* What was minted since attaching comes live. */
		if (rc == 0 && place_cmp(l->head.place, limit) > 0) {
			l->has_head = l->more = false;
			l->next = l->count;
		}
	}
}

/* How many entries to ask for, by what this page holds. */
static unsigned int
page_entries(const struct reader_log *l)
{
	size_t each = l->count > 0 ? l->bytes / l->count + 1 : 1;
	size_t n = READER_PAGE_BYTES / each;

	/* A page of small ones says little of the next. */
	if (n > 4 * l->asked)
		n = 4 * l->asked;
	if (n > READER_PAGE_MAX)
		n = READER_PAGE_MAX;
	return n > 0 ? (unsigned int)n : 1;
}

int
reader_log_command(
    struct reader_log *l, const struct bus_conf *conf, struct bus_command *c)
{
	unsigned int n = page_entries(l);
	struct bus_entry last = { .place = l->seen };

	/* An entry that is none has no place, either. */
	for (size_t i = l->count; i > 0; i--)
		if (entry(l, i - 1, &last) == 0)
			break;
	l->asked_ahead = n;
	return bus_page_command(
	    conf, l->name, place_max(last.place, l->seen), n, c);
}

enum bus_answer
reader_log_turn(struct reader_log *l, redisReply *reply)
{
	enum bus_answer answer;

	redis_reply_free(l->reply);
	l->reply = reply;
	l->next = 0;
	l->asked = l->asked_ahead;
	if ((answer = bus_page_answer(reply, &l->count)) == BUS_OK)
		l->more = l->count == l->asked;
	l->bytes = bus_page_bytes(reply);
	return answer;
}

struct reader_log *
reader_log_of(struct reader_log *logs, size_t n, struct sse_text channel)
{
	for (size_t i = 0; i < n; i++)
		if (logs[i].name.len == channel.len &&
		    memcmp(logs[i].name.ptr, channel.ptr, channel.len) == 0)
			return &logs[i];
	return &logs[0];
}
