#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>

#include <cmocka.h>

#include "own_redis.h"
#include "redis_link.h"

#define WAIT_MS 20000

static struct own_redis redis;
static struct bus_conf conf;

static int
group_setup(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	own_redis_start(&redis, "yes");
	return 0;
}

static int
group_teardown(void **state)
{
	(void)state;
	own_redis_end(&redis);
	return 0;
}

static int
setup(void **state)
{
	(void)state;
	conf = BUS_CONF_DEFAULT;
	own_redis_tell(&redis, "FLUSHALL");
	return 0;
}

static struct redis_url
parse(const char *s, const char *password)
{
	struct redis_url u;
	const char *fault;

	assert_int_equal(redis_url_parse(&u, s, NULL, password, &fault), 0);
	return u;
}

static int64_t
within(int ms)
{
	return clock_mono_ms() + ms;
}

/* Open a link to s; what it says is then in fault. */
static enum redis_link_state
try_open(const char *s, const char *password, int ms, char fault[512])
{
	struct redis_url u = parse(s, password);
	struct redis_link *l = redis_link_new(&u);
	enum redis_link_state state = redis_link_open(l, within(ms));

	assert_int_equal(redis_link_fd(l) >= 0, state == REDIS_LINK_OK);
	strlcpy(fault, redis_link_fault(l), 512);
	if (state != REDIS_LINK_OK)
		assert_non_null(strstr(fault, u.shown));
	redis_link_free(l);
	redis_url_free(&u);
	return state;
}

static void
test_open(void **state)
{
	char fault[512], url[128];

	(void)state;
	assert_int_equal(
	    try_open(redis.url, NULL, WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "%s?db=3", redis.url);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "%s?db=300", redis.url);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_BAD);
	assert_non_null(strstr(fault, "DB index"));
	assert_int_equal(
	    try_open("redis+unix:///nowhere/r.sock", NULL, WAIT_MS, fault),
	    REDIS_LINK_DOWN);
	assert_non_null(strstr(fault, "is Redis running there?"));
	/* A password for a Redis that has none is no success. */
	assert_int_equal(
	    try_open(redis.url, "pw", WAIT_MS, fault), REDIS_LINK_DENIED);
}

static void
test_database(void **state)
{
	struct redis_url u;
	struct redis_link *l;
	struct bus_command c;
	redisReply *r;
	char url[128];

	(void)state;
	snprintf(url, sizeof(url), "%s?db=3", redis.url);
	u = parse(url, NULL);
	l = redis_link_new(&u);
	assert_int_equal(redis_link_open(l, within(WAIT_MS)), REDIS_LINK_OK);
	assert_int_equal(
	    bus_raise_command(&conf, (struct place){ 5, 0 }, NULL, &c), 0);
	assert_int_equal(redis_link_send(l, &c), REDIS_LINK_OK);
	bus_command_free(&c);
	assert_int_equal(
	    redis_link_reply(l, &r, within(WAIT_MS)), REDIS_LINK_OK);
	freeReplyObject(r);
	r = own_redis_do(&redis, "EXISTS sse:last");
	assert_int_equal(r->integer, 0); /* not in database 0 */
	freeReplyObject(r);
	redis_link_free(l);
	redis_url_free(&u);
}

static void
test_passwords(void **state)
{
	redisContext *c = own_redis_connect(&redis);
	char fault[512], url[128];

	(void)state;
	freeReplyObject(redisCommand(c, "CONFIG SET requirepass sEcReT"));
	freeReplyObject(redisCommand(c, "ACL SETUSER u on >pUsEr +@all"));
	assert_int_equal(
	    try_open(redis.url, NULL, WAIT_MS, fault), REDIS_LINK_DENIED);
	assert_non_null(strstr(fault, "SSE_REDIS_PASSWORD"));
	assert_int_equal(
	    try_open(redis.url, "sEcReX", WAIT_MS, fault), REDIS_LINK_DENIED);
	assert_null(strstr(fault, "sEcReX"));
	assert_int_equal(
	    try_open(redis.url, "sEcReT", WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "redis+unix://:sEcReT@%s", redis.path);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "redis+unix://u:pUsEr@%s", redis.path);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "redis+unix://u:pUsEX@%s", redis.path);
	assert_int_equal(
	    try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_DENIED);
	assert_null(strstr(fault, "pUsEX"));
	freeReplyObject(redisCommand(c, "CONFIG SET requirepass %s", ""));
	freeReplyObject(redisCommand(c, "ACL DELUSER u"));
	redisFree(c);
}

static void
test_tcp(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), port;
	struct addrinfo *ai = NULL;
	char url[64], fault[512];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	port = ntohs(a.sin_port);
	close(fd);
	snprintf(url, sizeof(url), "redis://127.0.0.1:%d", port);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_DOWN);
	own_redis_tell(&redis, "CONFIG SET port %d", port);
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault), REDIS_LINK_OK);
	snprintf(url, sizeof(url), "redis://localhost:%d/2", port);
	/* A minimal root has no /etc/hosts; there the name leads nowhere. */
	assert_int_equal(try_open(url, NULL, WAIT_MS, fault),
	    getaddrinfo("localhost", NULL, NULL, &ai) == 0 ? REDIS_LINK_OK
							   : REDIS_LINK_DOWN);
	if (ai != NULL)
		freeaddrinfo(ai);
	own_redis_tell(&redis, "CONFIG SET port 0");
}

/* A server that is none: it answers with text, or never. */
struct impostor {
	char dir[32], path[48], url[64];
	const char *answer; /* to the next that connects, */
	const char *later;  /* and to those after it */
	int fd;
	pthread_t thread;
};

static void *
impostor_run(void *arg)
{
	struct impostor *im = arg;
	char buf[256];
	int fd;

	while ((fd = accept(im->fd, NULL, NULL)) >= 0) {
		if (im->answer != NULL)
			(void)!write(fd, im->answer, strlen(im->answer));
		im->answer = im->later;
		while (read(fd, buf, sizeof(buf)) > 0)
			;
		close(fd);
	}
	return NULL;
}

static int
listen_at(const char *path)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	strlcpy(a.sun_path, path, sizeof(a.sun_path));
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 10), 0);
	return fd;
}

static void
impostor_start(struct impostor *im, const char *answer)
{
	strlcpy(im->dir, "/tmp/sse-unit.XXXXXX", sizeof(im->dir));
	assert_non_null(mkdtemp(im->dir));
	snprintf(im->path, sizeof(im->path), "%s/sock", im->dir);
	snprintf(im->url, sizeof(im->url), "redis+unix://%s", im->path);
	im->answer = im->later = answer;
	im->fd = listen_at(im->path);
	pthread_create(&im->thread, NULL, impostor_run, im);
}

static void
impostor_end(struct impostor *im)
{
	shutdown(im->fd, SHUT_RDWR);
	pthread_join(im->thread, NULL);
	close(im->fd);
	unlink(im->path);
	rmdir(im->dir);
}

static void
test_impostors(void **state)
{
	struct impostor im;
	char fault[512];
	int64_t start;

	(void)state;
	impostor_start(&im, "HTTP/1.1 400 Bad Request\r\n\r\n");
	assert_int_equal(
	    try_open(im.url, NULL, WAIT_MS, fault), REDIS_LINK_BAD);
	assert_non_null(strstr(fault, "does not answer as Redis does"));
	impostor_end(&im);
	impostor_start(&im, "-DENIED Redis is running in protected mode\r\n");
	assert_int_equal(
	    try_open(im.url, NULL, WAIT_MS, fault), REDIS_LINK_DENIED);
	impostor_end(&im);
	impostor_start(&im, "-LOADING Redis is loading\r\n");
	assert_int_equal(
	    try_open(im.url, NULL, WAIT_MS, fault), REDIS_LINK_BUSY);
	impostor_end(&im);
	impostor_start(&im, NULL);
	start = clock_mono_ms();
	assert_int_equal(try_open(im.url, NULL, 100, fault), REDIS_LINK_DOWN);
	assert_int_equal(try_open(im.url, "pw", 100, fault), REDIS_LINK_DOWN);
	assert_in_range(clock_mono_ms() - start, 195, 2000);
	assert_non_null(strstr(fault, "no answer in time"));
	impostor_end(&im);
}

/* What is temporary is told apart from what somebody has to mend. */
static void
test_status(void **state)
{
	static const struct {
		enum redis_link_state state;
		int status;
		bool passes;
	} cases[] = {
		{ REDIS_LINK_OK, EX_OK, false },
		{ REDIS_LINK_DOWN, EX_UNAVAILABLE, true },
		{ REDIS_LINK_BUSY, EX_TEMPFAIL, true },
		{ REDIS_LINK_DENIED, EX_NOPERM, false },
		{ REDIS_LINK_CONFIG, EX_CONFIG, false },
		{ REDIS_LINK_BAD, EX_PROTOCOL, false },
		{ REDIS_LINK_STARVED, EX_SOFTWARE, false },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
		    redis_link_status(cases[i].state), cases[i].status);
		assert_int_equal(
		    redis_link_passes(cases[i].state), cases[i].passes);
	}
}

static volatile sig_atomic_t stop;

static void
on_alarm(int sig)
{
	(void)sig;
	stop = 1;
}

/* A signal ends a wait only for those who asked. */
static void
test_stop(void **state)
{
	struct sigaction sa = { .sa_handler = on_alarm }, old;
	struct itimerval after = { .it_value = { 0, 50000 } };
	struct redis_link *l;
	struct redis_url u;
	struct impostor im;
	int64_t start;

	(void)state;
	impostor_start(&im, NULL);
	u = parse(im.url, NULL);
	l = redis_link_new(&u);
	sigaction(SIGALRM, &sa, &old);
	for (int asked = 0; asked < 2; asked++) {
		stop = 0;
		redis_link_set_stop(l, asked ? &stop : NULL);
		start = clock_mono_ms();
		setitimer(ITIMER_REAL, &after, NULL);
		assert_int_equal(
		    redis_link_open(l, within(asked ? WAIT_MS : 300)),
		    REDIS_LINK_DOWN);
		assert_int_equal(stop, 1);
		assert_in_range(
		    clock_mono_ms() - start, asked ? 40 : 295, 5000);
	}
	sigaction(SIGALRM, &old, NULL);
	redis_link_free(l);
	redis_url_free(&u);
	impostor_end(&im);
}

static struct bus_batch *
batch_of(const char *data)
{
	struct bus_batch *b = bus_batch_new(&conf);
	struct event ev = EVENT_NONE;

	ev.channel = TEXT("a");
	ev.data = text_of(data);
	ev.has_data = true;
	assert_int_equal(bus_batch_add(b, &ev, TEXT("")), 0);
	return b;
}

static void
assert_logged(long long n)
{
	redisReply *r = own_redis_do(&redis, "XLEN sse:log:a");

	assert_int_equal(r->integer, n);
	freeReplyObject(r);
}

/* Publish one event; a failure's text is then in the link. */
static enum redis_link_state
publish(struct redis_link *l, int ms, enum bus_answer *answer)
{
	struct bus_batch *b = batch_of("d");
	enum redis_link_state state;
	struct bus_minted m;
	redisReply *r;

	state = redis_link_publish(l, b, within(ms), answer, &m, &r, NULL);
	if (state == REDIS_LINK_OK)
		freeReplyObject(r);
	else
		assert_null(r);
	bus_batch_free(b);
	return state;
}

static void
test_publish(void **state)
{
	struct redis_link *l = redis_link_new(&redis.u);
	enum bus_answer answer;

	(void)state;
	own_redis_tell(&redis, "SCRIPT FLUSH");
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);
	assert_int_equal(answer, BUS_OK);
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);
	assert_logged(2);
	own_redis_tell(&redis, "SET sse:last x");
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);
	assert_int_equal(answer, BUS_REFUSED);
	assert_non_null(strstr(redis_link_fault(l), "sse:last"));
	redis_link_free(l);
}

/* On a machine that is busy, too, a last try may end without an answer. */
static enum redis_link_state
publish_in_vain(struct redis_link *l)
{
	int64_t until = within(WAIT_MS);
	enum redis_link_state state;
	enum bus_answer answer;

	do {
		state = publish(l, 300, &answer);
	} while (state == REDIS_LINK_DOWN && clock_mono_ms() < until);
	return state;
}

/* A Redis out of memory, or busy, is waited for as long as there is time. */
static void
test_busy(void **state)
{
	const char *spin[] = { "EVAL", "while true do end", "0" };
	struct redis_link *l = redis_link_new(&redis.u);
	redisContext *c = own_redis_connect(&redis);
	enum bus_answer answer;

	(void)state;
	own_redis_tell(&redis, "CONFIG SET maxmemory 1");
	assert_int_equal(publish_in_vain(l), REDIS_LINK_BUSY);
	assert_non_null(strstr(redis_link_fault(l), "OOM"));
	own_redis_tell(&redis, "CONFIG SET maxmemory 0");
	assert_logged(0);
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);

	own_redis_tell(&redis, "CONFIG SET busy-reply-threshold 10");
	redisAppendCommandArgv(c, 3, spin, NULL);
	for (int done = 0; !done;)
		redisBufferWrite(c, &done);
	poll(NULL, 0, 50);
	assert_int_equal(publish_in_vain(l), REDIS_LINK_BUSY);
	assert_non_null(strstr(redis_link_fault(l), "BUSY"));
	/* That it does not even say so any more is the same. */
	kill(redis.pid, SIGSTOP);
	assert_int_equal(publish(l, 100, &answer), REDIS_LINK_BUSY);
	assert_non_null(strstr(redis_link_fault(l), "BUSY"));
	kill(redis.pid, SIGCONT);
	{
		redisContext *k = redisConnectUnix(redis.path);

		freeReplyObject(redisCommand(k, "SCRIPT KILL"));
		redisFree(k);
	}
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);
	assert_logged(2);
	own_redis_tell(&redis, "CONFIG SET busy-reply-threshold 5000");
	redisFree(c);
	redis_link_free(l);
}

/* What greets us when we come back has not taken our events by that. */
static void
test_readonly(void **state)
{
	enum bus_answer answer;
	struct redis_link *l;
	struct redis_url u;
	struct impostor im;

	(void)state;
	impostor_start(&im, "+PONG\r\n-READONLY You can't write\r\n");
	im.later = "+PONG\r\n";
	u = parse(im.url, NULL);
	l = redis_link_new(&u);
	assert_int_equal(publish(l, 1000, &answer), REDIS_LINK_BUSY);
	assert_non_null(strstr(redis_link_fault(l), "READONLY"));
	redis_link_free(l);
	impostor_end(&im);
	redis_url_free(&u);
}

static void *
publish_late(void *arg)
{
	enum bus_answer answer;

	return publish(arg, WAIT_MS, &answer) == REDIS_LINK_OK ? arg : NULL;
}

static void
test_started_late(void **state)
{
	struct redis_link *l = redis_link_new(&redis.u);
	enum bus_answer answer;
	pthread_t thread;
	void *done;

	(void)state;
	assert_int_equal(publish(l, WAIT_MS, &answer), REDIS_LINK_OK);
	own_redis_kill(&redis, SIGKILL);
	assert_int_equal(publish(l, 100, &answer), REDIS_LINK_DOWN);
	pthread_create(&thread, NULL, publish_late, l);
	poll(NULL, 0, 200);
	own_redis_run(&redis);
	pthread_join(thread, &done);
	assert_ptr_equal(done, l);
	assert_logged(2);
	redis_link_free(l);
}

/* Stands before Redis and, told to, drops the connection with a reply in it. */
struct thief {
	struct impostor at; /* its address; the thread is another */
	volatile int steal; /* replies to come, counted down */
	volatile int stolen;
};

static void
thief_serve(struct thief *t, int client)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int server = socket(AF_UNIX, SOCK_STREAM, 0);
	struct pollfd p[2] = { { client, POLLIN, 0 }, { server, POLLIN, 0 } };
	char buf[65536];
	ssize_t n;

	strlcpy(a.sun_path, redis.path, sizeof(a.sun_path));
	if (connect(server, (struct sockaddr *)&a, sizeof(a)) == -1)
		goto out;
	while (poll(p, 2, -1) > 0) {
		if (p[0].revents != 0) {
			if ((n = read(client, buf, sizeof(buf))) <= 0 ||
			    write(server, buf, (size_t)n) != n)
				break;
		}
		if (p[1].revents != 0) {
			if ((n = read(server, buf, sizeof(buf))) <= 0)
				break;
			if (t->steal > 0 && strncmp(buf, "+PONG", 5) != 0 &&
			    strncmp(buf, "-NOSCRIPT", 9) != 0) {
				t->steal--;
				t->stolen++;
				break;
			}
			if (write(client, buf, (size_t)n) != n)
				break;
		}
	}
out:
	close(server);
	close(client);
}

static void *
thief_run(void *arg)
{
	struct thief *t = arg;
	int fd;

	while ((fd = accept(t->at.fd, NULL, NULL)) >= 0)
		thief_serve(t, fd);
	return NULL;
}

static void
thief_start(struct thief *t)
{
	strlcpy(t->at.dir, "/tmp/sse-unit.XXXXXX", sizeof(t->at.dir));
	assert_non_null(mkdtemp(t->at.dir));
	snprintf(t->at.path, sizeof(t->at.path), "%s/sock", t->at.dir);
	snprintf(t->at.url, sizeof(t->at.url), "redis+unix://%s", t->at.path);
	t->at.fd = listen_at(t->at.path);
	t->steal = t->stolen = 0;
	pthread_create(&t->at.thread, NULL, thief_run, t);
}

/* A batch whose reply went lost, three times over, is published once. */
static void
test_lost_reply(void **state)
{
	struct redis_link *l;
	struct redis_url u;
	struct thief t;

	(void)state;
	thief_start(&t);
	u = parse(t.at.url, NULL);
	l = redis_link_new(&u);
	for (int how = 0; how < 3; how++) {
		struct bus_batch *b = batch_of("d");
		enum bus_answer answer;
		struct sse_text mark;
		struct bus_minted m;
		redisReply *r;

		own_redis_tell(&redis, "FLUSHALL");
		if (how == 0)
			bus_batch_set_producer(b, "p", 1);
		else if (how == 1)
			bus_batch_set_mark(b, "r", TEXT(""), TEXT("m"));
		else {
			struct event ev = EVENT_NONE;

			bus_batch_clear(b);
			ev.channel = TEXT("a");
			bus_batch_add(b, &ev, TEXT("once"));
		}
		t.steal = 3;
		t.stolen = 0;
		assert_int_equal(redis_link_publish(l, b, within(WAIT_MS),
				     &answer, &m, &r, &mark),
		    REDIS_LINK_OK);
		assert_int_equal(t.stolen, 3);
		if (how == 1) {
			assert_int_equal(answer, BUS_MARK_MOVED);
			assert_true(text_is(mark, "m"));
		} else {
			assert_int_equal(answer, BUS_OK);
			assert_true(m.repeated);
		}
		freeReplyObject(r);
		assert_logged(1);
		bus_batch_free(b);
	}
	redis_link_free(l);
	redis_url_free(&u);
	impostor_end(&t.at);
}

/*
 * Redis is killed in the middle of publishing, again and again: what it has at
 * the end is each event once, in order.
 */
#define BATCHES 1500
#define PER_BATCH 10
#define KILLS 6

struct run {
	volatile int done; /* batches that were answered */
};

static void *
publish_all(void *arg)
{
	struct run *run = arg;
	struct redis_link *l = redis_link_new(&redis.u);
	struct bus_batch *b = bus_batch_new(&conf);
	enum bus_answer answer;
	redisReply *r;
	char data[16];

	for (int i = 0; i < BATCHES; i++) {
		bus_batch_clear(b);
		for (int j = 0; j < PER_BATCH; j++) {
			struct event ev = EVENT_NONE;

			snprintf(data, sizeof(data), "%d", i * PER_BATCH + j);
			ev.channel = TEXT("a");
			ev.data = text_of(data);
			ev.has_data = true;
			bus_batch_add(b, &ev, TEXT(""));
		}
		bus_batch_set_producer(b, "p", (uint64_t)i + 1);
		if (redis_link_publish(l, b, within(WAIT_MS), &answer, NULL, &r,
			NULL) != REDIS_LINK_OK ||
		    answer != BUS_OK) {
			fprintf(stderr, "%s\n", redis_link_fault(l));
			break;
		}
		freeReplyObject(r);
		run->done = i + 1;
	}
	bus_batch_free(b);
	redis_link_free(l);
	return NULL;
}

static void
test_killed(void **state)
{
	struct run run = { 0 };
	struct place before = PLACE_ZERO;
	pthread_t thread;
	redisReply *r;

	(void)state;
	conf.log_count = 10 * BATCHES * PER_BATCH;
	pthread_create(&thread, NULL, publish_all, &run);
	for (int i = 0; i < KILLS; i++) {
		int at = run.done + BATCHES / (KILLS + 2);

		while (run.done < at)
			poll(NULL, 0, 1);
		own_redis_kill(&redis, SIGKILL);
		own_redis_run(&redis);
	}
	pthread_join(thread, NULL);
	assert_int_equal(run.done, BATCHES);
	r = own_redis_do(&redis, "XRANGE sse:log:a - +");
	assert_int_equal(r->elements, BATCHES * PER_BATCH);
	for (size_t i = 0; i < r->elements; i++) {
		struct bus_entry e;
		char want[24];

		assert_int_equal(bus_page_entry(r, i, &e), 0);
		snprintf(want, sizeof(want), "%zu", i);
		assert_true(text_is(e.ev.data, want));
		/* Each knows the one before it, over every restart. */
		assert_int_equal(place_cmp(e.prev, before), 0);
		before = e.place;
	}
	freeReplyObject(r);
}

/* Two relays of one name: of each step one wins, and nothing comes twice. */
#define STEPS 300

struct relay {
	int won;
};

static void *
relay(void *arg)
{
	struct relay *me = arg;
	struct redis_link *l = redis_link_new(&redis.u);
	char from[16] = "", to[16];

	for (int at = 0; at < STEPS;) {
		struct bus_batch *b;
		enum bus_answer answer;
		struct sse_text mark;
		redisReply *r;

		snprintf(to, sizeof(to), "%d", at + 1);
		b = batch_of(to);
		bus_batch_set_mark(b, "r", text_of(from), text_of(to));
		if (redis_link_publish(l, b, within(WAIT_MS), &answer, NULL, &r,
			&mark) != REDIS_LINK_OK)
			return NULL;
		me->won += answer == BUS_OK;
		/* The loser goes on from where the winner is. */
		snprintf(from, sizeof(from), "%.*s", (int)mark.len, mark.ptr);
		at = (int)strtol(from, NULL, 10);
		freeReplyObject(r);
		bus_batch_free(b);
	}
	redis_link_free(l);
	return NULL;
}

static void
test_mark_race(void **state)
{
	struct relay relays[3] = { { 0 }, { 0 }, { 0 } };
	pthread_t threads[3];
	redisReply *r;

	(void)state;
	for (int i = 0; i < 3; i++)
		pthread_create(&threads[i], NULL, relay, &relays[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(relays[0].won + relays[1].won + relays[2].won, STEPS);
	r = own_redis_do(&redis, "XRANGE sse:log:a - +");
	assert_int_equal(r->elements, STEPS);
	for (size_t i = 0; i < r->elements; i++) {
		struct bus_entry e;
		char want[24];

		assert_int_equal(bus_page_entry(r, i, &e), 0);
		snprintf(want, sizeof(want), "%zu", i + 1);
		assert_true(text_is(e.ev.data, want));
	}
	freeReplyObject(r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_open, setup),
		cmocka_unit_test_setup(test_database, setup),
		cmocka_unit_test_setup(test_passwords, setup),
		cmocka_unit_test_setup(test_tcp, setup),
		cmocka_unit_test_setup(test_impostors, setup),
		cmocka_unit_test(test_status),
		cmocka_unit_test_setup(test_stop, setup),
		cmocka_unit_test_setup(test_publish, setup),
		cmocka_unit_test_setup(test_busy, setup),
		cmocka_unit_test_setup(test_readonly, setup),
		cmocka_unit_test_setup(test_started_late, setup),
		cmocka_unit_test_setup(test_lost_reply, setup),
		cmocka_unit_test_setup(test_killed, setup),
		cmocka_unit_test_setup(test_mark_race, setup),
	};

	return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
