/*
 * Following a URL: a server in a thread gives one prepared answer a connection,
 * and what follow_next() then tells is compared as text.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "follow.h"
#include "multi.h"
#include "units.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))
#define HEAD                  \
	"HTTP/1.1 200 OK\r\n" \
	"Content-Type: text/event-stream\r\n\r\n"
#define ANSWERS 4
#define URL_LEN 64

struct server {
	int fd;
	char url[URL_LEN];
	pthread_t thread;
	const char *const *answers;
	char requests[ANSWERS][2048];
	int n; /* connections that were answered */
};

static void
write_all(int fd, const char *p, size_t len)
{
	ssize_t n;

	for (; len > 0 && (n = write(fd, p, len)) > 0; len -= (size_t)n)
		p += n;
}

static void
serve_one(struct server *s, int fd)
{
	char *to = s->requests[s->n];
	const char *answer = s->answers[s->n++];
	size_t len = 0;
	ssize_t n;

	while (len < sizeof(s->requests[0]) - 1 &&
	    (n = read(fd, to + len, sizeof(s->requests[0]) - 1 - len)) > 0) {
		len += (size_t)n;
		to[len] = '\0';
		if (strstr(to, "\r\n\r\n") != NULL)
			break;
	}
	write_all(fd, answer, strlen(answer));
	/* One that ends so is left open until the peer hangs up. */
	if (answer[0] != '\0' && answer[strlen(answer) - 1] == ' ')
		(void)!read(fd, &n, 1);
	close(fd);
}

static void *
serve(void *arg)
{
	struct server *s = arg;
	int fd;

	while (
	    s->answers[s->n] != NULL && (fd = accept(s->fd, NULL, NULL)) != -1)
		serve_one(s, fd);
	return NULL;
}

/* On a free port, which url then names. */
static int
listen_at(char url[URL_LEN])
{
	struct sockaddr_in in = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&in, len), 0);
	assert_int_equal(listen(fd, 5), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	snprintf(url, URL_LEN, "http://127.0.0.1:%d/", ntohs(in.sin_port));
	return fd;
}

static void
start(struct server *s, const char *const *answers)
{
	memset(s, 0, sizeof(*s));
	s->answers = answers;
	s->fd = listen_at(s->url);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void
end(struct server *s)
{
	(void)shutdown(s->fd, SHUT_RDWR);
	pthread_join(s->thread, NULL);
	close(s->fd);
}

/* What one answer of follow_next() is called in the tables. */
static void
tell(FILE *to, const struct follow *f, enum follow_what what,
    const struct event *ev)
{
	switch (what) {
	case FOLLOW_EVENT:
		fprintf(to, "%.*s ", (int)ev->data.len, ev->data.ptr);
		break;
	case FOLLOW_OPEN:
		fputs("open ", to);
		break;
	case FOLLOW_LOST:
		fputs("lost ", to);
		break;
	case FOLLOW_END:
		fputs("end", to);
		break;
	case FOLLOW_FAULT:
		fprintf(to, "fault %d", follow_status(f));
		break;
	case FOLLOW_DROPPED:
		fputs("dropped ", to);
		break;
	case FOLLOW_BLOCK:
		fputs("block ", to);
		break;
	case FOLLOW_WAIT:
		break;
	}
}

/* In which way events are pulled; what comes is to be the same. */
enum way {
	AFTER_WAIT,
	MANY,              /* by follow_many(), as far as that goes */
	WITHIN_WAIT,       /* when conf.arrived() is called */
	WITHIN_WAIT_MANY,  /* both */
	WITHIN_WAIT_FIRST, /* then one, the others after the wait */
	WAYS
};

struct run {
	struct follow *f;
	enum way way;
	enum follow_what what; /* the last answer */
	unsigned int within;   /* calls of arrived() */
	unsigned int more;     /* those that said so */
	bool stirred;          /* follow_next() is to be called */
	FILE *to;
};

static size_t
run_many(struct run *r)
{
	struct sse_event ev[2];
	size_t n = 0;

	if (r->way == MANY || r->way == WITHIN_WAIT_MANY)
		n = follow_many(r->f, ev, nitems(ev));
	for (size_t i = 0; i < n; i++)
		fprintf(r->to, "%.*s ", (int)ev[i].data.len, ev[i].data.ptr);
	return n;
}

static bool
run_over(const struct run *r)
{
	return r->what == FOLLOW_END || r->what == FOLLOW_FAULT;
}

/* False: there is nothing more to be had. */
static bool
run_step(struct run *r)
{
	struct event ev;

	if (run_many(r) > 0)
		return true;
	r->what = follow_next(r->f, &ev);
	tell(r->to, r->f, r->what, &ev);
	return r->what != FOLLOW_WAIT && !run_over(r);
}

static void
run_stirred(void *arg)
{
	struct run *r = arg;

	r->stirred = true;
}

static void
run_within(void *arg, bool more)
{
	struct run *r = arg;

	r->within++;
	r->more += more;
	while (!run_over(r) && run_step(r) && r->way != WITHIN_WAIT_FIRST)
		;
	r->stirred = r->way == WITHIN_WAIT_FIRST;
}

/* Nothing but what stirs or is due is looked at, as with many streams. */
static void
run_to_end(struct run *r)
{
	int64_t until = clock_mono_ms() + 10000, due = 0;

	while (!run_over(r)) {
		if (!r->stirred && clock_mono_ms() < due) {
			(void)follow_wait(r->f, NULL, 0, 1000);
			assert_true(clock_mono_ms() < until);
			continue;
		}
		r->stirred = false;
		while (run_step(r))
			;
		due = follow_due_ms(r->f);
	}
}

static char *
run_in(const struct follow_conf *like, enum way way)
{
	struct follow_conf conf = *like;
	struct run r = { .way = way, .what = FOLLOW_WAIT };
	struct event ev;
	char *told;
	size_t size;

	conf.arrived = way >= WITHIN_WAIT ? run_within : NULL;
	conf.stirred = run_stirred;
	conf.caller = &r;
	r.to = open_memstream(&told, &size);
	assert_non_null(r.f = follow_new(&conf));
	run_to_end(&r);
	assert_int_equal(follow_next(r.f, &ev), r.what);
	if (r.what == FOLLOW_FAULT)
		assert_memory_equal(follow_fault(r.f), "http://127.0.0.1:", 17);
	follow_free(r.f);
	fclose(r.to);
	if (way >= WITHIN_WAIT && strstr(told, "open") != NULL)
		assert_true(r.within > 0);
	/* It is one read that does not fit into one call. */
	if (way >= WITHIN_WAIT && size > CURL_MAX_WRITE_SIZE)
		assert_true(r.more > 0 && r.more < r.within);
	return told;
}

static char *
run(const struct follow_conf *conf)
{
	return run_in(conf, AFTER_WAIT);
}

static const struct {
	const char *what, *answers[ANSWERS], *want;
	bool once, first;
} cases[] = {
	{ "204 ends it", { "HTTP/1.1 204 No\r\n\r\n" }, "end", false, false },
	{ "sse:end ends it",
	    { HEAD "data: a\n\nevent: sse:end\ndata\n\ndata: b\n\n " },
	    "open a end", false, false },
	{ "again with what came",
	    { HEAD "retry: 1\nid: 7\ndata: a\n\ndata: half", HEAD "data: b\n\n",
		"HTTP/1.1 204 No\r\n\r\n" },
	    "open a lost open b lost end", false, false },
	{ "errors pass by after a success",
	    { HEAD "retry: 1\ndata: a\n\n", "HTTP/1.1 503 No\r\n\r\n",
		"HTTP/1.1 429 No\r\n\r\n" },
	    "open a lost lost fault 76", false, false },
	{ "but not before", { "HTTP/1.1 503 No\r\n\r\n" }, "fault 76", false,
	    false },
	{ "unless asked for",
	    { "HTTP/1.1 503 No\r\nRetry-After: 0\r\n\r\n",
		"HTTP/1.1 204 No\r\n\r\n" },
	    "lost end", false, true },
	{ "not found", { "HTTP/1.1 404 No\r\n\r\n" }, "fault 76", false, true },
	{ "not found later", { HEAD "retry: 1\n\n", "HTTP/1.1 404 No\r\n\r\n" },
	    "open lost fault 76", false, false },
	{ "not allowed", { "HTTP/1.1 401 No\r\n\r\n" }, "fault 77", false,
	    false },
	{ "not allowed at all", { "HTTP/1.1 403 No\r\n\r\n" }, "fault 77",
	    false, false },
	{ "of another type",
	    { "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\ndata: a\n\n " },
	    "fault 76", false, false },
	{ "of no type", { "HTTP/1.1 200 OK\r\n\r\ndata: a\n\n " }, "fault 76",
	    false, false },
	{ "an empty answer", { "" }, "fault 69", false, false },
	{ "no HTTP", { "SSH-2.0-OpenSSH_9.2\r\n" }, "fault 76", false, false },
	{ "once, whole", { HEAD "data: a\n\n" }, "open a end", true, false },
	{ "once, broken off",
	    { "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	      "Content-Length: 99\r\n\r\ndata: a\n\n" },
	    "open a fault 69", true, false },
	{ "an event too large",
	    { HEAD "data: 0123456789012345678901234567890123456789\n\n"
		   "data: a\n\n" },
	    "open dropped a end", true, false },
	{ "a bad routing field is no fault",
	    { HEAD "priority: 9\ndata: a\n\n" }, "open a end", true, false },
	{ "no bytes for a while", { HEAD "data: a\n\n " }, "open a fault 69",
	    true, false },
};

static void
check_case(size_t i, enum way way)
{
	struct server s;
	struct follow_conf conf = { .url = s.url,
		.max_bytes = 40,
		.retry_max_ms = 200,
		.retries = 2,
		.connect_ms = 300,
		.idle_ms = 300,
		.retry_first = cases[i].first,
		.reconnect = !cases[i].once };
	char *told;

	start(&s, cases[i].answers);
	told = run_in(&conf, way);
	end(&s);
	if (strcmp(told, cases[i].want) != 0)
		fail_msg("%s, way %d: %s", cases[i].what, (int)way, told);
	free(told);
}

static void
tables(void **state)
{
	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		for (enum way way = 0; way < WAYS; way++)
			check_case(i, way);
}

/* Much comes at once, more than is held while nobody pulls. */
static void
all_of_much(void **state)
{
	const size_t n = 100000;
	char *answer, *want = NULL, *told;
	const char *answers[] = { NULL, NULL };
	struct server s;
	struct follow_conf conf = { .url = s.url, .idle_ms = 5000 };
	size_t size;
	FILE *to = open_memstream(&answer, &size);

	(void)state;
	fputs(HEAD, to);
	for (size_t i = 0; i < n; i++)
		fprintf(to, "data: %zu\n\n", i);
	fclose(to);
	assert_true(size > 3 * FOLLOW_BUFFER);
	answers[0] = answer;
	for (enum way way = 0; way < WAYS; way++) {
		start(&s, answers);
		told = run_in(&conf, way);
		end(&s);
		if (want == NULL)
			want = told;
		if (strcmp(told, want) != 0)
			fail_msg("way %d", (int)way);
		if (told != want)
			free(told);
	}
	assert_non_null(strstr(want, "open 0 1 2 "));
	assert_non_null(strstr(want, " 99998 99999 end"));
	free(want);
	free(answer);
}

/* Pull until there is something, and say what. */
static enum follow_what
pull(struct follow *f, struct event *ev)
{
	enum follow_what what;

	while ((what = follow_next(f, ev)) == FOLLOW_WAIT)
		(void)follow_wait(f, NULL, 0, 1000);
	return what;
}

#define STEP "data: 0123456789012345678901234567890123456789\n\n"
#define STEPS (2 * FOLLOW_BUFFER / (sizeof(STEP) - 1))

/* Events one by one, the next when the last has been pulled. */
struct steps {
	int fd; /* listens */
	int taken[2];
	struct follow *f;
	size_t n;
};

static void *
serve_steps(void *arg)
{
	struct steps *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	char request[1024];

	(void)!read(fd, request, sizeof(request));
	write_all(fd, HEAD, sizeof(HEAD) - 1);
	for (size_t i = 0; i < STEPS; i++) {
		write_all(fd, STEP, sizeof(STEP) - 1);
		if (read(s->taken[0], request, 1) != 1)
			break;
	}
	close(fd);
	return NULL;
}

static void
take_step(void *arg, bool more)
{
	struct steps *s = arg;
	struct sse_event ev[2];
	struct event first;
	size_t n;

	assert_false(more);
	if (s->n == 0) {
		assert_int_equal(follow_next(s->f, &first), FOLLOW_OPEN);
		assert_int_equal(follow_next(s->f, &first), FOLLOW_EVENT);
		s->n = 1;
	}
	while (!follow_drained(s->f)) {
		assert_true((n = follow_many(s->f, ev, nitems(ev))) > 0);
		s->n += n;
	}
	follow_release(s->f);
	assert_int_equal(write(s->taken[1], "", 1), 1);
}

/* Who has released what was handed out need not call again. */
static void
one_by_one(void **state)
{
	char url[URL_LEN];
	struct steps s = { .fd = listen_at(url) };
	struct follow_conf conf = {
		.url = url, .arrived = take_step, .caller = &s
	};
	int64_t until = clock_mono_ms() + 20000;
	pthread_t thread;
	struct event ev;

	(void)state;
	assert_int_equal(pipe(s.taken), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_steps, &s), 0);
	s.f = follow_new(&conf);
	assert_int_equal(follow_next(s.f, &ev), FOLLOW_WAIT);
	while (s.n < STEPS && clock_mono_ms() < until)
		(void)follow_wait(s.f, NULL, 0, 100);
	assert_int_equal(s.n, STEPS);
	assert_int_equal(pull(s.f, &ev), FOLLOW_END);
	follow_free(s.f);
	pthread_join(thread, NULL);
	close(s.taken[0]);
	close(s.taken[1]);
	close(s.fd);
}

static void
requests(void **state)
{
	static const char *const answers[] = { HEAD
		"retry: 1\nid: \xc3\xa9 7\ndata: a\n\n",
		"HTTP/1.1 204 No\r\n\r\n", NULL };
	struct curl_slist accept = { (char[]){ "accept: x/y" }, NULL };
	struct server s;
	struct follow_conf conf = { .url = s.url,
		.last_id = "3-0",
		.reconnect = true,
		.ask_place = true,
		.show = "channel",
		.headers = &accept };

	(void)state;
	start(&s, answers);
	free(run(&conf));
	end(&s);
	assert_non_null(strstr(s.requests[0], "GET / HTTP/1.1\r\n"));
	assert_non_null(strstr(s.requests[0], "\r\naccept: x/y\r\n"));
	assert_null(strstr(s.requests[0], "Accept:"));
	assert_non_null(
	    strstr(s.requests[0], "\r\nCache-Control: no-store\r\n"));
	assert_non_null(
	    strstr(s.requests[0], "\r\nSse-Show: channel,place\r\n"));
	assert_non_null(strstr(s.requests[0], "\r\nLast-Event-ID: 3-0\r\n"));
	assert_non_null(
	    strstr(s.requests[1], "\r\nLast-Event-ID: \xc3\xa9 7\r\n"));
}

static void
plain_request(void **state)
{
	static const char *const answers[] = { "HTTP/1.1 204 No\r\n\r\n",
		NULL };
	struct server s;
	struct follow_conf conf = { .url = s.url };

	(void)state;
	start(&s, answers);
	free(run(&conf));
	end(&s);
	assert_non_null(
	    strstr(s.requests[0], "\r\nAccept: text/event-stream\r\n"));
	assert_null(strstr(s.requests[0], "Sse-Show"));
	assert_null(strstr(s.requests[0], "Last-Event-ID"));
}

static void
rewinds(void **state)
{
	static const char *const answers[] = { HEAD
		"id: 1\ndata: a\n\nid: 2\ndata: b\n\n ",
		HEAD "data: c\n\nevent: sse:end\ndata\n\n ", NULL };
	struct server s;
	struct follow_conf conf = { .url = s.url, .reconnect = true };
	struct follow *f;
	struct event ev;

	(void)state;
	start(&s, answers);
	f = follow_new(&conf);
	assert_int_equal(pull(f, &ev), FOLLOW_OPEN);
	assert_int_equal(pull(f, &ev), FOLLOW_EVENT);
	assert_int_equal(pull(f, &ev), FOLLOW_EVENT);
	assert_true(text_is(follow_last_id(f), "2"));
	assert_int_equal(follow_rewind(f, TEXT("a\nb")), -1);
	assert_int_equal(follow_rewind(f, TEXT("1")), 0);
	assert_int_equal(pull(f, &ev), FOLLOW_OPEN);
	assert_int_equal(pull(f, &ev), FOLLOW_EVENT);
	assert_true(text_is(ev.data, "c"));
	assert_false(ev.has_id);
	assert_int_equal(pull(f, &ev), FOLLOW_END);
	follow_free(f);
	end(&s);
	assert_non_null(strstr(s.requests[1], "\r\nLast-Event-ID: 1\r\n"));
}

/* A caller that does not pull makes the server wait, and misses nothing. */
static void
backpressure(void **state)
{
	const size_t events = 1000000, size = sizeof("data: 0000000\n\n") - 1;
	char *answer = malloc(sizeof(HEAD) + events * size), *to = answer;
	const char *answers[] = { answer, NULL };
	struct server s;
	struct follow_conf conf = { .url = s.url };
	struct follow *f;
	struct event ev;
	char want[16];

	(void)state;
	to += sprintf(to, HEAD);
	for (size_t i = 0; i < events; i++)
		to += sprintf(to, "data: %07zu\n\n", i);
	start(&s, answers);
	f = follow_new(&conf);
	assert_int_equal(pull(f, &ev), FOLLOW_OPEN);
	for (int i = 0; i < 50; i++)
		(void)follow_wait(f, NULL, 0, 10);
	assert_true(follow_bytes(f) > 0);
	assert_true(follow_bytes(f) <= FOLLOW_BUFFER);
	for (size_t i = 0; i < events; i++) {
		assert_int_equal(pull(f, &ev), FOLLOW_EVENT);
		snprintf(want, sizeof(want), "%07zu", i);
		assert_true(text_is(ev.data, want));
	}
	assert_int_equal(pull(f, &ev), FOLLOW_END);
	follow_free(f);
	end(&s);
	free(answer);
}

/*
 * Blocks without an event, and the bytes of each as they came; what a lost
 * connection cut off is in none.
 */
static void
blocks(void **state)
{
	static const char *const answers[] = { HEAD
		"retry: 1\n\n: a\nid: 5\n\nx: y\ndata: 1\n\ndata: cut",
		HEAD ": b\n\nevent: sse:end\ndata\n\n ", NULL };
	struct server s;
	struct follow_conf conf = {
		.url = s.url, .reconnect = true, .blocks = true, .raw = true
	};
	struct follow *f;
	struct event ev;
	struct sse_field field;
	size_t iter = 0;

	(void)state;
	start(&s, answers);
	f = follow_new(&conf);
	assert_int_equal(pull(f, &ev), FOLLOW_OPEN);
	assert_memory_equal(follow_peer(f), "127.0.0.1 port ", 15);
	assert_int_equal(pull(f, &ev), FOLLOW_BLOCK);
	assert_true(text_is(follow_raw(f), "retry: 1\n\n"));
	assert_int_equal(pull(f, &ev), FOLLOW_BLOCK);
	assert_true(text_is(follow_raw(f), ": a\nid: 5\n\n"));
	assert_int_equal(
	    sse_decoder_field(follow_decoder(f), &iter, &field), 1);
	assert_true(text_is(field.value, "a"));
	assert_int_equal(pull(f, &ev), FOLLOW_EVENT);
	assert_true(text_is(follow_raw(f), "x: y\ndata: 1\n\n"));
	assert_int_equal(pull(f, &ev), FOLLOW_LOST);
	assert_int_equal(pull(f, &ev), FOLLOW_OPEN);
	assert_int_equal(pull(f, &ev), FOLLOW_BLOCK);
	assert_true(text_is(follow_raw(f), ": b\n\n"));
	assert_int_equal(pull(f, &ev), FOLLOW_END);
	assert_true(follow_bytes(f) > 50);
	follow_free(f);
	end(&s);
}

/* Many streams behind one wait. */
static void
many(void **state)
{
	enum { N = 20 };
	static const char *const answers[] = { HEAD "data: a\n\n", NULL };
	struct server s[N];
	struct follow_conf conf[N] = { { 0 } };
	struct follow *f[N];
	struct multi *m = multi_new();
	struct event ev;
	size_t events = 0, ends = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		start(&s[i], answers);
		conf[i].url = s[i].url;
		conf[i].multi = m;
		f[i] = follow_new(&conf[i]);
		assert_non_null(f[i]);
	}
	while (ends < N) {
		ends = 0;
		for (size_t i = 0; i < N; i++) {
			enum follow_what what;

			while ((what = follow_next(f[i], &ev)) != FOLLOW_WAIT &&
			    what != FOLLOW_END)
				events += what == FOLLOW_EVENT;
			ends += what == FOLLOW_END;
		}
		if (ends < N)
			(void)multi_wait(m, NULL, 0, 10000);
	}
	assert_int_equal(events, N);
	for (size_t i = 0; i < N; i++) {
		follow_free(f[i]);
		end(&s[i]);
	}
	multi_free(m);
}

/* An event at once, the next when it is told to. */
static void *
serve_two(void *arg)
{
	struct steps *s = arg;
	int fd = accept(s->fd, NULL, NULL);
	char request[1024];

	(void)!read(fd, request, sizeof(request));
	write_all(fd, HEAD STEP, sizeof(HEAD STEP) - 1);
	(void)!read(s->taken[0], request, 1);
	write_all(fd, STEP, sizeof(STEP) - 1);
	/* Until the peer hangs up. */
	(void)!read(fd, request, 1);
	close(fd);
	return NULL;
}

/* Silence that nobody listened to is not the peer's. */
static void
held_up(void **state)
{
	char url[URL_LEN];
	struct steps s = { .fd = listen_at(url) };
	struct follow_conf conf = { .url = url, .idle_ms = 1000 };
	int64_t heard;
	pthread_t thread;
	struct event ev;

	(void)state;
	assert_int_equal(pipe(s.taken), 0);
	assert_int_equal(pthread_create(&thread, NULL, serve_two, &s), 0);
	s.f = follow_new(&conf);
	assert_int_equal(pull(s.f, &ev), FOLLOW_OPEN);
	assert_int_equal(pull(s.f, &ev), FOLLOW_EVENT);
	assert_int_equal(write(s.taken[1], "", 1), 1);
	for (heard = clock_mono_ms(); clock_mono_ms() < heard + 1100;)
		(void)poll(NULL, 0, 1);
	assert_int_equal(pull(s.f, &ev), FOLLOW_EVENT);
	/* Now it is. */
	assert_int_equal(pull(s.f, &ev), FOLLOW_FAULT);
	assert_non_null(strstr(follow_fault(s.f), "nothing came for"));
	follow_free(s.f);
	pthread_join(thread, NULL);
	close(s.taken[0]);
	close(s.taken[1]);
	close(s.fd);
}

/* The system watches no socket: that is said, for nothing else would come. */
static void
waits_in_vain(void **state)
{
	int fd = dup(STDERR_FILENO);
	struct follow_conf conf = { .url = "http://127.0.0.1:9/" };
	struct follow *f;
	struct event ev;
	int64_t until = clock_mono_ms() + 10000;

	(void)state;
	/* The lowest number that is free is that of epoll. */
	(void)close(fd);
	conf.multi = multi_new();
	assert_int_equal(dup2(STDERR_FILENO, fd), fd);
	f = follow_new(&conf);
	do {
		assert_int_equal(follow_next(f, &ev), FOLLOW_WAIT);
		assert_true(clock_mono_ms() < until);
	} while (follow_wait(f, NULL, 0, 100) != -1);
	assert_int_equal(errno, EINVAL);
	assert_int_equal(follow_wait(f, NULL, 0, 1000), -1);
	follow_free(f);
	multi_free(conf.multi);
}

/* Other descriptors end a wait; one polled for nothing, when its reader goes. */
static void
waits_for_others(void **state)
{
	struct follow_conf conf = { .url = "http://127.0.0.1:9/",
		.retry_first = true };
	struct follow *f = follow_new(&conf);
	struct pollfd p[2] = { { -1, POLLIN, 0 }, { -1, 0, 0 } };
	struct event ev;
	int in[2], out[2];

	(void)state;
	assert_int_equal(pipe(in) | pipe(out), 0);
	p[0].fd = in[0];
	p[1].fd = out[1];
	assert_int_equal(pull(f, &ev), FOLLOW_LOST);
	assert_true(follow_retry_in_ms(f) > 2000);
	assert_int_equal(follow_wait(f, p, 2, 1), 0);
	assert_int_equal(write(in[1], "x", 1), 1);
	assert_int_equal(follow_wait(f, p, 2, -1), 1);
	assert_int_equal(p[0].revents, POLLIN);
	assert_int_equal(p[1].revents, 0);
	close(out[0]);
	assert_int_equal(follow_wait(f, p + 1, 1, -1), 1);
	assert_int_equal(p[1].revents, POLLERR);
	close(in[0]);
	close(in[1]);
	close(out[1]);
	follow_free(f);
}

/* What messages show of a URL. */
static void
shown(void **state)
{
	static const struct {
		const char *url, *want;
	} urls[] = {
		{ "http://u:secret@127.0.0.1:9/a?b=c",
		    "http://127.0.0.1:9/a?b=c: " },
		{ "127.0.0.1:9/a", "http://127.0.0.1:9/a: " },
		{ "u:secret@127.0.0.1:9/a", "http://127.0.0.1:9/a: " },
	};

	(void)state;
	for (size_t i = 0; i < nitems(urls); i++) {
		struct follow_conf conf = { .url = urls[i].url };
		struct follow *f = follow_new(&conf);
		struct event ev;

		assert_int_equal(pull(f, &ev), FOLLOW_FAULT);
		assert_int_equal(follow_status(f), EX_UNAVAILABLE);
		assert_memory_equal(
		    follow_fault(f), urls[i].want, strlen(urls[i].want));
		assert_null(strstr(follow_fault(f), "secret"));
		follow_free(f);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tables),
		cmocka_unit_test(all_of_much),
		cmocka_unit_test(one_by_one),
		cmocka_unit_test(requests),
		cmocka_unit_test(plain_request),
		cmocka_unit_test(rewinds),
		cmocka_unit_test(backpressure),
		cmocka_unit_test(blocks),
		cmocka_unit_test(many),
		cmocka_unit_test(held_up),
		cmocka_unit_test(waits_in_vain),
		cmocka_unit_test(waits_for_others),
		cmocka_unit_test(shown),
	};

	(void)signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
