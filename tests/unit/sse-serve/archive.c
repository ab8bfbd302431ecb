/* The archive: what bounds it, what it accounts for, and what it admits. */
#include <malloc.h>

#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/archive.h"
#include "../../../cmd/sse-serve/cost.h"
#include "../../../cmd/sse-serve/mailbox.h"

#define CHANNELS 40
#define MS0 UINT64_C(1000000)
#define ALL ((struct place){ UINT64_MAX, UINT64_MAX })

/* What truly happened in a channel. */
static struct {
	char name[8];
	struct place minted[600];
	size_t n;
	uint64_t followers;
	struct place dropped; /* as it was before the step */
} truth[CHANNELS];

static struct archive archive;
static struct retentions retentions;
static struct place minted, expired;
static struct place kept_from; /* nothing behind this may have gone */

static size_t
cost(const struct history *h)
{
	size_t bytes = cost_of(sizeof(*h) + h->named.name.len + 1);

	if (h->log.cap > 0)
		bytes += cost_of(h->log.cap * sizeof(h->log.ring[0]));
	if (h->early_cap > 0)
		bytes += cost_of(h->early_cap * sizeof(h->early[0]));

	for (size_t i = 0; i < h->log.count; i++)
		bytes += message_cost(replay_at(&h->log, i));
	for (size_t i = 0; i < h->nearly; i++)
		bytes += message_cost(h->early[i]);
	return bytes;
}

static void
hold_accounts(void)
{
	size_t bytes = 0;
	struct history *h;

	for (h = named_first(&archive.names); h != NULL;
	     h = named_next(&h->named))
		bytes += cost(h);
	hold_true(archive.bytes == bytes);
}

static struct history *
oldest_of_all(void)
{
	struct history *h, *oldest = NULL;

	for (h = named_first(&archive.names); h != NULL;
	     h = named_next(&h->named))
		if (h->log.count > 0 &&
		    (oldest == NULL ||
			place_cmp(replay_at(&h->log, 0)->place,
			    replay_at(&oldest->log, 0)->place) < 0))
			oldest = h;
	return oldest;
}

static void
archive_begin(size_t count, size_t bytes, int64_t age_ms)
{
	retentions = (struct retentions){ .base = { count, age_ms, 0 } };
	archive_init(&archive, &retentions, bytes);
	memset(truth, 0, sizeof(truth));
	for (size_t i = 0; i < CHANNELS; i++)
		snprintf(truth[i].name, sizeof(truth[i].name), "c%zu", i);
	minted = place_of(MS0, 0);
	expired = kept_from = PLACE_ZERO;
}

static struct history *
find(size_t i)
{
	return archive_find(&archive, text_of(truth[i].name));
}

static size_t
index_of(const struct history *h)
{
	return (size_t)strtoul(h->named.name.ptr + 1, NULL, 10);
}

static int
append(size_t i, size_t len, struct place keep)
{
	static char text[1000];
	struct event ev = event_in(truth[i].name);
	struct history *h = archive_get(&archive, ev.channel);

	hold_true(h != NULL);
	ev.data = (struct sse_text){ text, len };
	minted = place_next(minted, minted.ms + chance_below(3));
	truth[i].minted[truth[i].n++] = minted;
	return archive_append(
	    &archive, h, message_from(&ev, minted, replay_last(&h->log)), keep);
}

/* The newest of channel i that is not kept. */
static struct place
gone(size_t i, const struct history *h)
{
	size_t n = truth[i].n;

	if (h != NULL && h->log.count > 0)
		while (n > 0 &&
		    place_cmp(truth[i].minted[n - 1],
			replay_at(&h->log, 0)->place) >= 0)
			n--;
	return n > 0 ? truth[i].minted[n - 1] : PLACE_ZERO;
}

/*
 * For each channel: what is not kept is admitted, by its log or by all that was
 * forgotten, unless it is too old to be vouched for.
 */
static void
hold_admitted(void)
{
	for (size_t i = 0; i < CHANNELS; i++) {
		const struct history *h = find(i);
		struct place p = gone(i, h), said = archive.forgotten;

		if (h != NULL)
			said = h->log.count > 0 ? replay_at(&h->log, 0)->prev
						: h->log.dropped;
		hold_true(place_cmp(said, p) >= 0 || place_cmp(expired, p) > 0);
		hold_true(h == NULL || h->followers == truth[i].followers);
	}
}

/* Those that are followed and have dropped something are marked, once. */
static void
hold_marks(void)
{
	bool marked[CHANNELS] = { false };
	struct history *h;

	while ((h = archive_next_mark(&archive)) != NULL) {
		size_t i = index_of(h);

		hold_true(!marked[i]);
		marked[i] = true;
	}
	for (size_t i = 0; i < CHANNELS; i++) {
		struct place now = PLACE_ZERO;

		if ((h = find(i)) != NULL)
			now = h->log.dropped;
		if (h != NULL && h->followers != 0)
			hold_true(marked[i] ==
			    (place_cmp(now, truth[i].dropped) > 0));
		truth[i].dropped = now;
	}
}

static void
follow(size_t i)
{
	struct history *h = archive_get(&archive, text_of(truth[i].name));
	unsigned int worker = chance_below(64);

	truth[i].followers |= UINT64_C(1) << worker;
	archive_follow(&archive, h, worker);
	truth[i].dropped = h->log.dropped;
}

static void
unfollow(size_t i)
{
	for (unsigned int worker = 0; worker < 64; worker++) {
		if ((truth[i].followers >> worker & 1) == 0)
			continue;
		truth[i].followers &= ~(UINT64_C(1) << worker);
		archive_unfollow(&archive, find(i), worker);
		if (chance_below(2))
			return;
	}
}

static void
expire(void)
{
	int64_t now_ms = (int64_t)minted.ms + chance_below(30);

	archive_expire(&archive, now_ms, kept_from);
	if (retentions.base.age_ms > 0)
		expired = place_max(expired,
		    place_of((uint64_t)(now_ms - retentions.base.age_ms), 0));
}

static void
hold_bounds(int held, size_t i)
{
	struct history *h = find(i);
	struct history *oldest = oldest_of_all();

	hold_true(held == 0 || held == 1);
	if (held == 1) {
		/* There is too much, and what goes first has to stay. */
		hold_true(archive.held == h);
		hold_true(h->log.count > retentions.base.count ||
		    archive.bytes > archive.max_bytes);
		hold_true(
		    place_cmp(replay_at(&h->log, 0)->place, kept_from) > 0 ||
		    place_cmp(oldest->rank, kept_from) > 0);
		return;
	}
	hold_true(archive.held != h || h == NULL);
	hold_true(h == NULL || h->log.count <= retentions.base.count);
	hold_true(archive.bytes <= archive.max_bytes || oldest == NULL);
}

/* What is to be kept moves on, as slow readers do. */
static void
move_keep(bool lag_wait)
{
	struct place p = minted;

	if (!lag_wait) {
		kept_from = ALL;
		return;
	}
	p.ms -= chance_below(100) < p.ms - MS0 ? chance_below(100) : 0;
	if (p.ms >= MS0)
		kept_from = place_max(kept_from, p);
}

static void
step(bool lag_wait)
{
	size_t i = chance_below(CHANNELS);

	switch (chance_below(12)) {
	case 0:
		follow(i);
		break;
	case 1:
	case 2:
		unfollow(i);
		break;
	case 3:
		expire();
		break;
	case 4:
		move_keep(lag_wait);
		if (archive.held != NULL) {
			i = index_of(archive.held);
			hold_bounds(
			    archive_trim(&archive, archive.held, kept_from), i);
		}
		break;
	default:
		hold_bounds(append(i, chance_below(1000), kept_from), i);
	}
}

static void
by_chance(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 400; s++) {
		bool lag_wait = s & 1;

		chance_begin(s);
		archive_begin(chance_below(2) ? SIZE_MAX : chance_below(20),
		    chance_below(4) ? 3000 + chance_below(40000) : SIZE_MAX,
		    chance_below(3) ? 20 + chance_below(200) : 0);
		move_keep(lag_wait);
		for (int i = 0; i < 500; i++) {
			step(lag_wait);
			hold_accounts();
			hold_admitted();
			hold_marks();
			for (size_t c = 0; c < CHANNELS; c++) {
				const struct history *h = find(c);

				hold_true(h == NULL ||
				    place_cmp(h->log.dropped, kept_from) <= 0);
			}
		}
		archive_free(&archive);
		assert_int_equal(archive.bytes, 0);
	}
}

/* By bytes the oldest go first, of whatever channel. */
static void
oldest_first(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 100; s++) {
		chance_begin(s);
		archive_begin(SIZE_MAX, 30000, 0);
		for (size_t i = 0; i < CHANNELS; i++)
			archive_follow(&archive,
			    archive_get(&archive, text_of(truth[i].name)), 1);
		for (int i = 0; i < 300; i++) {
			struct history *oldest;

			hold_true(append(chance_below(CHANNELS),
				      chance_below(1000), ALL) == 0);
			hold_true(archive.bytes <= 30000);
			oldest = oldest_of_all();
			for (size_t c = 0; c < CHANNELS; c++)
				hold_true(place_cmp(find(c)->log.dropped,
					      oldest->rank) < 0);
		}
		archive_free(&archive);
	}
}

/* However many names publishers think of, memory is bounded. */
static void
many_names(void **state)
{
	(void)state;
	chance_begin(1);
	archive_begin(1000, 100000, 0);
	for (int i = 0; i < 20000; i++) {
		char name[16];
		struct event ev;
		struct history *h;

		snprintf(name, sizeof(name), "n%d", i);
		ev = event_in(name);
		h = archive_get(&archive, ev.channel);
		minted = place_next(minted, 0);
		assert_int_equal(
		    archive_append(&archive, h,
			message_from(&ev, minted, replay_last(&h->log)), ALL),
		    0);
		assert_true(archive.bytes <= 100000);
		/* The newest are still there. */
		assert_non_null(archive_find(&archive, text_of(name)));
		assert_int_equal(h->log.count, 1);
	}
	/* Of one that was forgotten nothing is vouched for. */
	assert_null(archive_find(&archive, TEXT("n0")));
	assert_true(place_cmp(archive_get(&archive, TEXT("n0"))->log.dropped,
			place_of(MS0, 1)) >= 0);
	archive_free(&archive);
}

static void
aged(void **state)
{
	struct history *h;

	(void)state;
	chance_begin(1);
	archive_begin(100, SIZE_MAX, 1000);
	assert_false(archive_ages(&archive));
	(void)append(0, 1, ALL);
	(void)append(1, 1, ALL);
	assert_true(archive_ages(&archive));
	h = find(1);
	archive_follow(&archive, h, 3);
	archive_expire(&archive, (int64_t)minted.ms + 1000, ALL);
	assert_int_equal(h->log.count, 1); /* not older than that */
	/* What is to be kept stays, however old. */
	archive_expire(&archive, (int64_t)minted.ms + 5000, place_of(MS0, 0));
	assert_int_equal(h->log.count, 1);
	archive_expire(&archive, (int64_t)minted.ms + 1001, ALL);
	assert_int_equal(h->log.count, 0);
	assert_ptr_equal(archive_next_mark(&archive), h);
	assert_null(archive_next_mark(&archive));
	assert_null(find(0)); /* nobody follows it */
	assert_ptr_equal(find(1), h);
	assert_false(archive_ages(&archive));
	archive_unfollow(&archive, h, 3);
	assert_ptr_equal(find(1), h); /* it knows what was dropped */
	assert_true(archive_ages(&archive));
	archive_expire(&archive, (int64_t)minted.ms + 1001, ALL);
	assert_null(find(1));
	assert_false(archive_ages(&archive));
	assert_int_equal(archive.bytes, 0);
	/* One that has never had an event goes with its last follower. */
	h = archive_get(&archive, TEXT("c2"));
	archive_follow(&archive, h, 0);
	archive_follow(&archive, h, 63);
	archive_unfollow(&archive, h, 0);
	assert_ptr_equal(find(2), h);
	archive_unfollow(&archive, h, 63);
	assert_null(find(2));
	archive_free(&archive);
}

/* One channel that holds too much is not forgotten over another. */
static void
held(void **state)
{
	(void)state;
	chance_begin(1);
	archive_begin(2, SIZE_MAX, 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(append(0, 1, PLACE_ZERO), 0);
	assert_int_equal(append(0, 1, PLACE_ZERO), 1);
	assert_ptr_equal(archive.held, find(0));
	assert_int_equal(append(1, 1, PLACE_ZERO), 0);
	assert_ptr_equal(archive.held, find(0));
	assert_int_equal(archive_trim(&archive, archive.held, PLACE_ZERO), 1);
	assert_int_equal(archive_trim(&archive, archive.held, ALL), 0);
	assert_null(archive.held);
	assert_int_equal(find(0)->log.count, 2);
	archive_free(&archive);
}

/* A log that is read from elsewhere. */
static void
loaded(void **state)
{
	struct history *h;
	struct backlog *b;

	(void)state;
	archive_begin(3, SIZE_MAX, 0);
	h = archive_get(&archive, TEXT("c0"));
	archive_follow(&archive, h, 1);
	for (uint64_t i = 1; i <= 5; i++) {
		archive_load(&archive, h,
		    message_at("c0", place_of(i, 0), place_of(i - 1, 0)));
		archive_load(&archive, h,
		    message_at("c0", place_of(i, 0), place_of(i - 1, 0)));
	}
	assert_int_equal(h->log.count, 3);
	hold_accounts();
	b = history_backlog(h);
	assert_int_equal(b->n, 3);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(b->messages[i]->place.ms, 3 + i);
		assert_int_equal(message_refs(b->messages[i]), 2);
	}
	archive_dropped(&archive, h, place_of(4, 0));
	assert_int_equal(h->log.count, 1);
	assert_int_equal(message_refs(b->messages[0]), 1);
	hold_accounts();
	archive_empty(&archive, h);
	assert_int_equal(h->log.count, 0);
	assert_true(place_is_zero(h->log.dropped));
	hold_accounts();
	archive_load(&archive, h, message_at("c0", place_of(1, 0), PLACE_ZERO));
	assert_int_equal(h->log.count, 1);
	backlog_free(b);
	archive_free(&archive);
}

/*
 * What comes before its log has is counted like what is in the logs; these
 * yield to it, and what there is no room for then is remembered as lost.
 */
static void
early(void **state)
{
	size_t before, cost;
	struct history *h;
	struct early e;

	(void)state;
	chance_begin(1);
	archive_begin(100, 20000, 0);
	for (int i = 0; i < 20; i++)
		(void)append(1, 1, ALL);
	h = archive_get(&archive, TEXT("c0"));
	archive_follow(&archive, h, 1);
	before = archive.bytes;
	for (uint64_t i = 2; i < 20; i++)
		assert_int_equal(
		    archive_early(&archive, h,
			message_at("c0", place_of(i, 0), place_of(i - 1, 0))),
		    0);
	cost = message_cost(h->early[0]);
	assert_true(archive.bytes >= before + 18 * cost);
	hold_accounts();
	for (uint64_t i = 20;; i++) {
		struct message *m = message_at(
		    "c0", place_of(i, 0), place_of(i - 1, 0));

		assert_true(archive.bytes <= 20000);
		if (archive_early(&archive, h, m) == 0)
			continue;
		assert_true(place_same(h->early_lost, m->place));
		assert_int_equal(h->nearly, i - 2);
		message_unref(m);
		break;
	}
	/* All of the others have gone for it. */
	assert_int_equal(archive.events, 0);
	hold_accounts();
	e = archive_early_end(&archive, h);
	assert_true(e.n > 18 && place_same(e.lost, place_of(e.n + 2, 0)));
	for (size_t i = 0; i < e.n; i++) {
		assert_int_equal(e.v[i]->place.ms, i + 2);
		message_unref(e.v[i]);
	}
	free(e.v);
	assert_int_equal(h->nearly, 0);
	assert_true(archive.bytes < before);
	hold_accounts();
	archive_free(&archive);
}

/* What memory did not suffice for is admitted like what was dropped. */
static void
without_room(void **state)
{
	struct message *m;
	struct history *h;

	(void)state;
	chance_begin(1);
	archive_begin(100, SIZE_MAX, 0);
	for (int i = 0; i < 4; i++)
		(void)append(0, 1, ALL);
	h = find(0);
	archive_follow(&archive, h, 1);
	minted = place_next(minted, 0);
	m = message_at("c0", minted, replay_last(&h->log));
	no_room = true;
	assert_int_equal(archive_append(&archive, h, m, ALL), -1);
	no_room = false;
	assert_int_equal(message_refs(m), 1);
	message_unref(m);
	assert_true(place_same(h->log.dropped, minted));
	assert_true(place_same(replay_last(&h->log), minted));
	assert_ptr_equal(archive_next_mark(&archive), h);
	hold_accounts();
	m = message_at("c0", place_next(minted, 0), minted);
	no_room = true;
	assert_int_equal(archive_early(&archive, h, m), -1);
	assert_true(place_same(h->early_lost, m->place));
	archive_load(&archive, h, m); /* is freed */
	no_room = false;
	hold_accounts();
	archive_free(&archive);
}

/* Families have bounds of their own; the oldest of all still goes first. */
static void
families(void **state)
{
	(void)state;
	chance_begin(1);
	archive_begin(10, SIZE_MAX, 1000);
	assert_null(retentions_add(&retentions, "c1=2,5s"));
	assert_null(retentions_add(&retentions, "c[23]=100,2s,2k"));
	archive_init(&archive, &retentions, SIZE_MAX);
	for (int i = 0; i < 30; i++)
		for (size_t c = 0; c < 4; c++)
			(void)append(c, 100, ALL);
	assert_int_equal(find(0)->log.count, 10);
	assert_int_equal(find(1)->log.count, 2);
	for (size_t c = 2; c < 4; c++) {
		assert_in_range(find(c)->log.bytes, 1500, 2048);
		assert_in_range(find(c)->log.count, 5, 20);
	}
	archive_expire(&archive, (int64_t)minted.ms + 1500, ALL);
	assert_null(find(0));
	assert_int_equal(find(1)->log.count, 2);
	archive_expire(&archive, (int64_t)minted.ms + 2500, ALL);
	assert_null(find(2));
	assert_int_equal(find(1)->log.count, 2);
	archive_expire(&archive, (int64_t)minted.ms + 6000, ALL);
	assert_null(find(1));
	assert_int_equal(archive.bytes, 0);
	for (int i = 0; i < 4; i++)
		(void)append((size_t)i, 100, ALL);
	archive.max_bytes = archive.bytes + 100;
	(void)append(3, 100, ALL);
	assert_int_equal(find(0)->log.count, 0);
	assert_int_equal(find(1)->log.count, 1);
	archive_free(&archive);
}

/* Bytes in use, as the allocator itself has it; 0: it does not tell. */
static size_t
in_use(void)
{
	struct mallinfo2 info = mallinfo2();

	return info.uordblks + info.hblkhd;
}

/* What is accounted for is what is really used, from 100,000 channels. */
static void
accounted(void **state)
{
	size_t before = in_use(), used, off;
	struct history *h;

	(void)state;
	if (before == 0)
		return; /* a sanitizer's allocator does not tell */
	chance_begin(1);
	archive_begin(1000, SIZE_MAX, 0);
	for (int i = 0; i < 300000; i++) {
		char name[64];
		struct event ev;

		snprintf(name, sizeof(name), "channel:%u:%.*s",
		    (unsigned int)chance_below(100000), (int)chance_below(30),
		    "abcdefghijklmnopqrstuvwxyz1234");
		ev = event_in(name);
		ev.high = chance_below(10) == 0;
		h = archive_get(&archive, ev.channel);
		minted = place_next(minted, 0);
		(void)archive_append(&archive, h,
		    message_from(&ev, minted, replay_last(&h->log)), ALL);
		/* Then to a bound, and within it. */
		if (i == 200000)
			archive.max_bytes = archive.bytes;
	}
	used = in_use() - before;
	off = used > archive.bytes ? used - archive.bytes
				   : archive.bytes - used;
	print_message(
	    "%zu bytes accounted for, %zu used\n", archive.bytes, used);
	/* The allocator keeps some that were freed for the next. */
	assert_in_range(off, 0, used / 200);
	assert_true(archive.bytes <= archive.max_bytes);
	archive_free(&archive);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_chance),
		cmocka_unit_test(oldest_first),
		cmocka_unit_test(many_names),
		cmocka_unit_test(aged),
		cmocka_unit_test(held),
		cmocka_unit_test(loaded),
		cmocka_unit_test(early),
		cmocka_unit_test(without_room),
		cmocka_unit_test(families),
		cmocka_unit_test(accounted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
