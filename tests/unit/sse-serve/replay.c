/* The replay log of a channel: a ring, held against a plain array. */
#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/replay.h"

#define EVENTS 400

/* What the log should be: all that was ever kept, and from where on. */
static struct {
	struct message *all[EVENTS];
	struct place places[EVENTS]; /* for those that are freed, too */
	size_t from, to;
	struct place dropped;
} want;

static void
hold_same(const struct replay *r)
{
	size_t bytes = 0, count = want.to - want.from;

	hold_true(r->count == count);
	hold_true(r->cap >= count);
	hold_true((r->cap & (r->cap - 1)) == 0);
	for (size_t i = 0; i < count; i++) {
		hold_true(replay_at(r, i) == want.all[want.from + i]);
		bytes += message_cost(replay_at(r, i));
	}
	hold_true(r->bytes == bytes);
	hold_true(place_same(r->dropped, want.dropped));
	hold_true(place_same(replay_last(r),
	    count > 0 ? want.places[want.to - 1] : want.dropped));
}

static void
hold_after(const struct replay *r, struct place p)
{
	size_t i = 0;

	while (i < r->count && place_cmp(replay_at(r, i)->place, p) <= 0)
		i++;
	hold_true(replay_after(r, p) == i);
}

static struct place
somewhere(void)
{
	return place_of(chance_below(EVENTS + 10), chance_below(3));
}

static void
append(struct replay *r)
{
	struct place p = somewhere(), last = replay_last(r);
	struct message *m;

	/* Mostly the next, sometimes one that is there or was. */
	if (chance_below(4) > 0)
		p = chance_below(2) ? place_of(last.ms, last.seq + 1)
				    : place_of(last.ms + 1, 0);
	m = message_at("c", p, last);
	hold_true(replay_append(r, message_ref(m)) == 0);
	if (place_cmp(p, last) > 0) {
		want.places[want.to] = p;
		want.all[want.to++] = m;
		hold_true(message_refs(m) == 2);
	} else
		hold_true(message_refs(m) == 1);
	message_unref(m);
}

static void
drop(struct replay *r)
{
	struct place p = somewhere();

	if (chance_below(3) > 0) {
		replay_drop_oldest(r);
		if (want.from < want.to)
			want.dropped = want.places[want.from];
		want.from += want.from < want.to;
		return;
	}
	/* One that is not far off. */
	if (want.from < want.to)
		p = want.places[want.from +
		    chance_below((uint32_t)(want.to - want.from))];
	p.seq += chance_below(3);
	replay_drop_to(r, p);
	while (want.from < want.to && place_cmp(want.places[want.from], p) <= 0)
		want.from++;
	want.dropped = place_max(want.dropped, p);
}

static void
by_chance(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 300; s++) {
		struct replay r;

		chance_begin(s);
		memset(&want, 0, sizeof(want));
		replay_init(&r);
		for (uint32_t i = 0; i < EVENTS; i++) {
			/* It grows, then shrinks, and so on. */
			if (chance_below(8) < ((i / 50) % 2 ? 3u : 6u))
				append(&r);
			else
				drop(&r);
			hold_same(&r);
			hold_after(&r, somewhere());
			hold_after(&r, replay_last(&r));
			if (r.count > 1) {
				hold_after(&r, replay_at(&r, 0)->place);
				hold_after(
				    &r, replay_at(&r, r.count - 2)->place);
			}
		}
		replay_clear(&r);
		assert_int_equal(r.count + r.cap + r.bytes, 0);
	}
}

static void
found_by_text(void **state)
{
	static const char *const ids[] = { "a", "b", "", "a", "ab", "c" };
	struct replay r;

	(void)state;
	replay_init(&r);
	assert_null(replay_find(&r, TEXT("a")));
	for (size_t i = 0; i < nitems(ids); i++) {
		struct event ev = event_in("c");

		ev.id = text_of(ids[i]);
		ev.has_id = true;
		assert_int_equal(
		    replay_append(&r,
			message_from(&ev, place_of(i + 1, 0), place_of(i, 0))),
		    0);
	}
	assert_int_equal(replay_find(&r, TEXT("a"))->place.ms, 4);
	assert_int_equal(replay_find(&r, TEXT("ab"))->place.ms, 5);
	assert_int_equal(replay_find(&r, TEXT("b"))->place.ms, 2);
	assert_null(replay_find(&r, TEXT("abc")));
	replay_drop_to(&r, place_of(2, 0));
	assert_null(replay_find(&r, TEXT("b")));
	assert_int_equal(replay_find(&r, TEXT("a"))->place.ms, 4);
	replay_clear(&r);
}

/* A log that was long once does not cost as if it still were. */
static void
gives_memory_back(void **state)
{
	struct replay r;

	(void)state;
	replay_init(&r);
	for (uint64_t i = 1; i <= 5000; i++)
		assert_int_equal(
		    replay_append(&r,
			message_at("c", place_of(i, 0), place_of(i - 1, 0))),
		    0);
	replay_drop_to(&r, place_of(4990, 0));
	assert_int_equal(r.count, 10);
	assert_true(r.cap <= 64);
	assert_int_equal(replay_at(&r, 0)->place.ms, 4991);
	assert_int_equal(replay_at(&r, 9)->place.ms, 5000);
	replay_drop_to(&r, place_of(5000, 0));
	assert_int_equal(r.cap, 0);
	replay_clear(&r);
}

static void
without_room(void **state)
{
	struct message *m = message_at("c", place_of(9, 0), PLACE_ZERO);
	struct replay r;

	(void)state;
	replay_init(&r);
	no_room = true;
	assert_int_equal(replay_append(&r, m), -1);
	no_room = false;
	assert_int_equal(message_refs(m), 1);
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(
		    replay_append(&r,
			message_at("c", place_of(i, 0), place_of(i - 1, 0))),
		    0);
	no_room = true;
	assert_int_equal(replay_append(&r, m), -1);
	assert_int_equal(r.count, 4);
	replay_drop_to(&r, place_of(3, 0)); /* shrinking may fail, too */
	assert_int_equal(r.count, 1);
	assert_int_equal(replay_at(&r, 0)->place.ms, 4);
	no_room = false;
	assert_int_equal(replay_append(&r, m), 0);
	assert_int_equal(replay_at(&r, 1)->place.ms, 9);
	replay_clear(&r);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_chance),
		cmocka_unit_test(found_by_text),
		cmocka_unit_test(gives_memory_back),
		cmocka_unit_test(without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
