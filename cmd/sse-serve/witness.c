#include <err.h>
#include <string.h>

#include "conn.h"
#include "http_answer.h"
#include "request.h"
#include "units.h"
#include "visible.h"
#include "visit.h"
#include "witness.h"

/* The bytes of an answer behind its head, and behind 100 Continue. */
static uint64_t
body_bytes(const struct sse_buf *out)
{
	static const char next[] = "HTTP/1.1 100";
	const char *p = out->ptr, *end;
	size_t left = out->len;
	bool interim;

	do {
		interim = left > sizeof(next) &&
		    memcmp(p, next, sizeof(next) - 1) == 0;
		if (left == 0 || (end = memmem(p, left, "\r\n\r\n", 4)) == NULL)
			return 0;
		left -= (size_t)(end - p) + 4;
		p = end + 4;
	} while (interim);
	return left;
}

static void
tell_refusal(struct witness *w, const struct caller *c, int status,
    const char *why, int64_t now_ms)
{
	char method[32], target[256];

	if (!hush_says(&w->hush, now_ms))
		return;
	if (c->method.len == 0)
		warnx("refused: %d %s", status, why);
	else
		warnx("refused: %s %s: %d %s",
		    visible_line(c->method, method, sizeof(method)),
		    visible_line(c->target, target, sizeof(target)), status,
		    why);
}

void
witness_answer(struct witness *w, const struct request *r,
    const struct addr *addr, int status, const char *why)
{
	bool tells = w->conf->verbose > 0 && why != NULL;
	struct access a = { .kind = ACCESS_REQUEST,
		.addr = *addr,
		.client = r->who->client,
		.status = status };

	if (!tells && w->lines.log == NULL)
		return;
	a.now_ms = clock_unix_ms();
	a.bytes = body_bytes(&r->out);
	caller_read(
	    &a.caller, r->in.ptr, r->head_len > 0 ? r->head_len : r->in.len);
	if (tells)
		tell_refusal(w, &a.caller, status, why, a.now_ms);
	access_lines_add(&w->lines, &a);
}

static struct access
of_stream(enum access_kind kind, const struct conn_view *view,
    char id[static CONN_ID_LEN])
{
	const struct visit *v = view->visit;

	conn_id_format(&view->id, id);
	return (struct access){ .kind = kind,
		.caller = v->caller,
		.addr = *view->addr,
		.client = view->client,
		.now_ms = clock_unix_ms(),
		.status = 200,
		.bytes = v->bytes,
		.id = id,
		.since_ms = v->since_ms,
		.events = v->events };
}

void
witness_begin(struct witness *w, const struct conn_view *view)
{
	char id[CONN_ID_LEN];
	struct access a;

	if (w->lines.log == NULL || view->visit == NULL)
		return;
	a = of_stream(ACCESS_BEGIN, view, id);
	access_lines_add(&w->lines, &a);
}

void
witness_end(struct witness *w, const struct conn_view *view, const char *why)
{
	char id[CONN_ID_LEN];
	struct access a;

	if (w->lines.log == NULL || view->visit == NULL)
		return;
	a = of_stream(ACCESS_END, view, id);
	a.why = why;
	access_lines_add(&w->lines, &a);
}

void
witness_flush(struct witness *w)
{
	if (w->lines.buf.len > 0)
		access_lines_flush(&w->lines);
}
