#include <stdio.h>
#include <string.h>
#include <sys/time.h>

#include <hiredis/hiredis.h>

#include "redis_sentinel.h"
#include "units.h"

#define EACH_MS 1000 /* for a sentinel that does not answer */

static void
say(char *fault, const struct redis_host *h, const char *why)
{
	snprintf(fault, SENTINEL_FAULT_MAX, "sentinel %s:%d: %s", h->name,
	    h->port, why);
}

/* NULL with fault set. */
static redisContext *
reach(const struct redis_host *h, int64_t ms, char *fault)
{
	struct timeval tv = { (time_t)(ms / 1000),
		(suseconds_t)(ms % 1000 * 1000) };
	redisContext *c = redisConnectWithTimeout(h->name, h->port, tv);

	if (c == NULL || c->err != 0 || redisSetTimeout(c, tv) == REDIS_ERR) {
		say(fault, h, c == NULL ? "out of memory" : c->errstr);
		if (c != NULL)
			redisFree(c);
		return NULL;
	}
	return c;
}

static redisReply *
ask_master(redisContext *c, const struct redis_url *u)
{
	return redisCommand(
	    c, "SENTINEL get-master-addr-by-name %s", u->master);
}

/* Its answer, after the password if that is what it wants. */
static redisReply *
ask(redisContext *c, const struct redis_url *u)
{
	redisReply *r = ask_master(c, u);

	if (r == NULL || r->type != REDIS_REPLY_ERROR || u->password == NULL ||
	    strncmp(r->str, "NOAUTH", 6) != 0)
		return r;
	freeReplyObject(r);
	freeReplyObject(redisCommand(c, "AUTH %s", u->password));
	return c->err != 0 ? NULL : ask_master(c, u);
}

/* 0: r says where. */
static int
read_answer(const redisReply *r, struct redis_where *w)
{
	const char *errstr;

	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_STRING ||
	    r->element[1]->type != REDIS_REPLY_STRING ||
	    strlcpy(w->host, r->element[0]->str, sizeof(w->host)) >=
		sizeof(w->host))
		return -1;
	w->port = (int)strtonum(r->element[1]->str, 1, 65535, &errstr);
	return errstr == NULL ? 0 : -1;
}

static int
ask_one(const struct redis_url *u, const struct redis_host *h, int64_t ms,
    struct redis_where *w, char *fault)
{
	redisContext *c = reach(h, ms, fault);
	redisReply *r;
	int error = -1;

	if (c == NULL)
		return -1;
	if ((r = ask(c, u)) == NULL)
		say(fault, h, c->errstr);
	else if (r->type == REDIS_REPLY_ERROR)
		say(fault, h, r->str);
	else if ((error = read_answer(r, w)) == -1)
		say(fault, h, "it knows no master of this name");
	freeReplyObject(r);
	redisFree(c);
	return error;
}

int
redis_sentinel_ask(const struct redis_url *u, int64_t deadline_ms,
    struct redis_where *w, char fault[SENTINEL_FAULT_MAX])
{
	strlcpy(fault, "no time left to ask the sentinels", SENTINEL_FAULT_MAX);
	for (size_t i = 0; i < u->nsentinels; i++) {
		int64_t left = deadline_ms - clock_mono_ms();

		if (left <= 0)
			break;
		if (ask_one(u, &u->sentinels[i],
			left < EACH_MS ? left : EACH_MS, w, fault) == 0)
			return 0;
	}
	return -1;
}
