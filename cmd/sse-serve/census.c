#include <sys/queue.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "census.h"
#include "named.h"

#define SECOND_US INT64_C(1000000)

/* One key.  It is idle when it has no connection, and forgotten soon after. */
struct head {
	struct named named;
	TAILQ_ENTRY(head) by_idle;
	size_t n;
	int64_t due_us; /* when the next may come if they came evenly */
	int64_t idle_us;
};

TAILQ_HEAD(heads, head);

struct census {
	pthread_mutex_t lock;
	struct named_tree heads;
	struct heads idle; /* in the order in which they became it */
	size_t nheads;
	size_t max;
	int64_t every_us; /* 0: any pace will do */
};

struct census *
census_new(size_t max, unsigned int rate)
{
	struct census *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	pthread_mutex_init(&c->lock, NULL);
	TAILQ_INIT(&c->idle);
	c->max = max;
	c->every_us = rate == 0 ? 0 : SECOND_US / rate;
	return c;
}

void
census_free(struct census *c)
{
	struct named *n;

	if (c == NULL)
		return;
	while ((n = named_first(&c->heads)) != NULL) {
		named_remove(&c->heads, n);
		free(n);
	}
	pthread_mutex_destroy(&c->lock);
	free(c);
}

static void
forget(struct census *c, struct head *h)
{
	TAILQ_REMOVE(&c->idle, h, by_idle);
	named_remove(&c->heads, &h->named);
	c->nheads--;
	free(h);
}

/* After a second nobody's pace is remembered: see is_early(). */
static void
forget_idle(struct census *c, int64_t now_us)
{
	struct head *h;

	while ((h = TAILQ_FIRST(&c->idle)) != NULL &&
	    now_us - h->idle_us > SECOND_US)
		forget(c, h);
}

static void
make_idle(struct census *c, struct head *h, int64_t now_us)
{
	h->idle_us = now_us;
	TAILQ_INSERT_TAIL(&c->idle, h, by_idle);
}

static struct head *
head_get(struct census *c, struct sse_text key, int64_t now_us)
{
	struct head *h = named_find(&c->heads, key);

	if (h != NULL || (h = named_new(sizeof(*h), key)) == NULL)
		return h;
	named_insert(&c->heads, &h->named);
	c->nheads++;
	make_idle(c, h, now_us);
	return h;
}

/* Would one now be ahead of its time by more than a second's worth? */
static bool
is_early(const struct census *c, const struct head *h, int64_t now_us)
{
	return c->every_us > 0 && h->due_us + c->every_us > now_us + SECOND_US;
}

static enum census_answer
admit(struct census *c, struct sse_text key, bool stays, int64_t now_us)
{
	struct head *h;

	forget_idle(c, now_us);
	if ((h = head_get(c, key, now_us)) == NULL)
		return CENSUS_NOMEM;
	if (stays && c->max > 0 && h->n >= c->max)
		return CENSUS_MANY;
	if (is_early(c, h, now_us))
		return CENSUS_FAST;
	h->due_us = (h->due_us > now_us ? h->due_us : now_us) + c->every_us;
	if (h->n > 0 && !stays)
		return CENSUS_WELCOME;
	if (h->n == 0)
		TAILQ_REMOVE(&c->idle, h, by_idle);
	if (stays)
		h->n++;
	else
		make_idle(c, h, now_us);
	return CENSUS_WELCOME;
}

enum census_answer
census_enter(struct census *c, struct sse_text key, int64_t now_us)
{
	enum census_answer answer;

	if (c->max == 0 && c->every_us == 0)
		return CENSUS_WELCOME;
	pthread_mutex_lock(&c->lock);
	answer = admit(c, key, true, now_us);
	pthread_mutex_unlock(&c->lock);
	return answer;
}

enum census_answer
census_pass(struct census *c, struct sse_text key, int64_t now_us)
{
	enum census_answer answer;

	if (c->every_us == 0)
		return CENSUS_WELCOME;
	pthread_mutex_lock(&c->lock);
	answer = admit(c, key, false, now_us);
	pthread_mutex_unlock(&c->lock);
	return answer;
}

void
census_leave(struct census *c, struct sse_text key, int64_t now_us)
{
	struct head *h;

	if (c->max == 0 && c->every_us == 0)
		return;
	pthread_mutex_lock(&c->lock);
	h = named_find(&c->heads, key);
	if (h != NULL && h->n > 0 && --h->n == 0)
		make_idle(c, h, now_us);
	forget_idle(c, now_us);
	pthread_mutex_unlock(&c->lock);
}

size_t
census_keys(struct census *c)
{
	size_t n;

	pthread_mutex_lock(&c->lock);
	n = c->nheads;
	pthread_mutex_unlock(&c->lock);
	return n;
}
