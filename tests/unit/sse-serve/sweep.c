/* The sweep: every connection once a round, those in a hurry by deadline. */
#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/conn.h"

#define CONNS 500
#define ROUND_MS 6400

/* Stands in for conn.c's, of which the sweep knows but this. */
struct conn {
	struct sweep_at at;
	struct hurry hurry;
	unsigned int swept;
	int64_t seen_ms; /* when it was swept, or came */
	bool in;
};

struct sweep_at *
conn_sweep_at(struct conn *c)
{
	return &c->at;
}

static struct sweep sweep;
static int64_t now_ms;
static struct conn conns[CONNS];
static bool leave;

static void
swept(struct conn *c)
{
	hold_true(c->in);
	c->swept++;
	c->seen_ms = now_ms;
	if (leave && chance_below(3) == 0) {
		sweep_remove(&sweep, &c->at);
		c->in = false;
	}
}

static void
hold_places(void)
{
	size_t n = 0;

	for (size_t i = 0; i < CONNS; i++) {
		const struct conn *c = &conns[i];

		if (!c->in)
			continue;
		n++;
		hold_true(c->at.slot < SWEEP_SLOTS);
		hold_true(c->at.index < sweep.slots[c->at.slot].n);
		hold_true(sweep.slots[c->at.slot].v[c->at.index] == c);
	}
	hold_true(sweep.n == n);
}

/* A round, in as many steps as chance will have it. */
static void
sweep_some_round(void)
{
	int64_t end_ms = now_ms + ROUND_MS;

	while (now_ms < end_ms) {
		now_ms += chance_below(4) ? ROUND_MS / SWEEP_SLOTS
					  : chance_below(ROUND_MS);
		if (now_ms > end_ms)
			now_ms = end_ms;
		sweep_set_time(&sweep, now_ms);
		sweep_due(&sweep, swept);
	}
}

static void
rounds(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		chance_begin(s);
		memset(conns, 0, sizeof(conns));
		now_ms = chance_below(1000);
		sweep_init(&sweep, ROUND_MS, now_ms);
		for (int round = 0; round < 20; round++) {
			bool was[CONNS];

			for (size_t i = 0; i < CONNS; i++) {
				struct conn *c = &conns[i];

				if (!c->in && chance_below(3) == 0) {
					hold_true(
					    sweep_add(&sweep, c, &c->at) == 0);
					c->in = true;
				} else if (c->in && chance_below(6) == 0) {
					sweep_remove(&sweep, &c->at);
					c->in = false;
				}
				was[i] = c->in;
				c->swept = 0;
			}
			hold_places();
			leave = chance_below(2);
			if (chance_below(4) == 0)
				sweep_all(&sweep, swept);
			else
				sweep_some_round();
			for (size_t i = 0; i < CONNS; i++)
				hold_true(conns[i].swept == was[i]);
			hold_places();
		}
		sweep_free(&sweep);
	}
}

/* What comes at once is spread over the slots. */
static void
spread(void **state)
{
	(void)state;
	memset(conns, 0, sizeof(conns));
	sweep_init(&sweep, ROUND_MS, 0);
	for (size_t i = 0; i < CONNS; i++)
		assert_int_equal(sweep_add(&sweep, &conns[i], &conns[i].at), 0);
	for (size_t i = 0; i < SWEEP_SLOTS; i++)
		assert_in_range(sweep.slots[i].n, CONNS / SWEEP_SLOTS,
		    CONNS / SWEEP_SLOTS + 1);
	sweep_free(&sweep);
	no_room = true;
	assert_int_equal(sweep_add(&sweep, &conns[0], &conns[0].at), -1);
	no_room = false;
	assert_int_equal(sweep.n, 0);
	sweep_free(&sweep);
}

static void
hurried(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 100; s++) {
		double now = 0, deadline[20] = { 0 };

		chance_begin(s);
		memset(conns, 0, sizeof(conns));
		sweep_init(&sweep, ROUND_MS, 0);
		for (int step = 0; step < 300; step++) {
			size_t i = chance_below(nitems(deadline));
			struct conn *c;

			now += chance_below(3);
			if (chance_below(3) == 0) {
				sweep_calm(&sweep, &conns[i].hurry);
				deadline[i] = 0;
			} else {
				sweep_hurry(&sweep, &conns[i].hurry, &conns[i],
				    now + 20);
				deadline[i] = now + 20;
			}
			while ((c = sweep_late(&sweep, now)) != NULL) {
				i = (size_t)(c - conns);
				hold_true(
				    deadline[i] > 0 && deadline[i] <= now);
				deadline[i] = 0;
				sweep_calm(&sweep, &c->hurry);
			}
			for (i = 0; i < nitems(deadline); i++)
				hold_true(
				    deadline[i] <= 0 || deadline[i] > now);
		}
	}
}

/* A walk in steps meets each that was there and stays, and none that left. */
static void
steps(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		struct sweep_walk walk = { 0 };
		struct conn *c;

		chance_begin(s);
		sweep_init(&sweep, ROUND_MS, 0);
		memset(conns, 0, sizeof(conns));
		for (size_t i = 0; i < CONNS; i++) {
			assert_int_equal(
			    sweep_add(&sweep, &conns[i], &conns[i].at), 0);
			conns[i].in = true;
		}
		while ((c = sweep_step(&sweep, &walk)) != NULL) {
			hold_true(c->in);
			c->swept++;
			/* It leaves, or another does, or neither. */
			if (chance_below(2) == 0)
				c = &conns[chance_below(CONNS)];
			if (!c->in || chance_below(2) == 0)
				continue;
			sweep_remove(&sweep, &c->at);
			c->in = false;
		}
		for (size_t i = 0; i < CONNS; i++)
			hold_true(!conns[i].in || conns[i].swept >= 1);
		hold_places();
		sweep_free(&sweep);
	}
}

static size_t
count_swept(void)
{
	size_t n = 0;

	for (size_t i = 0; i < CONNS; i++)
		n += conns[i].swept;
	return n;
}

static void
come_and_go(size_t among)
{
	struct conn *c = &conns[chance_below((uint32_t)among)];

	if (c->in)
		sweep_remove(&sweep, &c->at);
	else
		hold_true(sweep_add(&sweep, c, &c->at) == 0);
	c->in = !c->in;
	c->seen_ms = now_ms;
}

/*
 * Who wakes up when something is due, and only then, wakes up for somebody each
 * time, misses nobody's round, and sleeps on when nobody is there.
 */
static void
sleeps(void **state)
{
	static const int64_t rounds_ms[] = { 64, 100, 7500, 10000 };

	(void)state;
	for (uint32_t s = 0; s < 200; s++) {
		int64_t round_ms = rounds_ms[s % nitems(rounds_ms)];
		size_t among = s % 3 == 0 ? CONNS : 3;

		chance_begin(s);
		memset(conns, 0, sizeof(conns));
		leave = false;
		now_ms = chance_below(100000);
		sweep_init(&sweep, round_ms, now_ms);
		for (int step = 0; step < 300; step++) {
			int64_t due_ms;
			size_t before = count_swept();

			if (chance_below(3) == 0)
				come_and_go(among);
			due_ms = sweep_due_ms(&sweep);
			hold_true((due_ms == -1) == (sweep.n == 0));
			if (due_ms - 1 > now_ms) {
				sweep_set_time(&sweep, due_ms - 1);
				sweep_due(&sweep, swept);
				hold_true(count_swept() == before);
			}
			if (due_ms == -1)
				now_ms += chance_below(20000);
			else if (due_ms > now_ms)
				now_ms = due_ms;
			sweep_set_time(&sweep, now_ms);
			sweep_due(&sweep, swept);
			hold_true((count_swept() > before) == (due_ms != -1));
			for (size_t i = 0; i < among; i++)
				hold_true(!conns[i].in ||
				    now_ms - conns[i].seen_ms <= round_ms);
		}
		sweep_free(&sweep);
	}
	sweep_init(&sweep, 0, 5);
	assert_int_equal(sweep_add(&sweep, &conns[0], &conns[0].at), 0);
	assert_int_equal(sweep_due_ms(&sweep), -1);
	sweep_free(&sweep);
}

/* Ticks are as long as they say, also where they are no whole milliseconds. */
static void
ticks(void **state)
{
	(void)state;
	sweep_init(&sweep, 7500, 1000);
	assert_int_equal(sweep_tick(&sweep), 0);
	for (int64_t ms = 0; ms < 100000; ms += 7) {
		int64_t told;

		sweep_set_time(&sweep, 1000 + ms);
		told = sweep_ticks_ms(&sweep, sweep_tick(&sweep));
		hold_true(told <= ms && told > ms - 7500 / SWEEP_SLOTS - 2);
	}
	/* After weeks the count goes round, and differences still hold. */
	sweep_init(&sweep, SWEEP_SLOTS, 0);
	sweep_set_time(&sweep, (INT64_C(1) << 32) + 9);
	assert_int_equal(sweep_tick(&sweep), 9);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds),
		cmocka_unit_test(spread),
		cmocka_unit_test(hurried),
		cmocka_unit_test(steps),
		cmocka_unit_test(sleeps),
		cmocka_unit_test(ticks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
