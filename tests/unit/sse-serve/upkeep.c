/* When a stream is written to so that it lives, and when it is ended. */
#include "data.h"

#include "../../../cmd/sse-serve/sweep.h"
#include "../../../cmd/sse-serve/upkeep.h"

static const int64_t times[] = { 0, 100, 200, 1000, 15000, 60000, 86400000 };

/*
 * Visit a stream of that slot, which never takes a byte but keep-alive
 * comments, from begin on; returns when it ends, or -1, and in *longest how
 * long it was silent.
 */
static int64_t
live(const struct conf *conf, unsigned int slot, bool blocked, int64_t until,
    int64_t *longest)
{
	int64_t round = upkeep_round_ms(conf), touched = 0, at;
	bool told = false;

	*longest = 0;
	/* The first visit is anywhere within a round. */
	for (at = chance_below((uint32_t)round + 1); at < until; at += round) {
		struct standing v = { slot, at - touched, at, blocked, told };

		if (v.idle_ms > *longest)
			*longest = v.idle_ms;
		switch (upkeep_due(conf, &v)) {
		case UPKEEP_KEEPALIVE:
			hold_true(!blocked);
			hold_true(v.idle_ms >= conf->keepalive_ms / 2);
			hold_true(
			    !told || v.idle_ms > conf->keepalive_ms - round);
			touched = at;
			told = true;
			break;
		case UPKEEP_STALLED:
			hold_true(blocked && conf->stall_ms > 0);
			return at;
		case UPKEEP_END:
			hold_true(!blocked);
			return at;
		case UPKEEP_CUT:
			hold_true(blocked);
			return at;
		default:
			break;
		}
	}
	return -1;
}

static void
hold_life(const struct conf *conf, unsigned int slot, bool blocked)
{
	int64_t round = upkeep_round_ms(conf), longest, until = 300 * round;
	int64_t end = live(conf, slot, blocked, until, &longest);
	int64_t life = conf->max_lifetime_ms, stall = conf->stall_ms;

	/* Rounds of less than a slot's time are not made. */
	if (conf->keepalive_ms / 2 >= SWEEP_SLOTS && !blocked)
		hold_true(longest <= conf->keepalive_ms);
	if (!blocked && (life == 0 || life > until)) {
		hold_true(end == -1);
		return;
	}
	if (!blocked) {
		hold_true(end >= life / 8 * 7 && end <= life + round);
		return;
	}
	if (stall > 0 && (life == 0 || stall < life - 2 * round) &&
	    stall < until - round)
		hold_true(end >= stall && end <= stall + round);
	if (stall == 0 && (life == 0 || life > until))
		hold_true(end == -1);
	if (life > 0 && life < until - round)
		hold_true(end != -1 && end <= life + round);
}

static void
lives(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 20; s++)
		for (size_t k = 0; k < nitems(times); k++)
			for (size_t t = 0; t < nitems(times); t++)
				for (size_t l = 0; l < nitems(times); l++) {
					struct conf conf = {
						.keepalive_ms = times[k],
						.stall_ms = times[t],
						.max_lifetime_ms = times[l]
					};

					chance_begin(s);
					if (upkeep_round_ms(&conf) == 0)
						continue;
					hold_life(&conf,
					    chance_below(SWEEP_SLOTS), false);
					hold_life(&conf,
					    chance_below(SWEEP_SLOTS), true);
				}
}

static void
no_rounds(void **state)
{
	struct conf conf = { .keepalive_ms = 0 };

	(void)state;
	assert_int_equal(upkeep_round_ms(&conf), 0);
	conf.keepalive_ms = 15000;
	assert_int_equal(upkeep_round_ms(&conf), 7500);
	conf.stall_ms = 4000;
	assert_int_equal(upkeep_round_ms(&conf), 1000);
	conf.stall_ms = 1;
	assert_int_equal(upkeep_round_ms(&conf), SWEEP_SLOTS);
}

/*
 * All fall silent together, as after an event for everyone: the comments come
 * spread over half the interval, whatever else makes the rounds short.
 */
static void
spread(void **state)
{
	static const int64_t stalls[] = { 0, 4000, 60000 };

	(void)state;
	for (size_t i = 0; i < nitems(stalls); i++) {
		struct conf conf = { .keepalive_ms = 16000,
			.stall_ms = stalls[i] };
		int64_t round = upkeep_round_ms(&conf);
		int told[16] = { 0 }, seconds = 0;

		for (unsigned int slot = 0; slot < SWEEP_SLOTS; slot++) {
			int64_t at = round * slot / SWEEP_SLOTS;
			struct standing v = { .slot = slot };

			for (;; at += round) {
				v.idle_ms = v.age_ms = at;
				if (upkeep_due(&conf, &v) == UPKEEP_KEEPALIVE)
					break;
			}
			assert_in_range(at, 8000, 16000);
			told[(at - 1) / 1000]++;
		}
		/* Never many of the 64 at once, and hardly a second without. */
		for (int t = 0; t < 16; t++) {
			assert_in_range(told[t], 0, 12);
			seconds += told[t] > 0;
		}
		assert_in_range(seconds, 7, 9);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lives),
		cmocka_unit_test(no_rounds),
		cmocka_unit_test(spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
