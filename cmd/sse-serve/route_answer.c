#include <stdio.h>

#include "http_answer.h"
#include "origin.h"
#include "route_answer.h"

static const unsigned char page[] = {
#include "cmd/sse-serve/viewer.html.inc"
};

const char *
route_cors(const struct http_head *h, const struct route_conf *conf,
    char buf[static ROUTE_CORS_MAX])
{
	struct sse_text origin;
	int len;

	buf[0] = '\0';
	if (conf->id->admin ||
	    !origin_may_read(h, conf->origins, conf->norigins, &origin))
		return buf;
	len = snprintf(buf, ROUTE_CORS_MAX,
	    "Access-Control-Allow-Origin: %.*s\r\n%sVary: Origin\r\n",
	    (int)origin.len, origin.ptr,
	    origin_is_listed(origin, conf->origins, conf->norigins)
		? "Access-Control-Allow-Credentials: true\r\n"
		: "");
	if (len >= ROUTE_CORS_MAX)
		buf[0] = '\0';
	return buf;
}

static int
answer_options(struct sse_buf *b, const struct route *r, const char *cors,
    struct http_answer a)
{
	char fields[ROUTE_CORS_MAX + 512];

	snprintf(fields, sizeof(fields), "Allow: %s\r\n%s%s%s%s", r->allow,
	    cors, *cors != '\0' ? "Access-Control-Allow-Methods: " : "",
	    *cors != '\0' ? r->allow : "",
	    *cors != '\0' ? "\r\nAccess-Control-Allow-Headers: Authorization, "
			    "Content-Type, Idempotency-Key, "
			    "Last-Event-ID, Sse-Ask, Sse-Order, "
			    "Sse-Producer, Sse-Show\r\n"
			    "Access-Control-Max-Age: 600\r\n"
			  : "");
	a.status = 204;
	a.fields = fields;
	return http_answer(b, &a);
}

/* The page runs its own script and reads its own server, nothing else. */
static int
answer_page(struct sse_buf *b, struct http_answer a)
{
	a.status = 200;
	a.type = "text/html; charset=utf-8";
	a.body = (struct sse_text){ (const char *)page, sizeof(page) };
	a.fields = "Cache-Control: no-cache\r\n"
		   "Content-Security-Policy: default-src 'none'; "
		   "script-src 'unsafe-inline'; style-src 'unsafe-inline'; "
		   "connect-src 'self'; base-uri 'none'; form-action 'none'; "
		   "frame-ancestors 'none'\r\n"
		   "Referrer-Policy: no-referrer\r\n"
		   "Vary: Accept\r\n";
	return http_answer(b, &a);
}

static int
answer_bad(struct sse_buf *b, const struct route *r, const char *cors,
    struct http_answer a)
{
	char fields[ROUTE_CORS_MAX + 128], why[256];
	int len = snprintf(why, sizeof(why), "%s\n", r->why);

	snprintf(fields, sizeof(fields),
	    "Cache-Control: no-store\r\n%s%s%s%s%s",
	    r->status == 401 ? "WWW-Authenticate: Bearer\r\n" : "", cors,
	    r->allow != NULL ? "Allow: " : "", r->allow != NULL ? r->allow : "",
	    r->allow != NULL ? "\r\n" : "");
	a.status = r->status;
	a.type = "text/plain; charset=utf-8";
	a.fields = fields;
	a.body = (struct sse_text){ why, (size_t)len };
	return http_answer(b, &a);
}

int
route_answer(struct sse_buf *b, const struct route *r,
    const struct http_head *h, const struct route_conf *conf, bool close,
    int64_t now_s)
{
	struct http_answer a = {
		.head_only = r->head_only, .close = close, .now_s = now_s
	};
	char buf[ROUTE_CORS_MAX];
	const char *cors = route_cors(h, conf, buf);

	switch (r->what) {
	case ROUTE_OPTIONS:
		return answer_options(b, r, cors, a);
	case ROUTE_VIEWER:
		return answer_page(b, a);
	case ROUTE_EVENTS:
		return http_stream_head(b, cors, now_s);
	default:
		return answer_bad(b, r, cors, a);
	}
}

int
route_status(const struct route *r)
{
	return r->what == ROUTE_OPTIONS ? 204
	    : r->what == ROUTE_BAD      ? r->status
					: 200;
}
