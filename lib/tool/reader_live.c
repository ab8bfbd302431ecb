#include <stdlib.h>

#include "reader_live.h"
#include "units.h"

struct reader_live {
	struct bus_live *decoder;
	redisReply *message; /* what the decoder gives lies in it; or NULL */
};

struct reader_live *
reader_live_new(const struct bus_conf *conf)
{
	struct reader_live *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->decoder = bus_live_new(conf)) == NULL) {
		reader_live_free(l);
		return NULL;
	}
	return l;
}

void
reader_live_free(struct reader_live *l)
{
	if (l == NULL)
		return;
	reader_live_forget(l);
	bus_live_free(l->decoder);
	free(l);
}

void
reader_live_forget(struct reader_live *l)
{
	freeReplyObject(l->message);
	l->message = NULL;
}

static struct sse_text
text_at(const redisReply *r, size_t i)
{
	return (struct sse_text){ r->element[i]->str, r->element[i]->len };
}

enum reader_live_what
reader_live_take(struct reader_live *l, redisReply *reply, struct place last,
    struct place *horizon)
{
	int rc;

	reader_live_forget(l);
	if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 3 ||
	    reply->element[1]->type != REDIS_REPLY_STRING ||
	    reply->element[2]->type != REDIS_REPLY_STRING) {
		freeReplyObject(reply); /* no message */
		return READER_LIVE_NONE;
	}
	l->message = reply;
	rc = bus_live_begin(l->decoder, text_at(reply, 1), text_at(reply, 2),
	    last, (uint64_t)clock_unix_ms(), horizon);
	if (rc == 1)
		return READER_LIVE_ENTRIES;
	reader_live_forget(l);
	return rc == 2 ? READER_LIVE_MARKER : READER_LIVE_NONE;
}

bool
reader_live_has(const struct reader_live *l)
{
	return l->message != NULL;
}

int
reader_live_next(struct reader_live *l, struct bus_entry *e)
{
	int rc;

	if (l->message == NULL)
		return 0;
	if ((rc = bus_live_next(l->decoder, e)) == 0)
		reader_live_forget(l);
	return rc;
}

bool
reader_live_broken(const struct reader_live *l)
{
	return bus_live_broken(l->decoder) > 0;
}
