#include <stdlib.h>

#include "reader_log.h"
#include "reader_logs.h"
#include "redis_reply.h"

struct reader_logs {
	const struct bus_conf *conf;
	struct reader_links *links;
	const struct sse_text *names;
	size_t n;
	struct reader_log *v;
	redisReply *attached;     /* their first entries lie in it */
	struct reader_log *ahead; /* whose next page was asked for early */
	redisReply *page;         /* that page, once it is here */
};

struct reader_logs *
reader_logs_new(const struct bus_conf *conf, struct reader_links *links,
    const struct sse_text *channels, size_t n)
{
	struct reader_logs *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->v = calloc(n, sizeof(*l->v))) == NULL) {
		free(l);
		return NULL;
	}
	l->conf = conf;
	l->links = links;
	l->names = channels;
	l->n = n;
	for (size_t i = 0; i < n; i++)
		l->v[i].name = channels[i];
	return l;
}

static void
forget_ahead(struct reader_logs *l)
{
	redis_reply_free(l->page);
	l->page = NULL;
	l->ahead = NULL;
	reader_links_forget(l->links);
}

void
reader_logs_forget(struct reader_logs *l)
{
	forget_ahead(l);
	for (size_t i = 0; i < l->n; i++)
		reader_log_forget(&l->v[i]);
	redis_reply_free(l->attached);
	l->attached = NULL;
}

void
reader_logs_free(struct reader_logs *l)
{
	if (l == NULL)
		return;
	reader_logs_forget(l);
	free(l->v);
	free(l);
}

void
reader_logs_rewind(struct reader_logs *l)
{
	for (size_t i = 0; i < l->n; i++)
		l->v[i].had = PLACE_ZERO;
}

struct place *
reader_logs_had(struct reader_logs *l, struct sse_text channel)
{
	return &reader_log_of(l->v, l->n, channel)->had;
}

enum redis_link_state
reader_logs_attach(struct reader_logs *l, struct place after, bool read,
    struct bus_attached *a)
{
	enum redis_link_state state;
	enum bus_answer answer;

	reader_logs_forget(l);
	state = reader_links_attach(l->links, l->names, l->n, after,
	    read ? READER_PAGE : 0, &l->attached);
	if (state != REDIS_LINK_OK)
		return state;
	answer = bus_attach_answer(l->attached, a);
	if (answer != BUS_OK || a->nlogs != l->n)
		return reader_links_refused(l->links, answer, l->attached);
	for (size_t i = 0; read && i < l->n; i++) {
		reader_log_begin(&l->v[i], l->attached, i);
		reader_log_step(&l->v[i], a->last);
	}
	return REDIS_LINK_OK;
}

bool
reader_logs_gap(struct reader_logs *l, struct place after, struct place *next)
{
	bool gap = false;

	*next = PLACE_ZERO;
	for (size_t i = 0; i < l->n; i++) {
		struct reader_log *log = &l->v[i];
		/* The first entry says what was before it; else the top. */
		struct place before = log->has_head
		    ? log->head.prev
		    : bus_log_top(l->attached, i);

		gap = gap || place_cmp(before, after) > 0;
		/* Or does Redis not know what it has given before? */
		if (place_cmp(before, log->had) < 0) {
			gap = true;
			log->had = PLACE_ZERO; /* said once */
		}
		log->seen = place_max(after, before);
		if (log->has_head &&
		    (place_is_zero(*next) ||
			place_cmp(log->head.place, *next) < 0))
			*next = log->head.place;
	}
	return gap;
}

/*
 * Ask for the page behind this one, so that Redis puts it together meanwhile.
 * One page in all is asked for early, however many logs there are.
 */
static enum redis_link_state
ask_ahead(struct reader_logs *l, struct reader_log *log)
{
	struct bus_command c;
	int made;

	if (l->ahead != NULL || !log->more)
		return REDIS_LINK_OK;
	made = reader_log_command(log, l->conf, &c);
	l->ahead = log;
	return reader_links_ahead(l->links, made, &c);
}

static enum redis_link_state
ask_page(struct reader_logs *l, struct reader_log *log, redisReply **reply)
{
	enum redis_link_state state = REDIS_LINK_OK;
	struct bus_command c;
	int made;

	/* Answers come in the order of what was asked. */
	if (l->ahead != NULL && l->page == NULL)
		state = reader_links_answer(l->links, &l->page);
	if (state == REDIS_LINK_OK && l->ahead != log) {
		made = reader_log_command(log, l->conf, &c);
		return reader_links_ask(l->links, made, &c, reply);
	}
	*reply = l->page;
	l->page = NULL;
	l->ahead = NULL;
	return state;
}

/* The next page, behind the last entry of this one. */
static enum redis_link_state
turn_page(struct reader_logs *l, struct reader_log *log)
{
	enum redis_link_state state;
	enum bus_answer answer;
	redisReply *reply = NULL;

	if ((state = ask_page(l, log, &reply)) != REDIS_LINK_OK)
		return state;
	if ((answer = reader_log_turn(log, reply)) != BUS_OK)
		return reader_links_refused(l->links, answer, reply);
	return ask_ahead(l, log);
}

/* Its next entry, if it has one, is its head. */
static enum redis_link_state
step(struct reader_logs *l, struct reader_log *log, struct place limit)
{
	enum redis_link_state state;

	reader_log_step(log, limit);
	while (!log->has_head && log->more) {
		if ((state = turn_page(l, log)) != REDIS_LINK_OK)
			return state;
		reader_log_step(log, limit);
	}
	return REDIS_LINK_OK;
}

enum redis_link_state
reader_logs_next(
    struct reader_logs *l, struct place limit, struct reader_logged *next)
{
	struct reader_log *first = NULL;
	enum redis_link_state state;

	next->e = NULL;
	for (size_t i = 0; i < l->n; i++) {
		struct reader_log *log = &l->v[i];

		if ((state = step(l, log, limit)) != REDIS_LINK_OK)
			return state;
		if (log->has_head &&
		    (first == NULL ||
			place_cmp(log->head.place, first->head.place) < 0))
			first = log;
	}
	if (first == NULL) {
		forget_ahead(l);
		return REDIS_LINK_OK;
	}
	first->has_head = false;
	*next = (struct reader_logged){ &first->head, first->seen,
		&first->had };
	first->seen = first->head.place;
	return REDIS_LINK_OK;
}
