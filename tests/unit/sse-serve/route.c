/* What request heads ask for, and what the answer is where none else is made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/origin.h"
#include "../../../cmd/sse-serve/route.h"
#include "../../../cmd/sse-serve/route_answer.h"
#include "event.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* By which door a request comes. */
enum door {
	PUBLIC,
	OPEN,   /* public, with --open-publish */
	LISTED, /* open, and https://a.example is an allowed origin */
	ANY,    /* public, and so is "*" */
	ADMIN,  /* by TCP */
	UNIX,   /* administration by a Unix socket */
};

struct asked {
	struct http_head h;
	struct route_conf conf;
	struct route r;
	char buf[8192];
};

static void
ask(struct asked *a, enum door door, const char *line, const char *fields)
{
	static const char *const listed[] = { "http://x", "https://a.example" };
	static const char *const any[] = { "*" };
	int status = 0;
	int n = snprintf(a->buf, sizeof(a->buf), "%s HTTP/1.1\r\n%s%s\r\n",
	    line, strstr(fields, "Host:") ? "" : "Host: localhost:8080\r\n",
	    fields);

	a->conf = (struct route_conf){ .id = identity_anonymous(door >= ADMIN),
		.open_publish = door == OPEN || door == LISTED,
		.loopback_host = door == ADMIN };
	if (door == LISTED) {
		a->conf.origins = listed;
		a->conf.norigins = nitems(listed);
	} else if (door == ANY || door >= ADMIN) {
		a->conf.origins = any;
		a->conf.norigins = nitems(any);
	}
	if (http_parse(a->buf, (size_t)n, &a->h, &status) != n)
		fail_msg("%s is no head: %d %s", line, status, a->h.fault);
	assert_int_equal(route_parse(&a->r, &a->h, &a->conf), 0);
	/* Nothing is left in the head that the route needs. */
	if (a->r.what != ROUTE_BAD)
		assert_null(a->r.why);
}

__attribute__((format(printf, 2, 3))) static void
put(char *buf, const char *fmt, ...)
{
	va_list ap;
	size_t len = strlen(buf);

	va_start(ap, fmt);
	vsnprintf(buf + len, 1024 - len, fmt, ap);
	va_end(ap);
}

static void
put_list(char *buf, const char *what, const struct sse_text *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put(buf, "%s%.*s", i == 0 ? what : "|", (int)v[i].len,
		    v[i].ptr);
}

static void
say(const struct route *r, char buf[1024])
{
	buf[0] = '\0';
	switch (r->what) {
	case ROUTE_EVENTS:
		put(buf, "events%s", r->head_only ? " head" : "");
		put_list(buf, " ", r->channels, r->nchannels);
		if (r->start == ROUTE_AFTER_ID)
			put_list(buf, " after ", &r->last_id, 1);
		if (r->start == ROUTE_LAST_N)
			put(buf, " last %llu", (unsigned long long)r->last_n);
		put_list(buf, " type ", r->types, r->ntypes);
		if (r->show != 0)
			put(buf, " show %x", r->show);
		if (r->strict)
			put(buf, " strict");
		break;
	case ROUTE_ACK:
		put_list(buf, "ack ", &r->id, 1);
		break;
	case ROUTE_PUBLISH:
		put(buf, "publish %s",
		    r->format == INPUT_WHOLE      ? "whole"
			: r->format == INPUT_SSE  ? "sse"
			: r->format == INPUT_JSON ? "json"
						  : "?");
		put_list(buf, " ", &r->channel, r->channel.len > 0);
		put_list(buf, " type ", &r->type, r->type.len > 0);
		put_list(buf, " id ", &r->id, r->has_id);
		break;
	case ROUTE_INSPECT:
		put(buf, "inspect %d limit %zu%s", (int)r->inspect.what,
		    r->inspect.limit, r->inspect.all ? " all" : "");
		if (r->inspect.after.serial != 0)
			put(buf, " after %u-%llu", r->inspect.after.worker,
			    (unsigned long long)r->inspect.after.serial);
		if (r->inspect.id.serial != 0)
			put(buf, " %s-%u-%llu", r->inspect.id.instance,
			    r->inspect.id.worker,
			    (unsigned long long)r->inspect.id.serial);
		break;
	case ROUTE_VIEWER:
		put(buf, "viewer%s", r->head_only ? " head" : "");
		break;
	case ROUTE_OPTIONS:
		put(buf, "options %s", r->allow);
		break;
	case ROUTE_BAD:
		put(buf, "%d%s%s", r->status, r->allow ? " " : "",
		    r->allow ? r->allow : "");
		assert_true(strlen(r->why) > 10);
		assert_null(strchr(r->why, '\n'));
	}
}

struct row {
	enum door door;
	const char *line, *fields, *want;
};

static void
check(const struct row *rows, size_t n)
{
	struct asked *a = malloc(sizeof(*a));
	char got[1024];

	assert_non_null(a);
	for (size_t i = 0; i < n; i++) {
		ask(a, rows[i].door, rows[i].line, rows[i].fields);
		/* The texts are the route's own: the head's bytes may go. */
		memset(a->buf, 'x', sizeof(a->buf));
		say(&a->r, got);
		if (strcmp(got, rows[i].want) != 0)
			fail_msg("%s %s: \"%s\" where \"%s\" is due",
			    rows[i].line, rows[i].fields, got, rows[i].want);
		route_free(&a->r);
	}
	free(a);
}

#define STREAM "Accept: text/event-stream\r\n"

static void
subscriptions(void **state)
{
	static const struct row rows[] = {
		{ PUBLIC, "GET /events", "", "events" },
		{ PUBLIC, "HEAD /events", "", "events head" },
		{ PUBLIC, "GET /events/A", "", "events A" },
		{ PUBLIC, "GET /events/A,B", "", "events A|B" },
		{ PUBLIC, "GET /events/A%2CB", "", "events A|B" },
		{ PUBLIC, "GET /events/A,B,A", "", "events A|B" },
		{ PUBLIC, "GET /events/%41+", "", "events A+" },
		{ PUBLIC, "GET /events/a/b%2fc", "", "events a/b/c" },
		{ PUBLIC, "GET /events/%c3%A9", "", "events \xc3\xa9" },
		{ PUBLIC, "GET /events/\xc3\xa9", "", "events \xc3\xa9" },
		{ PUBLIC, "GET http://h/events/A", "", "events A" },
		{ PUBLIC, "GET /events?channel=A&channel=B", "", "events A|B" },
		{ PUBLIC, "GET /events/C?channel=A,B", "", "events C|A|B" },
		{ PUBLIC, "GET /events/broadcast", "", "events broadcast" },
		{ PUBLIC, "GET /events?_=17&&=&x&channel=A&", "", "events A" },
		{ PUBLIC, "GET /events/", "", "400" },
		{ PUBLIC, "GET /events/,", "", "400" },
		{ PUBLIC, "GET /events/A,", "", "400" },
		{ PUBLIC, "GET /events/A,,B", "", "400" },
		{ PUBLIC, "GET /events?channel=", "", "400" },
		{ PUBLIC, "GET /events?channel", "", "400" },
		{ PUBLIC, "GET /events?channel=a+b", "", "400" },
		{ PUBLIC, "GET /events/a%20b", "", "400" },
		{ PUBLIC, "GET /events/a*", "", "400" },
		{ PUBLIC, "GET /events/a%00", "", "400" },
		{ PUBLIC, "GET /events/%ff", "", "400" },
		{ PUBLIC, "GET /events/a%", "", "400" },
		{ PUBLIC, "GET /events/a%4", "", "400" },
		{ PUBLIC, "GET /events/a%4g", "", "400" },
		{ PUBLIC, "GET /events?%zz=1", "", "400" },
		{ PUBLIC, "GET /events/client:7", "", "403" },
		{ PUBLIC, "GET /events/A,group:staff", "", "403" },
		{ PUBLIC, "GET /events?channel=presence", "", "403" },
		{ OPEN, "GET /events/client%3a7", "", "403" },
		{ ADMIN, "GET /events/client:7,presence", "",
		    "events client:7|presence" },
		{ PUBLIC, "GET /eventsA", "", "404" },
		{ PUBLIC, "GET /Events", "", "404" },
		{ PUBLIC, "GET /%65vents", "", "404" },
		{ PUBLIC, "GET /events", STREAM, "events" },
		{ PUBLIC, "GET /events", "Accept: */*\r\n", "events" },
		{ PUBLIC, "GET /events", "Accept: text/html\r\n", "406" },
		{ PUBLIC, "GET /events", "Accept: text/event-stream;q=0\r\n",
		    "406" },
	};

	(void)state;
	check(rows, nitems(rows));
}

static void
starts(void **state)
{
	static const struct row rows[] = {
		{ PUBLIC, "GET /events", "Last-Event-ID: 1-2\r\n",
		    "events after 1-2" },
		{ PUBLIC, "GET /events", "last-event-id:\r\n", "events" },
		{ PUBLIC, "GET /events?lastEventId=", "", "events" },
		{ PUBLIC, "GET /events?lastEventId=a%20b%2B+c", "",
		    "events after a b+ c" },
		{ PUBLIC, "GET /events?lastEventId=5-1",
		    "Last-Event-ID: 6-1\r\n", "events after 6-1" },
		{ PUBLIC, "GET /events?lastEventId=5-1", "Last-Event-ID:\r\n",
		    "events after 5-1" },
		{ PUBLIC, "GET /events?lastEventId=1&lastEventId=2", "",
		    "events after 1" },
		{ PUBLIC, "GET /events?last=10&lastEventId=5-1", "",
		    "events after 5-1" },
		{ PUBLIC, "GET /events?last=10", "Last-Event-ID: 6-1\r\n",
		    "events after 6-1" },
		{ PUBLIC, "GET /events?last=10&lastEventId=", "",
		    "events last 10" },
		{ PUBLIC, "GET /events?last=0", "", "events last 0" },
		{ PUBLIC, "GET /events?last=1&last=2", "", "events last 2" },
		{ PUBLIC, "GET /events?last=999999999999999999", "",
		    "events last 999999999999999999" },
		{ PUBLIC, "GET /events?last=9999999999999999999", "", "400" },
		{ PUBLIC, "GET /events?last=", "", "400" },
		{ PUBLIC, "GET /events?last=-1", "", "400" },
		{ PUBLIC, "GET /events?last=1x", "", "400" },
		{ PUBLIC, "GET /events?last=all", "", "400" },
		{ PUBLIC, "GET /events?lastEventId=a%0ab", "", "400" },
		{ PUBLIC, "GET /events?lastEventId=a%0Db", "", "400" },
		{ PUBLIC, "GET /events?lastEventId=a%00b", "", "400" },
	};

	(void)state;
	check(rows, nitems(rows));
}

static void
selections(void **state)
{
	static const struct row rows[] = {
		{ PUBLIC, "GET /events?event=a", "", "events type a" },
		{ PUBLIC, "GET /events/A?event=a&event=b,c", "",
		    "events A type a|b,c" },
		{ PUBLIC, "GET /events?event=", "", "400" },
		{ PUBLIC, "GET /events?show=channel", "", "events show 1" },
		{ PUBLIC, "GET /events?show=hello,place", "", "events show 6" },
		{ PUBLIC, "GET /events?show=hello&show=channel", "",
		    "events show 3" },
		{ PUBLIC, "GET /events", "Sse-Show: channel, place\r\n",
		    "events show 5" },
		{ PUBLIC, "GET /events?order=strict", "", "events strict" },
		{ PUBLIC, "GET /events", "Sse-Order: strict\r\n",
		    "events strict" },
		{ PUBLIC, "GET /events?order=", "", "events" },
		{ PUBLIC, "GET /events?order=loose", "", "400" },
		{ PUBLIC, "GET /events?show=hello", "sse-show: place\r\n",
		    "events show 6" },
		{ PUBLIC, "GET /events?show=", "Sse-Show:\r\n", "events" },
		{ PUBLIC, "GET /events?show=channels", "", "400" },
		{ PUBLIC, "GET /events?show=channel,,place", "", "400" },
		{ PUBLIC, "GET /events", "Sse-Show: x\r\n", "400" },
		{ PUBLIC, "GET /events?show=routing", "", "403" },
		{ PUBLIC, "GET /events", "Sse-Show: channel,routing\r\n",
		    "403" },
		{ OPEN, "GET /events?show=routing", "", "403" },
		{ ADMIN, "GET /events?show=routing", "", "events show 8" },
		{ UNIX, "GET /events?show=routing,hello", "", "events show a" },
	};

	(void)state;
	check(rows, nitems(rows));
}

static void
pages(void **state)
{
	static const struct row rows[] = {
		{ PUBLIC, "GET /", "", "viewer" },
		{ PUBLIC, "HEAD /", "", "viewer head" },
		{ PUBLIC, "GET /?channel=A", "Accept: */*\r\n", "viewer" },
		{ PUBLIC, "GET /",
		    "Accept: text/html,application/xml;q=0.9,*/*;q=0.8\r\n",
		    "viewer" },
		{ PUBLIC, "GET /", "Accept: text/*\r\n", "viewer" },
		{ PUBLIC, "GET /", "Accept: text/event-stream;q=0\r\n",
		    "viewer" },
		{ PUBLIC, "GET /", STREAM, "events" },
		{ PUBLIC, "GET /?channel=A&last=3", STREAM, "events A last 3" },
		{ PUBLIC, "GET /", "Accept: text/event-stream, */*;q=0.1\r\n",
		    "events" },
		{ PUBLIC, "GET /favicon.ico", "", "404" },
		{ PUBLIC, "GET /index.html", "", "404" },
		{ PUBLIC, "GET /../events", "", "404" },
		{ PUBLIC, "GET //events", "", "404" },
		{ PUBLIC, "DELETE /nothing", "", "404" },
		{ PUBLIC, "POST /", "", "405 GET, HEAD, OPTIONS" },
		{ PUBLIC, "PUT /events/A", "", "405 GET, HEAD, POST, OPTIONS" },
		{ ADMIN, "DELETE /events", "", "405 GET, HEAD, POST, OPTIONS" },
		{ PUBLIC, "get /events", "", "501" },
		{ PUBLIC, "BREW /events", "", "501" },
		{ PUBLIC, "BREW /x", "", "501" },
		{ PUBLIC, "PATCH /x", "", "404" },
		{ PUBLIC, "PATCH /", "", "405 GET, HEAD, OPTIONS" },
		{ PUBLIC, "TRACE /events", "", "405 GET, HEAD, POST, OPTIONS" },
		{ PUBLIC, "OPTIONS *", "", "options GET, HEAD, OPTIONS" },
		{ PUBLIC, "OPTIONS /", "", "options GET, HEAD, OPTIONS" },
		{ PUBLIC, "OPTIONS /events/A", "Origin: http://evil\r\n",
		    "options GET, HEAD, POST, OPTIONS" },
		{ PUBLIC, "OPTIONS /x", "", "404" },
	};

	(void)state;
	check(rows, nitems(rows));
}

#define GETS "GET, HEAD, OPTIONS"
#define ID "0123456789ab-3-17"

/* About the server, for the administration alone. */
static void
inspections(void **state)
{
	static const struct row rows[] = {
		{ ADMIN, "GET /metrics", "", "inspect 0 limit 100" },
		{ ADMIN, "HEAD /metrics", "", "inspect 0 limit 100" },
		{ ADMIN, "GET /metrics?x=%zz", "", "inspect 0 limit 100" },
		{ UNIX, "GET /healthz", "", "inspect 1 limit 100" },
		{ ADMIN, "GET /readyz", "", "inspect 2 limit 100" },
		{ ADMIN, "GET /connections", "", "inspect 3 limit 100" },
		{ ADMIN, "GET /connections?limit=7&x&after=" ID, "",
		    "inspect 3 limit 7 after 3-17" },
		{ ADMIN, "GET /connections?limit=10000", "",
		    "inspect 3 limit 10000" },
		{ ADMIN, "GET /connections?limit=10001", "", "400" },
		{ ADMIN, "GET /connections?limit=0", "", "400" },
		{ ADMIN, "GET /connections?limit=", "", "400" },
		{ ADMIN, "GET /connections?limit=-1", "", "400" },
		{ ADMIN, "GET /connections?limit=99999999999999999999", "",
		    "400" },
		{ ADMIN, "GET /connections?after=1", "", "400" },
		{ ADMIN, "GET /connections?all=1", "",
		    "inspect 3 limit 100 all" },
		{ ADMIN, "GET /connections?after=" ID "&all=1&limit=5", "",
		    "inspect 3 limit 5 all after 3-17" },
		{ ADMIN, "GET /connections?all=0", "", "inspect 3 limit 100" },
		{ ADMIN, "GET /connections?all=1&all=0", "",
		    "inspect 3 limit 100" },
		{ ADMIN, "GET /connections?all", "", "400" },
		{ ADMIN, "GET /connections?all=2", "", "400" },
		{ ADMIN, "GET /connections?all=11", "", "400" },
		{ ADMIN, "GET /metrics?all=1", "", "inspect 0 limit 100" },
		{ OPEN, "GET /connections?all=1", "", "404" },
		{ ADMIN, "GET /connections?after=" ID "x", "", "400" },
		{ ADMIN, "DELETE /connections/" ID, "",
		    "inspect 4 limit 100 " ID },
		{ ADMIN, "DELETE /connections/" ID "9999999999999999999", "",
		    "404" },
		{ ADMIN, "DELETE /connections/x", "", "404" },
		{ ADMIN, "DELETE /connections/0123456789ab-3-", "", "404" },
		{ ADMIN, "DELETE /connections/0123456789ab-17", "", "404" },
		{ ADMIN, "DELETE /connections/0123456789aX-3-17", "", "404" },
		{ ADMIN, "DELETE /connections/", "", "404" },
		{ ADMIN, "DELETE /connections/" ID, "Origin: http://evil\r\n",
		    "403" },
		{ ADMIN, "GET /connections/" ID, "", "405 DELETE, OPTIONS" },
		{ ADMIN, "DELETE /connections", "", "405 " GETS },
		{ ADMIN, "POST /metrics", "", "405 " GETS },
		{ ADMIN, "OPTIONS /metrics", "", "options " GETS },
		{ ADMIN, "OPTIONS /connections/" ID, "",
		    "options DELETE, OPTIONS" },
		{ ADMIN, "GET /metric", "", "404" },
		{ PUBLIC, "GET /metrics", "", "404" },
		{ PUBLIC, "GET /healthz", "", "404" },
		{ PUBLIC, "GET /readyz", "", "404" },
		{ OPEN, "GET /connections", "", "404" },
		{ OPEN, "DELETE /connections/" ID, "", "403" },
		{ PUBLIC, "DELETE /connections/x", "", "404" },
		{ PUBLIC, "GET /connections/" ID, "", "405 DELETE, OPTIONS" },
	};

	(void)state;
	check(rows, nitems(rows));
}

#define TYPE(t) "Content-Type: " t "\r\n"

static void
publications(void **state)
{
	static const struct row rows[] = {
		{ PUBLIC, "POST /events/A", "", "403" },
		{ PUBLIC, "POST /events/A*", "", "403" },
		{ OPEN, "POST /events/A", "", "publish whole A" },
		{ ADMIN, "POST /events/A", "", "publish whole A" },
		{ UNIX, "POST /events/%C3%A9", "", "publish whole \xc3\xa9" },
		{ OPEN, "POST /events?channel=A", "", "publish whole A" },
		{ OPEN, "POST /events/A?channel=A", "", "publish whole A" },
		{ OPEN, "POST /events/broadcast", "",
		    "publish whole broadcast" },
		{ OPEN, "POST /events/client:7", "", "403" },
		{ OPEN, "POST /events/group:a", "", "403" },
		{ OPEN, "POST /events/presence", "", "403" },
		{ PUBLIC, "POST /ack?id=1-0", "", "401" },
		{ PUBLIC, "GET /ack?id=1-0", "", "405 POST, OPTIONS" },
		{ PUBLIC, "OPTIONS /ack", "", "options POST, OPTIONS" },
		{ ADMIN, "POST /events/client:7", "",
		    "publish whole client:7" },
		{ ADMIN, "POST /events/presence", "", "403" },
		{ ADMIN, "POST /events", "", "400" },
		{ ADMIN, "POST /events/", "", "400" },
		{ ADMIN, "POST /events/A,B", "", "400" },
		{ ADMIN, "POST /events/A?channel=B", "", "400" },
		{ ADMIN, "POST /events/a%20b", "", "400" },
		{ ADMIN, "POST /events/A?event=t&id=7&x=y", "",
		    "publish whole A type t id 7" },
		{ ADMIN, "POST /events/A?id=", "", "publish whole A id " },
		{ ADMIN, "POST /events/A?event=", "", "publish whole A" },
		{ ADMIN, "POST /events/A?event=sse:gap", "", "400" },
		{ ADMIN, "POST /events/A?event=a%0ab", "", "400" },
		{ ADMIN, "POST /events/A?id=a%0ab", "", "400" },
		{ ADMIN, "POST /events/A?id=a%00b", "", "400" },
		{ ADMIN, "POST /events/A",
		    TYPE("application/x-www-form-urlencoded"),
		    "publish whole A" },
		{ ADMIN, "POST /events/A", TYPE("application/json"),
		    "publish whole A" },
		{ ADMIN, "POST /events/A", TYPE("text/event-stream"),
		    "publish sse A" },
		{ ADMIN, "POST /events/A",
		    TYPE("TEXT/Event-Stream ; charset=utf-8"),
		    "publish sse A" },
		{ ADMIN, "POST /events", TYPE("text/event-stream"),
		    "publish sse" },
		{ ADMIN, "POST /events", TYPE("application/x-ndjson"),
		    "publish json" },
		{ ADMIN, "POST /events/A", TYPE("application/jsonl"),
		    "publish json A" },
		{ ADMIN, "POST /events/A", TYPE("application/x-ndjsonx"),
		    "publish whole A" },
		{ ADMIN, "POST /events/A?id=1", TYPE("application/x-ndjson"),
		    "400" },
		{ ADMIN, "POST /events/A?event=t", TYPE("text/event-stream"),
		    "400" },
		{ ADMIN, "POST /events/A",
		    TYPE("multipart/form-data; boundary=x"), "415" },
		{ ADMIN, "POST /events/A", "Content-Encoding: gzip\r\n",
		    "415" },
		{ ADMIN, "POST /events/A", "Content-Encoding: Identity\r\n",
		    "publish whole A" },
	};

	(void)state;
	check(rows, nitems(rows));
}

#define ORIGIN(o) "Origin: " o "\r\n"
#define SITE(s) "Sec-Fetch-Site: " s "\r\n"
#define A "POST /events/A"

static void
pages_that_post(void **state)
{
	static const struct row rows[] = {
		{ OPEN, A, ORIGIN("http://evil"), "403" },
		{ OPEN, A, ORIGIN("null"), "403" },
		{ OPEN, A, ORIGIN(""), "403" },
		{ OPEN, A, SITE("cross-site"), "403" },
		{ OPEN, A, SITE("same-site"), "403" },
		{ OPEN, A, SITE("Same-Origin"), "403" },
		{ OPEN, A, SITE(""), "403" },
		{ OPEN, A, SITE("none"), "publish whole A" },
		{ OPEN, A, SITE("same-origin"), "publish whole A" },
		{ OPEN, A,
		    SITE("same-origin") ORIGIN("https://proxied.example"),
		    "publish whole A" },
		{ OPEN, A, SITE("cross-site") ORIGIN("http://localhost:8080"),
		    "403" },
		{ OPEN, A, ORIGIN("http://localhost:8080"), "publish whole A" },
		{ OPEN, A, ORIGIN("http://localhost"), "403" },
		{ OPEN, A, ORIGIN("http://xlocalhost:8080"), "403" },
		{ OPEN, A, ORIGIN("localhost:8080"), "403" },
		{ OPEN, A, ORIGIN("http://") "Host:\r\n", "403" },
		{ LISTED, A, ORIGIN("https://a.example"), "publish whole A" },
		{ LISTED, A, SITE("cross-site") ORIGIN("https://a.example"),
		    "publish whole A" },
		{ LISTED, A, ORIGIN("http://a.example"), "403" },
		{ LISTED, A, ORIGIN("https://a.example.evil"), "403" },
		{ ANY, A, ORIGIN("http://evil"), "403" },
		{ ANY, A, ORIGIN("*"), "403" },
		{ ADMIN, A, ORIGIN("http://evil"), "403" },
		{ ADMIN, A, ORIGIN("*"), "403" },
		{ UNIX, A, SITE("cross-site"), "403" },
		{ ADMIN, A, ORIGIN("http://localhost:8080"),
		    "publish whole A" },
		{ ADMIN, "DELETE /events", ORIGIN("http://evil"), "403" },
		{ ADMIN, "PUT /x", ORIGIN("http://evil"), "403" },
		{ PUBLIC, "GET /events", ORIGIN("http://evil"), "events" },
		{ PUBLIC, "GET /events", SITE("cross-site"), "events" },
	};

	(void)state;
	check(rows, nitems(rows));
}

static void
origins_to_list(void **state)
{
	static const struct {
		const char *origin;
		bool valid;
	} cases[] = {
		{ "*", true },
		{ "http://a", true },
		{ "https://a.example:8443", true },
		{ "http://[::1]:80", true },
		{ "", false },
		{ "**", false },
		{ "null", false },
		{ "a.example", false },
		{ "http://", false },
		{ "http://:80", false },
		{ "http:// a", false },
		{ "http://a/", false },
		{ "http://a?b", false },
		{ "http://u@a", false },
		{ "HTTP://a", false },
		{ "ftp://a", false },
		{ "xhttp://a", false },
		{ "http://a://b", false },
		{ "https://*.example", false },
	};
	char longest[ORIGIN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		if (origin_valid(cases[i].origin) != cases[i].valid)
			fail_msg("%s", cases[i].origin);
	snprintf(longest, sizeof(longest), "http://%0*d", ORIGIN_MAX - 7, 0);
	assert_true(origin_valid(longest));
	snprintf(longest, sizeof(longest), "http://%0*d", ORIGIN_MAX - 6, 0);
	assert_false(origin_valid(longest));
}

static void
names_of_the_host(void **state)
{
	static const struct row rows[] = {
		{ ADMIN, "GET /events", "Host: localhost\r\n", "events" },
		{ ADMIN, "GET /events", "Host: LocalHost:99\r\n", "events" },
		{ ADMIN, "GET /events", "Host: 127.0.0.1:99\r\n", "events" },
		{ ADMIN, "GET /events", "Host: 127.1.2.3\r\n", "events" },
		{ ADMIN, "GET /events", "Host: [::1]\r\n", "events" },
		{ ADMIN, "GET /events", "Host: [::1]:99\r\n", "events" },
		{ ADMIN, "GET /events", "Host:\r\n", "events" },
		{ ADMIN, "GET /events", "Host: evil.example\r\n", "421" },
		{ ADMIN, "GET /events", "Host: evil.example:99\r\n", "421" },
		{ ADMIN, "GET /events", "Host: localhost.evil\r\n", "421" },
		{ ADMIN, "GET /events", "Host: 127.0.0.1.evil\r\n", "421" },
		{ ADMIN, "GET /events", "Host: 127.evil\r\n", "421" },
		{ ADMIN, "GET /events", "Host: 10.0.0.1\r\n", "421" },
		{ ADMIN, "GET /events", "Host: [::2]\r\n", "421" },
		{ ADMIN, "GET /events", "Host: :99\r\n", "421" },
		{ ADMIN, "GET http://evil/events", "", "421" },
		{ ADMIN, "OPTIONS *", "Host: evil\r\n", "421" },
		{ ADMIN, A, "Host: evil\r\n" ORIGIN("http://evil"), "421" },
		{ UNIX, "GET /events", "Host: anything\r\n", "events" },
		{ PUBLIC, "GET /events", "Host: any.example\r\n", "events" },
	};
	char longest[600];
	const struct row row = { ADMIN, "GET /events", longest, "421" };

	(void)state;
	check(rows, nitems(rows));
	snprintf(longest, sizeof(longest), "Host: %0500d\r\n", 0);
	check(&row, 1);
}

/* A list of n things in one target: at the bound it is taken, above not. */
static void
bounds(void **state)
{
	static const struct {
		const char *first, *next;
		int max;
	} cases[] = {
		{ "/events/c%d", ",c%d", ROUTE_CHANNELS_MAX },
		{ "/events?channel=c%d", "&channel=c%d", ROUTE_CHANNELS_MAX },
		{ "/events?event=c%d", "&event=c%d", ROUTE_TYPES_MAX },
		/* As short as can be. */
		{ "/events/%d", ",%d", ROUTE_CHANNELS_MAX },
		{ "/events?channel=%d", ",%d", ROUTE_CHANNELS_MAX },
		{ "/events?event=a", "&event=a", ROUTE_TYPES_MAX },
	};
	struct asked *a = malloc(sizeof(*a));

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < nitems(cases); i++) {
		char line[4096] = "GET ";
		size_t n;
		int k = 0;

		do {
			n = strlen(line);
			/* NOLINTNEXTLINE: the formats are those above */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			snprintf(line + n, sizeof(line) - n,
			    k == 0 ? cases[i].first : cases[i].next, k);
#pragma GCC diagnostic pop
			ask(a, PUBLIC, line, "");
			route_free(&a->r);
			ask(a, PUBLIC, line, "");
			assert_int_equal(a->r.what,
			    ++k > cases[i].max ? ROUTE_BAD : ROUTE_EVENTS);
			assert_int_equal(
			    a->r.status, k > cases[i].max ? 400 : 0);
			route_free(&a->r);
		} while (k <= cases[i].max);
	}
	free(a);
}

/* Whole answers: field lines in their order, and the body's beginning. */
static void
answers(void **state)
{
	static const struct {
		struct row row;
		const char *has[4];
		const char *lacks;
	} cases[] = {
		{ { PUBLIC, "GET /", "", NULL },
		    { "HTTP/1.1 200 OK\r\n",
			"Content-Type: text/html; charset=utf-8\r\n",
			"default-src 'none'", "<!DOCTYPE html>" },
		    "Access-Control" },
		{ { PUBLIC, "HEAD /", "", NULL },
		    { "HTTP/1.1 200 OK\r\n", "Connection: close\r\n" },
		    "<!DOCTYPE" },
		{ { PUBLIC, "PUT /", "", NULL },
		    { "HTTP/1.1 405 Method Not Allowed\r\n",
			"Allow: GET, HEAD, OPTIONS\r\n",
			"Cache-Control: no-store\r\n" },
		    "Access-Control" },
		{ { PUBLIC, A, "", NULL },
		    { "HTTP/1.1 403 Forbidden\r\n", "--open-publish" },
		    "Allow:" },
		{ { PUBLIC, "GET /x", ORIGIN("http://evil"), NULL },
		    { "HTTP/1.1 404 Not Found\r\n" }, "Access-Control" },
		{ { ANY, "GET /x", ORIGIN("http://evil"), NULL },
		    { "HTTP/1.1 404 Not Found\r\n",
			"Access-Control-Allow-Origin: http://evil\r\n"
			"Vary: Origin\r\n" },
		    "Allow:" },
		{ { PUBLIC, "OPTIONS /events", ORIGIN("http://evil"), NULL },
		    { "HTTP/1.1 204 No Content\r\n",
			"Allow: GET, HEAD, POST, OPTIONS\r\n" },
		    "Access-Control" },
		{ { ANY, "OPTIONS /events", ORIGIN("http://evil"), NULL },
		    { "HTTP/1.1 204 No Content\r\n",
			"Access-Control-Allow-Origin: http://evil\r\n",
			"Access-Control-Allow-Methods: GET, HEAD, POST, "
			"OPTIONS\r\n",
			"Access-Control-Allow-Headers: Authorization, "
			"Content-Type, Idempotency-Key, Last-Event-ID, "
			"Sse-Ask, Sse-Order, Sse-Producer, Sse-Show\r\n" },
		    "Content-Length" },
		{ { ADMIN, "OPTIONS /events", ORIGIN("http://evil"), NULL },
		    { "HTTP/1.1 204 No Content\r\n" }, "Access-Control" },
		{ { PUBLIC, "HEAD /events", "", NULL },
		    { "HTTP/1.1 200 OK\r\n",
			"Content-Type: text/event-stream\r\n" },
		    "Content-Length" },
	};
	struct asked *a = malloc(sizeof(*a));

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < nitems(cases); i++) {
		struct sse_buf b = { 0 };

		ask(a, cases[i].row.door, cases[i].row.line,
		    cases[i].row.fields);
		assert_int_equal(
		    route_answer(&b, &a->r, &a->h, &a->conf, true, 1), 0);
		assert_int_equal(sse_buf_append(&b, "", 1), 0);
		for (size_t k = 0; k < 4 && cases[i].has[k] != NULL; k++)
			if (strstr(b.ptr, cases[i].has[k]) == NULL)
				fail_msg("%s: no %s in %s", cases[i].row.line,
				    cases[i].has[k], b.ptr);
		if (strstr(b.ptr, cases[i].lacks) != NULL)
			fail_msg("%s: %s in %s", cases[i].row.line,
			    cases[i].lacks, b.ptr);
		assert_non_null(strstr(b.ptr, "\r\n\r\n"));
		sse_buf_free(&b);
		route_free(&a->r);
	}
	free(a);
}

static void
cors(void **state)
{
	static const struct {
		enum door door;
		const char *fields, *want;
	} cases[] = {
		{ PUBLIC, ORIGIN("http://x"), "" },
		{ LISTED, "", "" },
		{ LISTED, ORIGIN("http://y"), "" },
		{ LISTED, ORIGIN("http://x"),
		    "Access-Control-Allow-Origin: http://x\r\n"
		    "Access-Control-Allow-Credentials: true\r\n"
		    "Vary: Origin\r\n" },
		{ ANY, "", "" },
		{ ANY, ORIGIN("null"),
		    "Access-Control-Allow-Origin: null\r\nVary: Origin\r\n" },
		{ ADMIN, ORIGIN("http://x"), "" },
		{ UNIX, ORIGIN("http://x"), "" },
	};
	struct asked *a = malloc(sizeof(*a));
	char buf[ROUTE_CORS_MAX], longest[ROUTE_CORS_MAX + 32];

	(void)state;
	assert_non_null(a);
	for (size_t i = 0; i < nitems(cases); i++) {
		ask(a, cases[i].door, "GET /events", cases[i].fields);
		assert_ptr_equal(route_cors(&a->h, &a->conf, buf), buf);
		assert_string_equal(buf, cases[i].want);
		route_free(&a->r);
	}
	/* What does not fit is not said by half. */
	snprintf(
	    longest, sizeof(longest), "Origin: %0*d\r\n", ROUTE_CORS_MAX, 0);
	ask(a, ANY, "GET /events", longest);
	assert_string_equal(route_cors(&a->h, &a->conf, buf), "");
	route_free(&a->r);
	free(a);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(subscriptions),
		cmocka_unit_test(starts),
		cmocka_unit_test(selections),
		cmocka_unit_test(pages),
		cmocka_unit_test(inspections),
		cmocka_unit_test(publications),
		cmocka_unit_test(pages_that_post),
		cmocka_unit_test(origins_to_list),
		cmocka_unit_test(names_of_the_host),
		cmocka_unit_test(bounds),
		cmocka_unit_test(answers),
		cmocka_unit_test(cors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
