/*
 * When a link to Redis is tried again, and where: without waiting, for each
 * time that is waited for is looked at and then said to be up.
 */
#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <semaphore.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/redis_async.h"

#define ATTEMPTS 40
#define MAX_S 2.
#define ROUND_S 1e-6

static struct redis_async it;
static double waits[ATTEMPTS]; /* before each attempt, in seconds */
static int attempts;
static int lookups;
static sem_t *_Atomic held; /* the resolver waits for it, if it is there */

/* The resolver's: the name has another address each time. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **res)
{
	static struct {
		struct addrinfo ai;
		struct sockaddr_in in;
	} answer;

	(void)hints;
	answer.in = (struct sockaddr_in){ .sin_family = AF_INET };
	if (held != NULL)
		sem_wait(held);
	if (strcmp(node, "redis.example") == 0)
		answer.in.sin_addr.s_addr = htonl(
		    INADDR_LOOPBACK + (uint32_t)++lookups);
	else if (inet_pton(AF_INET, node, &answer.in.sin_addr) != 1)
		return EAI_NONAME;
	if (service != NULL)
		answer.in.sin_port = htons(
		    (uint16_t)strtoul(service, NULL, 10));
	answer.ai = (struct addrinfo){ .ai_family = AF_INET,
		.ai_socktype = SOCK_STREAM,
		.ai_addrlen = sizeof(answer.in),
		.ai_addr = (struct sockaddr *)&answer.in };
	*res = &answer.ai;
	return 0;
}

void
freeaddrinfo(struct addrinfo *ai)
{
	(void)ai;
}

static void
never(void *arg)
{
	(void)arg;
	fail_msg("there is no Redis to come up");
}

static void
never_down(void *arg, const char *why)
{
	(void)arg;
	fail_msg("it has not been up: %s", why);
}

static void
fails(void *arg, const char *why)
{
	(void)arg;
	(void)why;
	assert_true(ev_is_active(&it.again));
	waits[attempts++] = ev_timer_remaining(it.loop, &it.again);
	ev_timer_stop(it.loop, &it.again);
	if (attempts < ATTEMPTS)
		ev_feed_event(it.loop, &it.again, EV_TIMER);
	else
		ev_break(it.loop, EVBREAK_ALL);
}

/* Try to connect as often; meanwhile, unless NULL, is for the loop as well. */
static void
try(const char *url, int times, ev_timer *meanwhile)
{
	static const struct redis_async_calls calls = { never, never_down,
		fails, NULL };
	struct ev_loop *loop = ev_loop_new(EVFLAG_AUTO);
	struct redis_url u;
	const char *fault;

	assert_int_equal(redis_url_parse(&u, url, NULL, NULL, &fault), 0);
	attempts = ATTEMPTS - times;
	lookups = 0;
	if (meanwhile != NULL)
		ev_timer_start(loop, meanwhile);
	redis_async_open(&it, loop, &u, "sse:", 1000, &calls);
	ev_run(loop, 0);
	redis_async_close(&it);
	ev_loop_destroy(loop);
	redis_url_free(&u);
}

static void
backs_off(void **state)
{
	double most = 0., low = MAX_S, high = 0.;

	(void)state;
	try("redis+unix:///nowhere/sock", ATTEMPTS, NULL);
	for (int i = 0; i < ATTEMPTS; i++) {
		/* At once, then 0.1 s and twice as long each time. */
		assert_true(waits[i] <= most);
		assert_true(waits[i] >= most / 2 - ROUND_S);
		if (most == MAX_S && waits[i] < low)
			low = waits[i];
		if (most == MAX_S && waits[i] > high)
			high = waits[i];
		most = most == 0. ? 0.1 : most * 2;
		if (most > MAX_S)
			most = MAX_S;
	}
	/* A fleet does not come back in the same moment. */
	assert_true(high - low > MAX_S / 8);
}

static void
resolves_anew(void **state)
{
	(void)state;
	/* Port 1 of loopback: refused. */
	try("redis://redis.example:1", 5, NULL);
	assert_int_equal(lookups, 5);
	assert_string_equal(it.moved.host, "127.0.0.6");
}

static void
let_go(struct ev_loop *loop, ev_timer *t, int revents)
{
	(void)loop;
	(void)t;
	(void)revents;
	sem_post(held);
	held = NULL;
}

/* What else the loop has to do goes on meanwhile. */
static void
resolves_beside_the_loop(void **state)
{
	sem_t hold;
	ev_timer later;

	(void)state;
	sem_init(&hold, 0, 0);
	held = &hold;
	ev_timer_init(&later, let_go, 0.05, 0.);
	alarm(20); /* for a loop that waits as well */
	try("redis://redis.example:1", 1, &later);
	alarm(0);
	assert_null(held);
	assert_int_equal(lookups, 1);
	sem_destroy(&hold);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(backs_off),
		cmocka_unit_test(resolves_anew),
		cmocka_unit_test(resolves_beside_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
