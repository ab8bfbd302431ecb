/*
 * Subscribers, as a property: whatever comes, is dropped, lost, or late to be
 * seen, every event of its channels is handed out once, in the order of places,
 * or a gap is told that covers it, never silently and never twice.
 */
#include "data.h"

#include "../../../cmd/sse-serve/subscriber.h"

#define CHANNELS 5
#define EVENTS 600
#define MS0 UINT64_C(1000000)

enum fate {
	WAITING, /* in the log, or to come there */
	TOLD,
	LOST,   /* is in no log */
	COVERED /* is in no log, and a gap told so */
};

/* What truly happened in a channel. */
static struct {
	struct channel *ch;
	struct truth {
		struct place place, prev;
		const char *type;
		int64_t expires_ms;
		bool kept; /* is in the log */
		enum fate fate;
	} events[EVENTS];
	size_t n;
	bool joined;
} truth[CHANNELS];

static struct channel_table table;
static struct subscriber sub;
static struct era era;
static struct place minted;
static bool by_type; /* only type "a" is wanted */

static void
world_open(void)
{
	memset(truth, 0, sizeof(truth));
	channel_table_init(&table);
	minted = place_of(MS0, 0);
	era = (struct era){
		.horizon = minted, .birth = minted, .now_ms = (int64_t)MS0
	};
	for (size_t i = 0; i < CHANNELS; i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%zu", i);
		truth[i].ch = channel_get(&table, text_of(name));
		truth[i].ch->attached = true;
	}
}

static void
world_close(void)
{
	subscriber_clear(&sub);
	channel_table_clear(&table);
}

static struct predicate *
type_a(void)
{
	struct predicate *p = calloc(1, sizeof(*p));

	p->types = calloc(1, sizeof(*p->types));
	p->types[0] = (struct sse_text){ strdup("a"), 1 };
	p->ntypes = 1;
	return p;
}

static void
join(void)
{
	struct channel *some[CHANNELS];
	size_t n = 0;

	by_type = chance_below(3) == 0;
	subscriber_init(&sub, 0);
	hold_true(subscriber_restrict(&sub, by_type ? type_a() : NULL) == 0);
	for (size_t i = 0; i < CHANNELS; i++) {
		truth[i].joined = i == 0 || chance_below(2);
		if (truth[i].joined)
			some[n++] = truth[i].ch;
	}
	hold_true(subscriber_join(&sub, some, n) == 0);
}

/* An event is minted in channel i.  Without keep it never comes here. */
static void
mint(size_t i, bool keep)
{
	static const char *const types[] = { "", "a", "b" };
	struct truth *t = &truth[i].events[truth[i].n];
	struct event ev = event_in(truth[i].ch->named.name.ptr);

	if (truth[i].n == EVENTS)
		return;
	era.now_ms += chance_below(3);
	minted = place_next(minted, (uint64_t)era.now_ms);
	*t = (struct truth){ .place = minted,
		.prev = truth[i].n > 0 ? t[-1].place : PLACE_ZERO,
		.type = types[chance_below(3)],
		.expires_ms = chance_below(8) ? -1
					      : era.now_ms + chance_below(40),
		.kept = keep };
	truth[i].n++;
	if (!keep) {
		t->fate = LOST;
		return;
	}
	ev.type = text_of(t->type);
	ev.expires_ms = t->expires_ms;
	hold_true(channel_publish(&table, truth[i].ch,
		      message_from(&ev, t->place, t->prev)) == 0);
}

/* One that never comes here shows by the one behind it. */
static void
hole(size_t i)
{
	if (truth[i].n + 2 > EVENTS)
		return;
	mint(i, false);
	mint(i, true);
}

static void
drop(size_t i)
{
	size_t upto;

	if (truth[i].n == 0)
		return;
	upto = chance_below((uint32_t)truth[i].n);
	for (size_t j = 0; j <= upto; j++) {
		truth[i].events[j].kept = false;
		/* What was not wanted when its turn came is no loss. */
		if (truth[i].events[j].fate == WAITING &&
		    place_cmp(truth[i].events[j].place, sub.cursor) > 0)
			truth[i].events[j].fate = LOST;
	}
	replay_drop_to(&truth[i].ch->log, truth[i].events[upto].place);
}

static bool
wanted(const struct truth *t)
{
	if (t->expires_ms >= 0 && t->expires_ms <= era.now_ms)
		return false;
	return !by_type || strcmp(t->type, "a") == 0;
}

/*
 * Is something lost right behind the cursor, of which no gap told yet?  What is
 * lost behind others of its channel has its turn when those are told.
 */
static bool
cover(void)
{
	bool any = false;

	for (size_t i = 0; i < CHANNELS; i++)
		for (size_t j = 0; truth[i].joined && j < truth[i].n; j++) {
			struct truth *t = &truth[i].events[j];

			if (place_cmp(t->place, sub.cursor) <= 0)
				continue;
			if (t->kept)
				break;
			any = any || t->fate == LOST;
			t->fate = COVERED;
		}
	return any;
}

/* The first one kept behind the cursor, of all channels. */
static struct truth *
first_kept(struct place from)
{
	struct truth *first = NULL;

	for (size_t i = 0; i < CHANNELS; i++)
		for (size_t j = 0; truth[i].joined && j < truth[i].n; j++) {
			struct truth *t = &truth[i].events[j];

			if (!t->kept || place_cmp(t->place, from) <= 0)
				continue;
			if (first == NULL ||
			    place_cmp(t->place, first->place) < 0)
				first = t;
			break;
		}
	return first;
}

/* The next one to be handed out. */
static struct truth *
next_due(void)
{
	struct place from = sub.cursor;
	struct truth *t;

	while ((t = first_kept(from)) != NULL &&
	    (t->fate != WAITING || !wanted(t)))
		from = t->place;
	return t != NULL && place_cmp(t->place, era.horizon) <= 0 ? t : NULL;
}

static void
hold_gap(const struct gap *gap, bool expected)
{
	struct truth *oldest = first_kept(sub.cursor);

	hold_true(gap->is == expected);
	if (!gap->is)
		return;
	if (oldest == NULL || gap->oldest == NULL)
		hold_true(oldest == NULL && gap->oldest == NULL);
	else
		hold_true(place_same(gap->oldest->place, oldest->place));
}

/* Hand out at most n.  Returns whether the walk broke off before a hole. */
static bool
walk(size_t n)
{
	struct walk w;
	struct gap gap = subscriber_walk(&sub, &w, &era);
	struct message *m, *last = NULL;

	hold_gap(&gap, cover());
	for (; n > 0; n--) {
		struct truth *t = next_due();

		if (last != NULL)
			subscriber_passed(&sub, &w, last);
		if ((m = subscriber_next(&sub, &w)) == NULL) {
			subscriber_passed(&sub, &w, NULL);
			hold_true(w.hole || t == NULL);
			hold_true(
			    w.hole || place_cmp(sub.cursor, era.horizon) >= 0);
			return w.hole;
		}
		hold_true(t != NULL && place_same(m->place, t->place));
		t->fate = TOLD;
		last = m;
	}
	if (last != NULL)
		subscriber_passed(&sub, &w, last);
	return false;
}

/* As many as the connection takes, at most n. */
static void
pump(size_t n)
{
	while (walk(n)) {
		/* It broke off for a reason. */
		struct walk w;
		struct gap gap = subscriber_walk(&sub, &w, &era);

		hold_gap(&gap, true);
		hold_true(cover());
	}
}

/* The horizon goes to some place on the way to the last that was minted. */
static void
raise(bool all)
{
	struct place p = era.horizon;
	size_t i = chance_below(CHANNELS);

	if (all)
		p = minted;
	else if (truth[i].n > 0)
		p = truth[i].events[chance_below((uint32_t)truth[i].n)].place;
	era.horizon = place_max(era.horizon, p);
}

static void
live(int steps)
{
	for (int i = 0; i < steps; i++) {
		size_t c = chance_below(CHANNELS);

		switch (chance_below(10)) {
		case 0:
			if (chance_below(3) == 0)
				drop(c);
			break;
		case 1:
			if (chance_below(3) == 0)
				hole(c);
			break;
		case 2:
		case 3:
			raise(chance_below(2));
			break;
		case 4:
		case 5:
			pump(chance_below(6));
			break;
		case 6:
			pump(SIZE_MAX);
			break;
		default:
			mint(c, true);
		}
	}
}

/* At the end nothing may be left that is neither told nor covered. */
static void
hold_all_told(struct place since)
{
	raise(true);
	pump(SIZE_MAX);
	for (size_t i = 0; i < CHANNELS; i++)
		for (size_t j = 0; truth[i].joined && j < truth[i].n; j++) {
			struct truth *t = &truth[i].events[j];

			if (place_cmp(t->place, since) <= 0) {
				hold_true(t->fate != TOLD);
				continue;
			}
			hold_true(t->fate != LOST);
			hold_true(t->fate != WAITING || !wanted(t));
		}
	pump(SIZE_MAX); /* nothing comes twice */
}

static void
now(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 3000; s++) {
		struct start start = { .kind = START_NOW };
		struct place since;
		struct gap gap;

		chance_begin(s);
		world_open();
		join();
		for (int i = 0; i < 10; i++)
			mint(chance_below(CHANNELS), true);
		raise(chance_below(2));
		gap = subscriber_start(&sub, &start, &era);
		hold_true(!gap.is);
		since = era.horizon;
		hold_true(place_same(sub.cursor, since));
		live(200);
		hold_all_told(since);
		world_close();
	}
}

static struct place
latest(struct place a, uint64_t ms)
{
	return place_max(a, place_of(ms, 0));
}

/* Where a log cannot tell, retention does. */
static bool
retention_doubts(struct place cursor)
{
	for (size_t i = 0; i < CHANNELS; i++) {
		const struct replay *log = &truth[i].ch->log;
		size_t at = replay_after(log, cursor);
		struct place sure = era.birth;
		uint64_t seen = (uint64_t)era.now_ms;

		if (!truth[i].joined)
			continue;
		if (at < log->count && place_is_zero(replay_at(log, at)->prev))
			seen = replay_at(log, at)->place.ms;
		else if (log->count > 0 || !place_is_zero(log->dropped))
			continue;
		if (truth[i].ch->age_ms > 0 &&
		    seen > (uint64_t)truth[i].ch->age_ms)
			sure = latest(
			    sure, seen - (uint64_t)truth[i].ch->age_ms);
		if (place_cmp(cursor, sure) < 0)
			return true;
	}
	return false;
}

static struct place
some_id(char text[PLACE_LEN], bool *unknown)
{
	size_t i = chance_below(CHANNELS);
	struct place p = minted;

	*unknown = false;
	switch (chance_below(6)) {
	case 0: /* ahead of all */
		p.ms += 1 + chance_below(1000);
		*unknown = true;
		break;
	case 1: /* of another life */
		p.ms = MS0 - 1 - chance_below(100);
		break;
	case 2: /* of no channel's event, perhaps */
		p = place_of(
		    MS0 + chance_below((uint32_t)(minted.ms - MS0 + 1)),
		    chance_below(5));
		break;
	case 3:
		strlcpy(text, "never heard of", PLACE_LEN);
		*unknown = true;
		return PLACE_ZERO;
	default:
		if (truth[i].n > 0)
			p = truth[i]
				.events[chance_below((uint32_t)truth[i].n)]
				.place;
	}
	*unknown = *unknown || place_cmp(p, era.horizon) > 0;
	place_format(p, text);
	return *unknown ? PLACE_ZERO : p;
}

static void
returning(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 6000; s++) {
		struct start start = { .kind = START_ID };
		char text[PLACE_LEN];
		struct place since;
		bool unknown, lost, doubt;
		struct gap gap;

		chance_begin(s);
		world_open();
		join();
		for (size_t i = 0; i < CHANNELS; i++)
			truth[i].ch->age_ms = chance_below(2)
			    ? 20 + chance_below(100)
			    : 0;
		for (uint32_t i = chance_below(80); i > 0; i--)
			mint(chance_below(CHANNELS), true);
		for (uint32_t i = chance_below(3); i > 0; i--)
			hole(chance_below(CHANNELS));
		for (uint32_t i = chance_below(10); i > 0; i--)
			mint(chance_below(CHANNELS), true);
		for (uint32_t i = chance_below(4); i > 0; i--)
			drop(chance_below(CHANNELS));
		raise(true);
		since = some_id(text, &unknown);
		start.id = text_of(text);
		sub.cursor = since;
		lost = cover();
		doubt = retention_doubts(since);
		gap = subscriber_start(&sub, &start, &era);
		hold_true(place_same(sub.cursor, since));
		if (lost)
			hold_true(gap.is);
		hold_gap(&gap,
		    lost || unknown || doubt ||
			place_cmp(since, era.birth) < 0);
		live(60);
		hold_all_told(since);
		world_close();
	}
}

static void
newest(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 3000; s++) {
		struct start start = { .kind = START_LAST };
		struct truth *want[CHANNELS * EVENTS];
		struct truth *t;
		struct place from = PLACE_ZERO;
		struct gap gap;
		size_t n = 0, first;
		struct walk w;

		chance_begin(s);
		world_open();
		join();
		for (uint32_t i = chance_below(60); i > 0; i--)
			mint(chance_below(CHANNELS), true);
		for (uint32_t i = chance_below(3); i > 0; i--)
			drop(chance_below(CHANNELS));
		raise(chance_below(2));
		while ((t = first_kept(from)) != NULL) {
			from = t->place;
			if (wanted(t) && place_cmp(from, era.horizon) <= 0)
				want[n++] = t;
		}
		start.n = chance_below(30);
		first = n > start.n ? n - start.n : 0;
		gap = subscriber_start(&sub, &start, &era);
		hold_true(!gap.is);
		from = sub.cursor;
		gap = subscriber_walk(&sub, &w, &era);
		hold_gap(&gap, cover());
		for (size_t i = first; i < n; i++) {
			struct message *m = subscriber_next(&sub, &w);

			hold_true(m != NULL);
			hold_true(place_same(m->place, want[i]->place));
		}
		hold_true(subscriber_next(&sub, &w) == NULL);
		live(60);
		hold_all_told(from);
		world_close();
	}
}

static struct message *
with_id(const char *channel, uint64_t ms, const char *id)
{
	struct event ev = event_in(channel);

	ev.id = text_of(id);
	ev.has_id = true;
	return message_from(&ev, place_of(MS0 + ms, 0), PLACE_ZERO);
}

/*
 * Own IDs.  Where two channels know one, the event that stands first is meant:
 * something may come again then, but nothing is passed over.
 */
static void
own_ids(void **state)
{
	static const struct {
		const char *id;
		uint64_t ms; /* of the cursor; 0: unknown */
	} cases[] = {
		{ "one", 1 },
		{ "two", 2 },
		{ "both", 3 },
		{ "again", 6 },
		{ "on", 0 },
		{ "ones", 0 },
	};

	(void)state;
	for (size_t turn = 0; turn < 2; turn++)
		for (size_t i = 0; i < nitems(cases); i++) {
			struct start start = { .kind = START_ID };
			struct channel *both[2];
			struct gap gap;

			world_open();
			subscriber_init(&sub, 0);
			for (size_t c = 0; c < 2; c++)
				both[c] = truth[c ^ turn].ch;
			hold_true(subscriber_join(&sub, both, 2) == 0);
			channel_publish(
			    &table, truth[0].ch, with_id("c0", 1, "one"));
			channel_publish(
			    &table, truth[1].ch, with_id("c1", 2, "two"));
			channel_publish(
			    &table, truth[0].ch, with_id("c0", 3, "both"));
			channel_publish(
			    &table, truth[1].ch, with_id("c1", 4, "both"));
			channel_publish(
			    &table, truth[0].ch, with_id("c0", 5, "again"));
			channel_publish(
			    &table, truth[0].ch, with_id("c0", 6, "again"));
			era.horizon = place_of(MS0 + 6, 0);
			start.id = text_of(cases[i].id);
			assert_false(subscriber_ahead(&start, &era));
			gap = subscriber_start(&sub, &start, &era);
			assert_int_equal(gap.is, cases[i].ms == 0);
			assert_true(place_same(sub.cursor,
			    cases[i].ms == 0 ? PLACE_ZERO
					     : place_of(MS0 + cases[i].ms, 0)));
			world_close();
		}
}

static void
ahead(void **state)
{
	struct era then = { .horizon = place_of(10, 5) };
	static const struct {
		enum start_kind kind;
		const char *id;
		bool is;
	} cases[] = {
		{ START_ID, "10-5", false },
		{ START_ID, "10-6", true },
		{ START_ID, "11-0", true },
		{ START_ID, "9-9", false },
		{ START_ID, "text", false },
		{ START_NOW, "11-0", false },
		{ START_LAST, "11-0", false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct start start = { .kind = cases[i].kind,
			.id = text_of(cases[i].id) };

		assert_int_equal(subscriber_ahead(&start, &then), cases[i].is);
	}
}

/* Who reads many channels, and one too many. */
static void
joins(void **state)
{
	struct channel *all[SUBSCRIBER_CHANNELS_MAX + 1];
	struct channel_table t;
	char name[16];

	(void)state;
	channel_table_init(&t);
	for (int i = 0; i < (int)nitems(all); i++) {
		snprintf(name, sizeof(name), "c%d", i);
		all[i] = channel_get(&t, text_of(name));
	}
	subscriber_init(&sub, 0);
	errno = 0;
	assert_int_equal(subscriber_join(&sub, all, nitems(all)), -1);
	assert_int_equal(errno, ENOSPC);
	assert_int_equal(subscriber_join(&sub, all, 0), 0);
	assert_int_equal(subscriber_nchannels(&sub), 0);
	assert_true(subscriber_attached(&sub));
	assert_int_equal(
	    subscriber_join(&sub, all, SUBSCRIBER_CHANNELS_MAX), 0);
	for (size_t i = 0; i < SUBSCRIBER_CHANNELS_MAX; i++) {
		assert_ptr_equal(subscriber_channel(&sub, i), all[i]);
		assert_int_equal(all[i]->naudiences, 1);
		assert_false(subscriber_attached(&sub));
		all[i]->attached = true;
	}
	assert_true(subscriber_attached(&sub));
	subscriber_clear(&sub);
	assert_int_equal(all[7]->naudiences, 0);
	channel_table_clear(&t);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(now),
		cmocka_unit_test(returning),
		cmocka_unit_test(newest),
		cmocka_unit_test(own_ids),
		cmocka_unit_test(ahead),
		cmocka_unit_test(joins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
