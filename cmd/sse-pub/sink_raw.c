#include <stdlib.h>
#include <string.h>

#include "redis_link.h"
#include "sink_raw.h"
#include "units.h"

#define WINDOW SINK_WINDOW_MAX
#define COMMAND_MORE ((size_t)64) /* bytes besides topic and data, at most */
/*
 * What Redis reads at once.  Of more it would be left with half a command, to
 * move and to begin with again.
 */
#define SALVO_BYTES ((size_t)16 << 10)

/* How many answers are awaited, and until when. */
struct salvo {
	size_t n;
	int64_t deadline_ms;
};

struct sink_raw {
	struct sink sink; /* first, so that a sink is one of these */
	struct redis_link *link;
	const struct bus_conf *conf;
	struct sse_buf gather;      /* commands as Redis reads them */
	struct sse_buf topic;       /* of the event added last */
	struct salvo salvo[WINDOW]; /* on their way, the oldest first */
};

static const struct sink_ops ops;

struct sink *
sink_raw_new(const struct redis_url *url, const struct bus_conf *conf,
    size_t batch_max, int64_t timeout_ms)
{
	struct sink_raw *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	sink_init(&s->sink, &ops, timeout_ms);
	s->sink.batch_max = batch_max;
	s->sink.window = WINDOW;
	s->conf = conf;
	if ((s->link = redis_link_new(url)) == NULL) {
		sink_free(&s->sink);
		return NULL;
	}
	redis_link_set_home(s->link, conf->prefix);
	return &s->sink;
}

static void
raw_free(struct sink *sink)
{
	struct sink_raw *s = (struct sink_raw *)sink;

	redis_link_free(s->link);
	sse_buf_free(&s->gather);
	sse_buf_free(&s->topic);
	free(s);
}

static enum sink_state
failed(struct sink_raw *s, enum redis_link_state link, bool unsure)
{
	return sink_fail(&s->sink, redis_link_status(link), unsure, "%s",
	    redis_link_fault(s->link));
}

enum sink_state
sink_raw_open(struct sink *sink)
{
	struct sink_raw *s = (struct sink_raw *)sink;
	int64_t deadline_ms = clock_mono_ms() + sink->timeout_ms;
	enum redis_link_state link = redis_link_open(s->link, deadline_ms);

	redis_link_set_stop(s->link, sink->stop);
	return link == REDIS_LINK_OK ? SINK_READY : failed(s, link, false);
}

static bool
raw_fits(const struct sink *sink, const struct event *ev)
{
	const struct sink_raw *s = (const struct sink_raw *)sink;

	return s->gather.len + COMMAND_MORE + s->topic.len + ev->data.len <=
	    SALVO_BYTES;
}

#define BULK_MORE \
	((size_t)32) /* bytes that a bulk string is longer than its text */

/* Write "$LEN CRLF text CRLF" to where there is room, and return its end. */
static char *
bulk(char *to, struct sse_text t)
{
	char digits[24], *d = digits + sizeof(digits);
	size_t n = t.len;

	do
		*--d = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	*to++ = '$';
	to = mempcpy(to, d, (size_t)(digits + sizeof(digits) - d));
	to = mempcpy(to, "\r\n", 2);
	if (t.len > 0)
		to = mempcpy(to, t.ptr, t.len);
	return mempcpy(to, "\r\n", 2);
}

static int
raw_add(struct sink *sink, const struct event *ev, struct sse_text once)
{
	static const char command[] = "*3\r\n$7\r\nPUBLISH\r\n";
	struct sink_raw *s = (struct sink_raw *)sink;
	char *to;

	(void)once;
	s->topic.len = 0;
	if (bus_topic(s->conf, ev->channel, &s->topic) == -1 ||
	    sse_buf_reserve(&s->gather,
		sizeof(command) + s->topic.len + ev->data.len +
		    2 * BULK_MORE) == -1)
		return -1;
	to = mempcpy(
	    s->gather.ptr + s->gather.len, command, sizeof(command) - 1);
	to = bulk(to, (struct sse_text){ s->topic.ptr, s->topic.len });
	to = bulk(to, ev->data);
	s->gather.len = (size_t)(to - s->gather.ptr);
	return 0;
}

static enum sink_state
raw_send(struct sink *sink)
{
	struct sink_raw *s = (struct sink_raw *)sink;
	int64_t deadline_ms = clock_mono_ms() + sink->timeout_ms;
	enum redis_link_state link;

	s->salvo[sink->on_way++] = (struct salvo){ sink->gathered,
		deadline_ms };
	sink->gathered = 0;
	link = redis_link_send_bytes(s->link, s->gather.ptr, s->gather.len);
	s->gather.len = 0;
	if (link == REDIS_LINK_OK)
		link = redis_link_flush(s->link, deadline_ms);
	if (link != REDIS_LINK_OK)
		return failed(s, link, true);
	sink->deadline_ms = s->salvo[0].deadline_ms;
	sink->fd = redis_link_fd(s->link);
	return SINK_SENT;
}

/* One answer: how many servers it has reached. */
static enum sink_state
take(struct sink_raw *s, const redisReply *r)
{
	enum bus_answer answer = bus_answer_of(r);

	if (answer != BUS_OK)
		return failed(s, redis_link_refused(s->link, answer, r), true);
	if (r->type == REDIS_REPLY_INTEGER)
		sink_reached(&s->sink, r->integer);
	return SINK_READY;
}

/* The oldest have all their answers. */
static void
land(struct sink_raw *s)
{
	while (s->sink.on_way > 0 && s->salvo[0].n == 0) {
		s->sink.on_way--;
		memmove(s->salvo, s->salvo + 1,
		    s->sink.on_way * sizeof(s->salvo[0]));
	}
	s->sink.deadline_ms = s->salvo[0].deadline_ms;
}

static enum sink_state
raw_receive(struct sink *sink)
{
	struct sink_raw *s = (struct sink_raw *)sink;
	enum redis_link_state link;
	enum sink_state state;
	redisReply *r;

	link = redis_link_reply(s->link, &r, s->salvo[0].deadline_ms);
	/* What was read along with it would not show in a poll(2). */
	while (link == REDIS_LINK_OK && r != NULL) {
		state = take(s, r);
		freeReplyObject(r);
		if (state == SINK_FAILED)
			return state;
		s->salvo[0].n--;
		land(s);
		if (sink->on_way == 0)
			return SINK_READY;
		link = redis_link_poll(s->link, &r);
	}
	return link == REDIS_LINK_OK ? SINK_SENT : failed(s, link, true);
}

static const struct sink_ops ops = {
	.fits = raw_fits,
	.add = raw_add,
	.send = raw_send,
	.receive = raw_receive,
	.free = raw_free,
};
