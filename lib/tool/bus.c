#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_args.h"

static const char attach_text[] = {
#include "lib/tool/attach.lua.inc"
};
static const struct bus_script attach = {
	attach_text,
	sizeof(attach_text),
#include "lib/tool/attach.lua.sha1"
};

static const char page_text[] = {
#include "lib/tool/page.lua.inc"
};
static const struct bus_script page = {
	page_text,
	sizeof(page_text),
#include "lib/tool/page.lua.sha1"
};

static const char raise_text[] = {
#include "lib/tool/raise.lua.inc"
};
static const struct bus_script raise_script = {
	raise_text,
	sizeof(raise_text),
#include "lib/tool/raise.lua.sha1"
};

static const struct sse_text nothing = { "", 0 };

/* The first word of an error of Redis, and what it means to a sender. */
static const struct {
	const char *word;
	enum bus_answer answer;
} errors[] = {
	{ "ASK", BUS_BUSY }, /* its slot is on the way to another node */
	{ "BUSY", BUS_BUSY },
	{ "CLUSTERDOWN", BUS_BUSY },
	{ "CROSSSLOT", BUS_SPLIT },
	{ "DENIED", BUS_DENIED }, /* protected mode */
	{ "LOADING", BUS_BUSY },
	{ "MASTERDOWN", BUS_BUSY },
	{ "MISCONF", BUS_BUSY }, /* it cannot write its disk */
	{ "MOVED", BUS_MOVED },
	{ "NOAUTH", BUS_DENIED },
	{ "NOPERM", BUS_DENIED },
	{ "NOREPLICAS", BUS_BUSY },
	{ "NOSCRIPT", BUS_NOSCRIPT },
	{ "OOM", BUS_BUSY },
	{ "READONLY", BUS_BUSY }, /* a replica, until it is promoted */
	{ "SSEORDER", BUS_ORDER },
	{ "TRYAGAIN", BUS_BUSY },
	{ "WRONGPASS", BUS_DENIED },
};

/* Errors that only their text tells apart. */
static const struct {
	const char *start;
	enum bus_answer answer;
} sentences[] = {
	{ "ERR The user executing the script can't", BUS_DENIED },
	{ "ERR max number of clients reached", BUS_BUSY },
	{ "ERR invalid password", BUS_DENIED },
	{ "ERR Client sent AUTH, but no password is set", BUS_DENIED },
	{ "ERR AUTH <password> called without any password", BUS_DENIED },
};

static enum bus_answer
error_answer(const char *s)
{
	size_t word = strcspn(s, " ");

	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
		if (strlen(errors[i].word) == word &&
		    strncmp(s, errors[i].word, word) == 0)
			return errors[i].answer;
	for (size_t i = 0; i < sizeof(sentences) / sizeof(sentences[0]); i++)
		if (strncmp(
			s, sentences[i].start, strlen(sentences[i].start)) == 0)
			return sentences[i].answer;
	return BUS_REFUSED;
}

enum bus_answer
bus_answer_of(const redisReply *r)
{
	if (r == NULL)
		return BUS_BUSY;
	return r->type == REDIS_REPLY_ERROR ? error_answer(r->str) : BUS_OK;
}

const char *
bus_error(const redisReply *r)
{
	if (r == NULL)
		return "no answer";
	if (r->type == REDIS_REPLY_ERROR)
		return r->str;
	return "the answer is not of the kind that was asked for";
}

/* MOVED SLOT HOST:PORT */
bool
bus_moved(const redisReply *r, struct sse_text *host, int *port)
{
	const char *at, *colon, *errstr;

	if (bus_answer_of(r) != BUS_MOVED || r == NULL ||
	    (at = strrchr(r->str, ' ')) == NULL ||
	    (colon = strrchr(++at, ':')) == NULL)
		return false;
	*host = (struct sse_text){ at, (size_t)(colon - at) };
	*port = (int)strtonum(colon + 1, 1, 65535, &errstr);
	return errstr == NULL;
}

struct sse_text
bus_reply_text(const redisReply *r)
{
	if (r->type != REDIS_REPLY_STRING && r->type != REDIS_REPLY_STATUS)
		return nothing;
	return (struct sse_text){ r->str, r->len };
}

struct place
bus_reply_place(const redisReply *r)
{
	struct sse_text t = bus_reply_text(r);
	struct place p = PLACE_ZERO;

	return place_parse(t.ptr, t.len, &p) ? p : PLACE_ZERO;
}

int
bus_topic(
    const struct bus_conf *conf, struct sse_text channel, struct sse_buf *b)
{
	size_t before = b->len;

	if (sse_buf_append(b, conf->prefix, strlen(conf->prefix)) == 0 &&
	    sse_buf_append(b, channel.ptr, channel.len) == 0)
		return 0;
	b->len = before;
	return -1;
}

bool
bus_prefix_valid(const char *prefix)
{
	size_t len = strlen(prefix);

	for (size_t i = 0; i < len; i++)
		if (prefix[i] <= ' ' || prefix[i] >= 0x7f)
			return false;
	return len >= 1 && len <= BUS_PREFIX_MAX &&
	    strpbrk(prefix, "*?[]\\,") == NULL;
}

bool
bus_prefix_tagged(const char *prefix)
{
	const char *open = strchr(prefix, '{');
	const char *close = open != NULL ? strchr(open, '}') : NULL;

	return close != NULL && close > open + 1;
}

/* A comma is in no channel's name, so that no channel can be taken for it. */
void
bus_marker_name(const struct bus_conf *conf, char name[BUS_MARKER_LEN])
{
	unsigned int r[4];

	arc4random_buf(r, sizeof(r));
	snprintf(name, BUS_MARKER_LEN, "%.*s%s%08x%08x%08x%08x", BUS_PREFIX_MAX,
	    conf->prefix, BUS_MARKER, r[0], r[1], r[2], r[3]);
}

static int
keys_last(struct bus_args *a, const struct bus_conf *conf, size_t more)
{
	return bus_args_number(a, 2 + more) == -1 ||
		bus_args_key(a, conf->prefix, "last", nothing) == -1 ||
		bus_args_key(a, conf->prefix, "birth", nothing) == -1
	    ? -1
	    : 0;
}

static int
add_place(struct bus_args *a, struct place p)
{
	char text[PLACE_LEN];

	return bus_args_add(a, text, place_format(p, text));
}

struct retention
bus_retention(const struct bus_conf *conf, struct sse_text channel)
{
	struct retention keep = { conf->log_count, conf->log_age_ms, 0 };
	size_t family = conf->families == NULL
	    ? 0
	    : retention_family(conf->families, channel);

	return family == 0 ? keep : retention_of_family(conf->families, family);
}

/* For how long the logs of channels are kept. */
static int
add_ages(struct bus_args *a, const struct bus_conf *conf,
    const struct sse_text *channels, size_t n)
{
	uint64_t *ages;
	int error;

	if (n == 0)
		return bus_args_number(a, (uint64_t)conf->log_age_ms);
	if ((ages = calloc(n, sizeof(*ages))) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++)
		ages[i] = (uint64_t)bus_retention(conf, channels[i]).age_ms;
	error = bus_args_numbers(a, ages, n);
	free(ages);
	return error;
}

int
bus_attach_command(const struct bus_conf *conf, const char *marker,
    const struct sse_text *channels, size_t n, struct place after,
    unsigned int count, bool by_sha, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };
	bool fail = bus_args_script(&a, &attach, by_sha) == -1 ||
	    keys_last(&a, conf, n) == -1;

	for (size_t i = 0; i < n && !fail; i++)
		fail = bus_args_key(&a, conf->prefix, "log:", channels[i]) ==
		    -1;
	fail = fail || bus_args_text(&a, marker) == -1 ||
	    (place_is_zero(after) ? bus_args_text(&a, "")
				  : add_place(&a, after)) == -1 ||
	    bus_args_number(&a, count) == -1 ||
	    add_ages(&a, conf, channels, n) == -1;
	if (!fail)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

static int
page_command(const struct bus_conf *conf, const char *verb,
    struct sse_text channel, const char *from, const char *to,
    unsigned int count, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	if (bus_args_text(&a, verb) == 0 &&
	    bus_args_key(&a, conf->prefix, "log:", channel) == 0 &&
	    bus_args_text(&a, from) == 0 && bus_args_text(&a, to) == 0 &&
	    bus_args_text(&a, "COUNT") == 0 && bus_args_number(&a, count) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

int
bus_page_command(const struct bus_conf *conf, struct sse_text channel,
    struct place after, unsigned int count, struct bus_command *c)
{
	char from[PLACE_LEN + 1] = "(";

	place_format(after, from + 1);
	return page_command(conf, "XRANGE", channel, from, "+", count, c);
}

int
bus_page_kept_command(const struct bus_conf *conf, struct sse_text channel,
    struct place after, unsigned int count, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	if (bus_args_script(&a, &page, false) == 0 &&
	    bus_args_text(&a, "1") == 0 &&
	    bus_args_key(&a, conf->prefix, "log:", channel) == 0 &&
	    add_place(&a, after) == 0 && bus_args_number(&a, count) == 0 &&
	    bus_args_number(&a, bus_retention(conf, channel).count) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

int
bus_page_back_command(const struct bus_conf *conf, struct sse_text channel,
    struct place up_to, unsigned int count, struct bus_command *c)
{
	char from[PLACE_LEN];

	place_format(up_to, from);
	return page_command(conf, "XREVRANGE", channel, from, "-", count, c);
}

int
bus_home_command(const char *prefix, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	/* Two keys, so that it tells a prefix that keeps them apart, too. */
	if (bus_args_text(&a, "MGET") == 0 &&
	    bus_args_key(&a, prefix, "last", nothing) == 0 &&
	    bus_args_key(&a, prefix, "birth", nothing) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

int
bus_raise_command(const struct bus_conf *conf, struct place seen,
    const struct place *low, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	if (bus_args_script(&a, &raise_script, false) == 0 &&
	    bus_args_text(&a, "2") == 0 &&
	    bus_args_key(&a, conf->prefix, "last", nothing) == 0 &&
	    bus_args_key(&a, conf->prefix, "fork", nothing) == 0 &&
	    add_place(&a, seen) == 0 &&
	    (low == NULL ? bus_args_text(&a, "") : add_place(&a, *low)) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

/* LOW HIGH; what is anything else is none. */
static struct bus_fork
fork_of(struct sse_text t)
{
	struct bus_fork f = { PLACE_ZERO, PLACE_ZERO };
	const char *space = t.len == 0 ? NULL : memchr(t.ptr, ' ', t.len);
	size_t len;

	if (space == NULL)
		return f;
	len = (size_t)(space - t.ptr);
	if (!place_parse(t.ptr, len, &f.low))
		f.low = PLACE_ZERO;
	if (!place_parse(space + 1, t.len - len - 1, &f.high))
		f.high = PLACE_ZERO;
	return f;
}

enum bus_answer
bus_raise_answer(
    const redisReply *r, struct place *before, struct bus_fork *fork)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	if (r->type != REDIS_REPLY_ARRAY || r->elements != 2 ||
	    r->element[0]->type != REDIS_REPLY_STRING)
		return BUS_REFUSED;
	*before = bus_reply_place(r->element[0]);
	*fork = fork_of(bus_reply_text(r->element[1]));
	return BUS_OK;
}

bool
bus_fork_has(const struct bus_fork *f, struct place p)
{
	return place_cmp(p, f->low) > 0 && place_cmp(p, f->high) <= 0;
}

int
bus_mark_command(
    const struct bus_conf *conf, const char *relay, struct bus_command *c)
{
	struct bus_args a = { .n = 0 };

	if (bus_args_text(&a, "GET") == 0 &&
	    bus_args_key(&a, conf->prefix, "relay:", text_of(relay)) == 0)
		return bus_args_command(&a, c);
	bus_args_free(&a);
	return -1;
}

enum bus_answer
bus_mark_answer(const redisReply *r, struct sse_text *mark)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return answer;
	*mark = bus_reply_text(r);
	return r->type == REDIS_REPLY_STRING || r->type == REDIS_REPLY_NIL
	    ? BUS_OK
	    : BUS_REFUSED;
}
