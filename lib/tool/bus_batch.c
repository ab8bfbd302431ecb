#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bus_fields.h"

static const char publish_text[] = {
#include "lib/tool/publish.lua.inc"
};
static const struct bus_script publish = {
	publish_text,
	sizeof(publish_text),
#include "lib/tool/publish.lua.sha1"
};

#define MESSAGE_HEAD_BYTES 128 /* of its id, place and prev, at most */

/* The texts are kept as the script wants them, so that sending copies none. */
struct bus_batch {
	const struct bus_conf *conf;
	struct bus_args logs;     /* KEYS: one for each channel */
	struct bus_args onces;    /* KEYS: one for each event that has one */
	struct bus_args events;   /* ARGV */
	struct bus_args producer; /* KEYS: its hash; its number */
	struct bus_args relay;    /* KEYS: its mark; from; to */
	size_t *starts;           /* of each log's key in logs.mem */
	size_t starts_cap;
	size_t recent; /* the log that was last asked for */
	size_t count;
};

struct bus_batch *
bus_batch_new(const struct bus_conf *conf)
{
	struct bus_batch *b = calloc(1, sizeof(*b));

	if (b != NULL)
		b->conf = conf;
	return b;
}

void
bus_batch_free(struct bus_batch *b)
{
	if (b == NULL)
		return;
	bus_args_free(&b->logs);
	bus_args_free(&b->onces);
	bus_args_free(&b->events);
	bus_args_free(&b->producer);
	bus_args_free(&b->relay);
	free(b->starts);
	free(b);
}

void
bus_batch_clear(struct bus_batch *b)
{
	bus_args_cut(&b->logs, 0);
	bus_args_cut(&b->onces, 0);
	bus_args_cut(&b->events, 0);
	bus_args_cut(&b->producer, 0);
	bus_args_cut(&b->relay, 0);
	b->recent = b->count = 0;
}

static struct sse_text
log_channel(const struct bus_batch *b, size_t i)
{
	size_t before = strlen(b->conf->prefix) + strlen("log:");

	return (struct sse_text){ b->logs.mem.ptr + b->starts[i] + before,
		b->logs.len[i] - before };
}

static bool
log_is(const struct bus_batch *b, size_t i, struct sse_text channel)
{
	struct sse_text t = log_channel(b, i);

	return t.len == channel.len && memcmp(t.ptr, channel.ptr, t.len) == 0;
}

/* The number from 1 of channel's log, which is made when it is new; 0: ENOMEM. */
static size_t
log_number(struct bus_batch *b, struct sse_text channel)
{
	size_t n = b->logs.n, start = b->logs.mem.len;

	if (b->recent < n && log_is(b, b->recent, channel))
		return b->recent + 1;
	for (size_t i = n; i-- > 0;)
		if (log_is(b, i, channel)) {
			b->recent = i;
			return i + 1;
		}
	if (n == b->starts_cap) {
		size_t cap = n == 0 ? 16 : 2 * n;
		size_t *grown = reallocarray(b->starts, cap, sizeof(*grown));

		if (grown == NULL)
			return 0;
		b->starts = grown;
		b->starts_cap = cap;
	}
	if (bus_args_key(&b->logs, b->conf->prefix, "log:", channel) == -1)
		return 0;
	b->starts[n] = start;
	b->recent = n;
	return n + 1;
}

/*
 * The key of --once.  A colon within it is percent-encoded, so that the last
 * one parts it from the channel, whose name may have some.
 */
static int
once_key(struct bus_batch *b, struct sse_text channel, struct sse_text once)
{
	struct sse_buf rest = { NULL, 0, 0 };
	bool fail = sse_buf_append(&rest, channel.ptr, channel.len) == -1 ||
	    sse_buf_append(&rest, ":", 1) == -1;

	for (size_t i = 0; i < once.len && !fail; i++) {
		char c = once.ptr[i];

		if (c == ':')
			fail = sse_buf_append(&rest, "%3A", 3) == -1;
		else if (c == '%')
			fail = sse_buf_append(&rest, "%25", 3) == -1;
		else
			fail = sse_buf_append(&rest, &c, 1) == -1;
	}
	fail = fail ||
	    bus_args_key(&b->onces, b->conf->prefix,
		"dedup:", (struct sse_text){ rest.ptr, rest.len }) == -1;
	sse_buf_free(&rest);
	return fail ? -1 : 0;
}

/* How many bytes longer t is as lines of data. */
static size_t
lines_more(struct sse_text t)
{
	size_t breaks = 0;

	for (size_t i = 0; i < t.len; i++)
		breaks += t.ptr[i] == '\n' ||
		    (t.ptr[i] == '\r' &&
			(i + 1 == t.len || t.ptr[i + 1] != '\n'));
	return breaks * strlen("data: ");
}

/* As the script counts. */
const char *
bus_event_fault(const struct event *ev)
{
	size_t bytes = MESSAGE_HEAD_BYTES + (ev->has_id ? ev->id.len : 0);
	const char *fault = event_fault(ev);
	struct bus_fields f = { .n = 0 };

	if (fault != NULL)
		return fault;
	bus_fields_of(&f, ev);
	for (size_t i = 0; i < f.n; i++)
		bytes += strlen(f.of[i].name) + f.of[i].value.len + 3;
	/* Nearly always there is no need to look for line breaks. */
	if (bytes + ev->data.len * strlen("data: ") > BUS_MESSAGE_MAX)
		bytes += lines_more(ev->data);
	return bytes > BUS_MESSAGE_MAX
	    ? "larger than a message of Redis may be, 1 MiB with all its fields"
	    : NULL;
}

int
bus_batch_add(struct bus_batch *b, const struct event *ev, struct sse_text once)
{
	struct bus_args *a = &b->events;
	size_t events = a->n, logs = b->logs.n, onces = b->onces.n, log;
	struct bus_fields f = { .n = 0 };

	bus_fields_of(&f, ev);
	if ((log = log_number(b, ev->channel)) == 0 ||
	    (once.len > 0 && once_key(b, ev->channel, once) == -1) ||
	    bus_args_number(a, log) == -1 ||
	    bus_args_number(a, once.len > 0 ? b->onces.n : 0) == -1 ||
	    bus_args_add(a, ev->id.ptr, ev->has_id ? ev->id.len : 0) == -1 ||
	    bus_args_number(a, f.n) == -1 || bus_fields_put(&f, a) == -1)
		goto undo;
	b->count++;
	return 0;
undo:
	bus_args_cut(a, events);
	bus_args_cut(&b->onces, onces);
	bus_args_cut(&b->logs, logs);
	return -1;
}

size_t
bus_batch_count(const struct bus_batch *b)
{
	return b->count;
}

size_t
bus_batch_bytes(const struct bus_batch *b)
{
	return b->events.mem.len + b->logs.mem.len + b->onces.mem.len;
}

bool
bus_batch_full(const struct bus_batch *b)
{
	return b->count >= BUS_BATCH_EVENTS ||
	    bus_batch_bytes(b) >= BUS_BATCH_BYTES;
}

int
bus_batch_set_producer(
    struct bus_batch *b, const char *producer, uint64_t number)
{
	return bus_args_producer(
	    &b->producer, b->conf->prefix, producer, number);
}

int
bus_batch_set_mark(struct bus_batch *b, const char *relay, struct sse_text from,
    struct sse_text to)
{
	return bus_args_mark(&b->relay, b->conf->prefix, relay, from, to);
}

/* What stands before the logs. */
static int
add_head(const struct bus_batch *b, struct bus_args *a, bool by_sha)
{
	size_t keys = 2 + b->logs.n + b->onces.n + (b->producer.n > 0) +
	    (b->relay.n > 0);

	if (bus_args_script(a, &publish, by_sha) == -1 ||
	    bus_args_number(a, keys) == -1 ||
	    bus_args_key(a, b->conf->prefix, "last", TEXT("")) == -1 ||
	    bus_args_key(a, b->conf->prefix, "birth", TEXT("")) == -1)
		return -1;
	return 0;
}

/* How many events each log keeps, and for how long. */
static int
add_retention(const struct bus_batch *b, struct bus_args *a)
{
	size_t n = b->logs.n;
	uint64_t *v;
	int error;

	if (n == 0 || b->conf->families == NULL)
		return bus_args_number(a, b->conf->log_count) == -1
		    ? -1
		    : bus_args_number(a, (uint64_t)b->conf->log_age_ms);
	if ((v = calloc(2 * n, sizeof(*v))) == NULL)
		return -1;
	for (size_t i = 0; i < n; i++) {
		struct retention keep = bus_retention(
		    b->conf, log_channel(b, i));

		v[i] = keep.count;
		v[n + i] = (uint64_t)keep.age_ms;
	}
	error = bus_args_numbers(a, v, n);
	if (error == 0)
		error = bus_args_numbers(a, v + n, n);
	free(v);
	return error;
}

/* The keys behind the others, and what stands before the events. */
static int
add_tail(const struct bus_batch *b, struct bus_args *a)
{
	if ((b->producer.n > 0 && bus_args_nth(a, &b->producer, 0) == -1) ||
	    (b->relay.n > 0 && bus_args_nth(a, &b->relay, 0) == -1) ||
	    add_retention(b, a) == -1 || bus_args_number(a, b->logs.n) == -1 ||
	    bus_args_number(a, b->onces.n) == -1 ||
	    bus_args_number(a, (uint64_t)b->conf->once_ms) == -1 ||
	    bus_args_nth(a, &b->producer, 1) == -1 ||
	    bus_args_number(a, (uint64_t)b->conf->producer_ms) == -1 ||
	    bus_args_nth(a, &b->relay, 1) == -1 ||
	    bus_args_nth(a, &b->relay, 2) == -1)
		return -1;
	return 0;
}

int
bus_batch_command(const struct bus_batch *b, bool by_sha, struct bus_command *c)
{
	const struct bus_args *const keys[] = { &b->logs, &b->onces };
	struct bus_args own = { .n = 0 };
	size_t head;

	if (add_head(b, &own, by_sha) == 0) {
		head = own.n;
		if (add_tail(b, &own) == 0)
			return bus_args_join(
			    &own, head, keys, 2, &b->events, c);
	}
	bus_args_free(&own);
	return -1;
}

/* Is the status this word, with or without a number behind it? */
static bool
status_is(struct sse_text status, const char *word)
{
	const char *space = memchr(status.ptr, ' ', status.len);

	if (space != NULL)
		status.len = (size_t)(space - status.ptr);
	return text_is(status, word);
}

/*
 * "PLACE" or "PLACE ID", with "=" before it when its key had been; or "!" and
 * why it is refused.
 */
static int
minted_parse(struct bus_minted *m, struct sse_text t)
{
	const char *space;
	size_t len;

	if (t.len > 1 && t.ptr[0] == '!') {
		m->refused = (struct sse_text){ t.ptr + 1, t.len - 1 };
		return 0;
	}
	m->keyed = t.len > 0 && t.ptr[0] == '=';
	if (m->keyed) {
		t.ptr++;
		t.len--;
	}
	space = t.len > 0 ? memchr(t.ptr, ' ', t.len) : NULL;
	len = space == NULL ? t.len : (size_t)(space - t.ptr);
	m->id = t;
	if (space != NULL)
		m->id = (struct sse_text){ space + 1, t.len - len - 1 };
	return place_parse(t.ptr, len, &m->place) ? 0 : -1;
}

static enum bus_answer
minted_read(
    const struct bus_batch *b, const redisReply *r, struct bus_minted *minted)
{
	bool again = status_is(bus_reply_text(r->element[0]), "repeat");
	bool told = r->elements - 2 == b->count;

	/* Else it is a repeat of long ago, or a mark tells. */
	if (!told && r->elements != 2 && b->relay.n == 0)
		return BUS_REFUSED;
	for (size_t i = 0; minted != NULL && i < b->count; i++) {
		minted[i] = (struct bus_minted){ .repeated = !told };
		if (told &&
		    minted_parse(
			&minted[i], bus_reply_text(r->element[i + 2])) == -1)
			return BUS_REFUSED;
		if (minted[i].keyed || (again && minted[i].refused.len == 0))
			minted[i].repeated = true;
	}
	return BUS_OK;
}

/* Why the ith is refused; empty: it is not. */
static struct sse_text
refused_for(const redisReply *r, size_t i)
{
	struct sse_text t = bus_reply_text(r->element[i]);

	if (t.len < 2 || t.ptr[0] != '!')
		return (struct sse_text){ NULL, 0 };
	return (struct sse_text){ t.ptr + 1, t.len - 1 };
}

/* How many of those from one to another are refused for this? */
static size_t
count_refused(const redisReply *r, size_t from, size_t to, struct sse_text why)
{
	size_t n = 0;

	for (size_t i = from; i < to; i++) {
		struct sse_text t = refused_for(r, i);

		n += t.ptr != NULL && t.len == why.len &&
		    memcmp(t.ptr, why.ptr, t.len) == 0;
	}
	return n;
}

size_t
bus_batch_refused(const redisReply *r, size_t *iter, struct sse_text *why)
{
	for (size_t i = *iter + 2; i < r->elements; i++) {
		*why = refused_for(r, i);
		if (why->len == 0 || count_refused(r, 2, i, *why) > 0)
			continue;
		*iter = i - 1;
		return count_refused(r, i, r->elements, *why);
	}
	return 0;
}

long long
bus_batch_reached(const redisReply *r)
{
	struct sse_text status;
	const char *space;

	if (r->type != REDIS_REPLY_ARRAY || r->elements < 2)
		return -1;
	status = bus_reply_text(r->element[0]);
	space = memchr(status.ptr, ' ', status.len);
	/* hiredis puts a NUL behind it. */
	return space == NULL ? -1 : strtoll(space + 1, NULL, 10);
}

enum bus_answer
bus_batch_answer(const struct bus_batch *b, const redisReply *r,
    struct bus_minted *minted, struct sse_text *mark)
{
	enum bus_answer answer = bus_answer_of(r);
	struct sse_text status;

	if (answer != BUS_OK)
		return answer;
	if (r->type != REDIS_REPLY_ARRAY || r->elements < 2)
		return BUS_REFUSED;
	status = bus_reply_text(r->element[0]);
	if (mark != NULL)
		*mark = bus_reply_text(r->element[1]);
	if (text_is(status, "moved"))
		return BUS_MARK_MOVED;
	if (!status_is(status, "ok") && !status_is(status, "repeat"))
		return BUS_REFUSED;
	return minted_read(b, r, minted);
}
