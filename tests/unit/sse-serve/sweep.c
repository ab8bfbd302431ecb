/* The sweep: every connection once a round, those in a hurry by deadline. */
#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/conn.h"

#define CONNS 500

/* Stands in for conn.c's, of which the sweep knows but this. */
struct conn {
	struct sweep_at at;
	struct hurry hurry;
	unsigned int swept;
	bool in;
};

struct sweep_at *
conn_sweep_at(struct conn *c)
{
	return &c->at;
}

static struct sweep sweep;
static struct conn conns[CONNS];
static bool leave;

static void
swept(struct conn *c)
{
	hold_true(c->in);
	c->swept++;
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

static void
rounds(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 60; s++) {
		chance_begin(s);
		memset(conns, 0, sizeof(conns));
		sweep_init(&sweep);
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
				for (int i = 0; i < SWEEP_SLOTS; i++)
					sweep_next(&sweep, swept);
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
	sweep_init(&sweep);
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
		sweep_init(&sweep);
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
		sweep_init(&sweep);
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

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rounds),
		cmocka_unit_test(spread),
		cmocka_unit_test(hurried),
		cmocka_unit_test(steps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
