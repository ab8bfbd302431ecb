#include <stdlib.h>
#include <string.h>

#include "http_answer.h"
#include "identity.h"
#include "inquiry.h"
#include "metrics.h"
#include "named.h"
#include "process.h"
#include "units.h"

struct inquiry *
inquiry_new(const struct inspect *what, const struct identity *who,
    struct conn *c, unsigned int worker)
{
	struct inquiry *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->what = *what;
	q->conn = c;
	q->worker = worker;
	q->admin = who != NULL && who->admin;
	if ((what->what == INSPECT_CONNECTIONS &&
		(q->list = json_array()) == NULL) ||
	    (who != NULL && who->client.len > 0 &&
		(q->client = name_dup(who->client)).ptr == NULL)) {
		inquiry_free(q);
		return NULL;
	}
	return q;
}

void
inquiry_free(struct inquiry *q)
{
	if (q == NULL)
		return;
	json_decref(q->list);
	free((char *)(uintptr_t)q->client.ptr);
	free(q);
}

static int
put(struct sse_buf *b, const char *s)
{
	return sse_buf_append(b, s, strlen(s));
}

static int
answer_metrics(struct inquiry *q, const struct conf *conf, struct sse_buf *b)
{
	struct metrics m = { .sum = &q->sum,
		.lag_max_ms = q->lag_max_ms,
		.redis = conf->use_redis,
		.version = SSE_VERSION };

	process_look(&m.process);
	return metrics_append(b, &m);
}

/* Cursors are formed like the IDs of connections, so that one parser will do. */
void
inquiry_go_on(struct inquiry *q, struct sse_text instance, uint64_t cursor)
{
	struct conn_id id = { .serial = cursor };

	if (instance.len != sizeof(id.instance) - 1)
		return;
	memcpy(id.instance, instance.ptr, instance.len);
	q->more = true;
	conn_id_format(&id, q->go_on);
}

json_t *
inquiry_time(int64_t ms)
{
	char text[CLOCK_TEXT_LEN];

	return json_string(clock_text(ms, text));
}

/* The ID to go on behind is that of the last one listed. */
static const char *
next_of(const struct inquiry *q)
{
	size_t n = json_array_size(q->list);

	if (*q->go_on != '\0')
		return q->go_on;
	if (!q->more || n == 0)
		return NULL;
	return json_string_value(
	    json_object_get(json_array_get(q->list, n - 1), "id"));
}

static int
answer_connections(struct inquiry *q, struct http_answer *a, struct sse_buf *b)
{
	json_t *all;
	char *text;
	int error;

	if (q->fault != NULL) {
		a->status = 503;
		a->fields = "Cache-Control: no-store\r\nRetry-After: 2\r\n";
		return put(b, q->fault) == -1 || put(b, "\n") == -1 ? -1 : 0;
	}
	a->type = "application/json";
	all = json_pack(
	    "{s:O, s:s?}", "connections", q->list, "next", next_of(q));
	text = all == NULL ? NULL : json_dumps(all, JSON_COMPACT);
	error = text == NULL || put(b, text) == -1 || put(b, "\n") == -1;

	free(text);
	json_decref(all);
	return error ? -1 : 0;
}

static int
answer_end(const struct inquiry *q, struct http_answer *a, struct sse_buf *b)
{
	a->status = q->found ? 204 : 404;
	return q->found ? 0 : put(b, "there is no such connection\n");
}

static int
answer_ready(const struct inquiry *q, struct http_answer *a, struct sse_buf *b)
{
	a->status = q->unready == NULL ? 200 : 503;
	return put(b, q->unready == NULL ? "ready" : q->unready) == -1 ||
		put(b, "\n") == -1
	    ? -1
	    : 0;
}

static int
fill(struct inquiry *q, const struct conf *conf, struct http_answer *a,
    struct sse_buf *b)
{
	a->status = 200;
	a->type = "text/plain; charset=utf-8";
	a->fields = "Cache-Control: no-store\r\n";
	switch (q->what.what) {
	case INSPECT_METRICS:
		a->type = "text/plain; version=0.0.4; charset=utf-8";
		return answer_metrics(q, conf, b);
	case INSPECT_READY:
		return answer_ready(q, a, b);
	case INSPECT_CONNECTIONS:
		return answer_connections(q, a, b);
	case INSPECT_END:
		return answer_end(q, a, b);
	default:
		return put(b, "ok\n");
	}
}

int
inquiry_answer(struct inquiry *q, const struct conf *conf,
    struct http_answer *a, struct sse_buf *b)
{
	if (fill(q, conf, a, b) == -1)
		return -1;
	if (b->len == 0)
		a->type = NULL;
	a->body = (struct sse_text){ b->ptr, b->len };
	return 0;
}
