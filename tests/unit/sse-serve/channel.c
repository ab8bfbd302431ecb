/* Channels as a worker has them: who sits where, what is kept, who is woken. */
#include "data.h"
#include "no_room.h"

#include "../../../cmd/sse-serve/channel.h"
#include "../../../cmd/sse-serve/subscriber.h"

#define SUBSCRIBERS 30
#define CHANNELS 4

static struct channel_table table;

static bool
reads(const struct subscriber *s, const struct channel *ch)
{
	for (size_t i = 0; i < subscriber_nchannels(s); i++)
		if (subscriber_channel(s, i) == ch)
			return true;
	return false;
}

/*
 * Every seat is taken by one who knows that it is theirs, nobody sits twice,
 * and no audience is there for nobody, or for what another is.
 */
static void
hold_seats(struct channel *ch, const struct subscriber *subs)
{
	uint32_t n = 0, seated = 0;

	for (uint32_t i = 0; i < SUBSCRIBERS; i++)
		n += reads(&subs[i], ch);
	for (uint32_t i = 0; i < ch->naudiences; i++) {
		const struct audience *a = ch->audiences[i];

		hold_true(a->nsubscribers > 0);
		for (size_t j = 0; j < a->nchannels; j++)
			hold_true(
			    (a->channels[j] == ch) == (a->seats[j] == i) ||
			    a->channels[j] != ch);
		for (uint32_t j = 0; j < a->nsubscribers; j++) {
			hold_true(a->subscribers[j]->audience == a);
			hold_true(a->subscribers[j]->seat == j);
		}
		for (uint32_t j = 0; j < i; j++)
			hold_true(ch->audiences[j]->nchannels != a->nchannels ||
			    memcmp(ch->audiences[j]->channels, a->channels,
				a->nchannels * sizeof(ch)) != 0);
		seated += a->nsubscribers;
	}
	hold_true(seated == n);
}

/* Some of the channels, in any order. */
static void
join_some(struct subscriber *s, struct channel *const *all)
{
	size_t begin = chance_below(CHANNELS), n = 1 + chance_below(CHANNELS);
	struct channel *some[CHANNELS];

	for (size_t i = 0; i < n; i++)
		some[i] = all[(begin + i) % CHANNELS];
	hold_true(subscriber_join(s, some, n) == 0);
	hold_true(subscriber_nchannels(s) == n);
	for (size_t i = 0; i < n; i++)
		hold_true(subscriber_channel(s, i) == some[i]);
}

static void
seats(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 200; s++) {
		struct subscriber subs[SUBSCRIBERS];
		struct channel *ch[CHANNELS];

		chance_begin(s);
		channel_table_init(&table);
		for (size_t c = 0; c < CHANNELS; c++)
			ch[c] = channel_get(
			    &table, (struct sse_text){ &"abcd"[c], 1 });
		for (size_t i = 0; i < SUBSCRIBERS; i++)
			subscriber_init(&subs[i], 0);
		for (int step = 0; step < 150; step++) {
			size_t i = chance_below(SUBSCRIBERS);

			if (subs[i].audience == NULL)
				join_some(&subs[i], ch);
			else
				subscriber_clear(&subs[i]);
			for (size_t c = 0; c < CHANNELS; c++)
				hold_seats(ch[c], subs);
		}
		for (size_t i = 0; i < SUBSCRIBERS; i++)
			subscriber_clear(&subs[i]);
		hold_true(RB_EMPTY(&table.audiences));
		channel_table_clear(&table);
	}
}

static struct {
	struct subscriber *subs;
	unsigned int woken[SUBSCRIBERS];
} wakes;

static void
woken(struct subscriber *s, void *arg)
{
	hold_true(arg == &wakes);
	wakes.woken[s - wakes.subs]++;
	if (chance_below(2))
		subscriber_clear(s);
}

/* Each is woken once, whoever leaves on that occasion. */
static void
waking(void **state)
{
	(void)state;
	for (uint32_t s = 0; s < 200; s++) {
		struct subscriber subs[SUBSCRIBERS];
		struct channel *ch[CHANNELS];
		bool reader[SUBSCRIBERS];

		chance_begin(s);
		channel_table_init(&table);
		for (size_t c = 0; c < CHANNELS; c++)
			ch[c] = channel_get(
			    &table, (struct sse_text){ &"abcd"[c], 1 });
		memset(&wakes, 0, sizeof(wakes));
		wakes.subs = subs;
		for (size_t i = 0; i < SUBSCRIBERS; i++) {
			subscriber_init(&subs[i], 0);
			if (chance_below(4) > 0)
				join_some(&subs[i], ch);
			reader[i] = reads(&subs[i], ch[0]);
		}
		channel_each(ch[0], woken, &wakes);
		for (size_t i = 0; i < SUBSCRIBERS; i++)
			hold_true(wakes.woken[i] == reader[i]);
		for (size_t c = 0; c < CHANNELS; c++)
			hold_seats(ch[c], subs);
		for (size_t i = 0; i < SUBSCRIBERS; i++)
			subscriber_clear(&subs[i]);
		hold_true(ch[0]->naudiences == 0);
		channel_table_clear(&table);
	}
}

static struct message *
at(uint64_t ms)
{
	return message_at("c", place_of(ms, 0), place_of(ms - 1, 0));
}

static struct message *
raw_one(void)
{
	return message_at("c", PLACE_ZERO, PLACE_ZERO);
}

static void
dirt(void **state)
{
	struct channel *a, *b;

	(void)state;
	channel_table_init(&table);
	a = channel_get(&table, TEXT("a"));
	b = channel_get(&table, TEXT("b"));
	assert_ptr_equal(channel_get(&table, TEXT("a")), a);
	assert_ptr_equal(channel_find(&table, TEXT("b")), b);
	assert_null(channel_find(&table, TEXT("ab")));
	assert_null(channel_next_dirty(&table));
	assert_int_equal(channel_publish(&table, b, at(1)), 0);
	assert_int_equal(channel_publish(&table, a, raw_one()), 0);
	assert_int_equal(channel_publish(&table, b, at(2)), 0);
	assert_ptr_equal(channel_next_dirty(&table), b);
	assert_ptr_equal(channel_next_dirty(&table), a);
	assert_null(channel_next_dirty(&table));
	channel_mark(&table, a);
	channel_mark(&table, b);
	channel_free(&table, a); /* while it is dirty */
	channel_free(&table, NULL);
	assert_ptr_equal(channel_next_dirty(&table), b);
	assert_null(channel_next_dirty(&table));
	assert_null(channel_find(&table, TEXT("a")));
	channel_table_clear(&table);
}

/* What the hub has dropped goes once it is served, and not before. */
static void
served(void **state)
{
	struct channel *ch;

	(void)state;
	channel_table_init(&table);
	ch = channel_get(&table, TEXT("c"));
	for (uint64_t i = 1; i <= 10; i++)
		assert_int_equal(channel_publish(&table, ch, at(i)), 0);
	for (int i = 0; i < 10; i++)
		assert_int_equal(channel_publish(&table, ch, raw_one()), 0);
	assert_int_equal(ch->nraw, 10);
	ch->drop_to = place_of(8, 0);
	channel_served(ch, place_of(5, 0));
	assert_int_equal(ch->nraw, 0);
	assert_null(ch->raw);
	assert_int_equal(ch->log.count, 5);
	assert_int_equal(replay_at(&ch->log, 0)->place.ms, 6);
	assert_true(place_same(ch->log.dropped, place_of(5, 0)));
	channel_served(ch, place_of(9, 0));
	assert_int_equal(ch->log.count, 2);
	assert_true(place_same(ch->log.dropped, place_of(8, 0)));
	channel_table_clear(&table);
}

/* What memory does not suffice for is told as a gap, if nothing follows, too. */
static void
without_room(void **state)
{
	struct era era = { .horizon = place_of(4, 0), .now_ms = 5 };
	struct start now = { .kind = START_NOW };
	struct subscriber sub;
	struct channel *ch;
	struct walk w;

	(void)state;
	channel_table_init(&table);
	ch = channel_get(&table, TEXT("c"));
	subscriber_init(&sub, 0);
	no_room = true;
	assert_int_equal(subscriber_join(&sub, &ch, 1), -1);
	assert_null(sub.audience);
	assert_int_equal(ch->naudiences, 0);
	assert_int_equal(channel_publish(&table, ch, raw_one()), -1);
	no_room = false;
	assert_int_equal(subscriber_join(&sub, &ch, 1), 0);
	for (uint64_t i = 1; i <= 4; i++)
		assert_int_equal(channel_publish(&table, ch, at(i)), 0);
	(void)subscriber_start(&sub, &now, &era);
	while (channel_next_dirty(&table) != NULL)
		;
	no_room = true;
	assert_int_equal(channel_publish(&table, ch, at(5)), -1);
	no_room = false;
	assert_ptr_equal(channel_next_dirty(&table), ch);
	era.horizon = place_of(5, 0);
	assert_true(subscriber_walk(&sub, &w, &era).is);
	assert_null(subscriber_next(&sub, &w));
	subscriber_passed(&sub, &w, NULL);
	assert_false(subscriber_walk(&sub, &w, &era).is);
	subscriber_clear(&sub);
	channel_table_clear(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(seats),
		cmocka_unit_test(waking),
		cmocka_unit_test(dirt),
		cmocka_unit_test(served),
		cmocka_unit_test(without_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
