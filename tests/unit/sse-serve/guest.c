/* Guests whose identity ends: found in the order in which that happens. */
#include "data.h"

#include "../../../cmd/sse-serve/guest.h"

#define GUESTS 200

/* Stands in for conn.c's, of which a guest knows nothing. */
struct conn {
	struct guest *guest; /* NULL: it has gone */
};

static struct guests all;
static struct conn conns[GUESTS];

static void
come(struct conn *c, int64_t ends_ms)
{
	struct claims claims = CLAIMS_NONE;
	const struct identity *id;

	claims.client = TEXT("c");
	claims.expires_ms = ends_ms;
	id = identity_new(&claims, false);
	c->guest = guest_new(&all, id, c);
	hold_true(c->guest != NULL);
}

static void
go(struct conn *c)
{
	guest_free(&all, c->guest);
	c->guest = NULL;
}

static int64_t
first_end_ms(void)
{
	int64_t first = -1;

	for (size_t i = 0; i < GUESTS; i++) {
		const struct guest *g = conns[i].guest;

		if (g != NULL && g->id->expires_ms >= 0 &&
		    (first == -1 || g->id->expires_ms < first))
			first = g->id->expires_ms;
	}
	return first;
}

static void
ends(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 100; s++) {
		int64_t now_ms = 0;

		chance_begin(s);
		RB_INIT(&all);
		for (int step = 0; step < 500; step++) {
			struct conn *c = &conns[chance_below(GUESTS)];

			/* Many end at once, some never. */
			if (c->guest != NULL)
				go(c);
			else
				come(c,
				    chance_below(5) == 0
					? -1
					: now_ms + chance_below(50));
			hold_true(guests_end_ms(&all) == first_end_ms());
			now_ms += chance_below(3);
			while ((c = guests_over(&all, now_ms)) != NULL) {
				hold_true(
				    c->guest->id->expires_ms == first_end_ms());
				hold_true(first_end_ms() <= now_ms);
				go(c);
			}
			hold_true(
			    first_end_ms() == -1 || first_end_ms() > now_ms);
		}
		for (size_t i = 0; i < GUESTS; i++)
			go(&conns[i]);
		hold_true(guests_end_ms(&all) == -1);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
