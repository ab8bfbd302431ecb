/*
 * Where a stream begins, as a property: whatever part of the logs is in memory,
 * pages lead to the place to which all of the logs would.
 */
#include "data.h"

#include "../../../cmd/sse-serve/seek.h"

#define CHANNELS ((size_t)3)
#define EVENTS 60
#define PAGE ((size_t)4)

/* What is kept elsewhere; the end of it is in memory. */
static struct {
	struct channel *ch;
	struct message *events[EVENTS];
	size_t n;
} kept[CHANNELS];

static struct channel_table table;
static struct subscriber sub;
static struct era era;
static size_t pages;

static struct message *
make(size_t c, struct place p)
{
	static const char *const names[] = { "c0", "c1", "c2" };
	struct event ev = event_in(names[c]);
	char id[16];

	/* Some IDs are borne by several. */
	if (chance_below(2) == 0) {
		snprintf(id, sizeof(id), "own %u", (unsigned)chance_below(30));
		ev.id = text_of(id);
		ev.has_id = true;
	}
	if (chance_below(3) == 0)
		ev.type = TEXT("a");
	return message_from(&ev, p, PLACE_ZERO);
}

static void
fill(void)
{
	struct place p = { 1000, 0 };

	while (chance_below(100) > 0 && kept[0].n < EVENTS &&
	    kept[1].n < EVENTS && kept[2].n < EVENTS) {
		size_t c = chance_below((uint32_t)CHANNELS);

		p.seq += 1 + chance_below(3);
		kept[c].events[kept[c].n++] = make(c, p);
	}
	era = (struct era){ .horizon = p, .now_ms = 2000 };
}

/* Of each channel some of the newest are in memory. */
static void
remember(size_t c)
{
	size_t from = chance_below((uint32_t)kept[c].n + 1);
	struct channel *ch = kept[c].ch;

	ch->attached = true;
	ch->keep = EVENTS;
	if (from > 0)
		replay_drop_to(&ch->log, kept[c].events[from - 1]->place);
	for (size_t i = from; i < kept[c].n; i++)
		assert_int_equal(
		    replay_append(&ch->log, message_ref(kept[c].events[i])), 0);
}

static void
world_open(void)
{
	struct channel *channels[CHANNELS];
	struct predicate *p = NULL;
	struct sse_text type = TEXT("a");
	const struct texts none = { 0 };

	memset(kept, 0, sizeof(kept));
	channel_table_init(&table);
	table.paged = true;
	fill();
	for (size_t c = 0; c < CHANNELS; c++) {
		char name[4];

		snprintf(name, sizeof(name), "c%zu", c);
		channels[c] = kept[c].ch = channel_get(&table, text_of(name));
		remember(c);
	}
	subscriber_init(&sub, 0);
	if (chance_below(2) == 0)
		assert_int_equal(predicate_new(&p, &type, 1, &none), 0);
	assert_int_equal(subscriber_restrict(&sub, p), 0);
	assert_int_equal(subscriber_join(&sub, channels, CHANNELS), 0);
	pages = 0;
}

static void
world_close(void)
{
	subscriber_clear(&sub);
	channel_table_clear(&table);
	for (size_t c = 0; c < CHANNELS; c++)
		for (size_t i = 0; i < kept[c].n; i++)
			message_unref(kept[c].events[i]);
}

/* What Redis answers. */
static void
give_page(struct seek *k, const struct channel *ch, struct place top)
{
	struct leaf leaf = { top, PLACE_ZERO, NULL, 0 };
	size_t c = 0, end = 0, from;

	while (kept[c].ch != ch)
		c++;
	while (
	    end < kept[c].n && place_cmp(kept[c].events[end]->place, top) <= 0)
		end++;
	from = end < PAGE ? 0 : end - PAGE;
	leaf.messages = kept[c].events + from;
	leaf.n = end - from;
	if (leaf.n == PAGE)
		leaf.bottom = leaf.messages[0]->place;
	pages++;
	seek_read(k, ch, &leaf);
}

static struct place
sought(const struct start *start)
{
	struct seek *k = seek_new(&sub, start, &era);
	struct place top, found;
	struct channel *ch;

	assert_non_null(k);
	while (!seek_done(k)) {
		hold_true(pages < 1000);
		/* Sometimes one who came later has asked from further up. */
		while ((ch = channel_next_wish_back(&table, &top)) != NULL) {
			ch->asked_back = false;
			if (chance_below(4) == 0)
				give_page(k, ch, era.horizon);
			give_page(k, ch, top);
		}
	}
	found = seek_found(k);
	seek_free(k);
	return found;
}

/* All of the logs looked through: the nth newest that is wanted. */
static struct place
nth_newest(size_t n)
{
	size_t at[CHANNELS];
	struct place p = era.horizon;

	for (size_t c = 0; c < CHANNELS; c++)
		at[c] = kept[c].n;
	while (n > 0) {
		struct message *m = NULL;
		size_t from = 0;

		for (size_t c = 0; c < CHANNELS; c++)
			if (at[c] > 0 &&
			    (m == NULL ||
				place_cmp(kept[c].events[at[c] - 1]->place,
				    m->place) > 0)) {
				m = kept[c].events[at[c] - 1];
				from = c;
			}
		if (m == NULL)
			return p;
		at[from]--;
		if (!subscriber_wants(&sub, m, era.now_ms))
			continue;
		p = place_before(m->place);
		n--;
	}
	return p;
}

/* Of each channel the newest that bears it; of these the oldest. */
static struct place
of_id(struct sse_text id)
{
	struct place p = PLACE_ZERO;

	for (size_t c = 0; c < CHANNELS; c++)
		for (size_t i = kept[c].n; i-- > 0;) {
			const struct message *m = kept[c].events[i];

			if (message_id(m).len != id.len ||
			    memcmp(message_id(m).ptr, id.ptr, id.len) != 0)
				continue;
			if (place_is_zero(p) || place_cmp(m->place, p) < 0)
				p = m->place;
			break;
		}
	return p;
}

static void
finds_what_all_logs_hold(void **state)
{
	(void)state;
	for (uint32_t round = 0; round < 2000; round++) {
		struct start start = { .kind = START_LAST };
		char id[16];

		chance_begin(round);
		world_open();
		start.n = chance_below(2 * EVENTS);
		hold_true(place_same(sought(&start), nth_newest(start.n)));
		snprintf(id, sizeof(id), "own %u", (unsigned)chance_below(31));
		start = (struct start){ .kind = START_ID, .id = text_of(id) };
		hold_true(place_same(sought(&start), of_id(start.id)));
		world_close();
	}
}

static void
asks_for_no_more_than_it_needs(void **state)
{
	struct start last = { .kind = START_LAST, .n = 3 };
	struct start id = { .kind = START_ID, .id = TEXT("own 1") };
	struct start place = { .kind = START_ID, .id = TEXT("1000-7") };
	struct start now = { .kind = START_NOW };

	(void)state;
	for (uint32_t round = 0; round < 300; round++) {
		bool whole = true;

		chance_begin(round);
		world_open();
		for (size_t c = 0; c < CHANNELS; c++)
			whole = whole && place_is_zero(kept[c].ch->log.dropped);
		hold_true(seek_needed(&sub, &last) == !whole);
		hold_true(seek_needed(&sub, &id) == !whole);
		hold_true(!seek_needed(&sub, &place));
		hold_true(!seek_needed(&sub, &now));
		/* What is not to be kept is not looked for. */
		for (size_t c = 0; c < CHANNELS; c++)
			kept[c].ch->keep = kept[c].ch->log.count;
		hold_true(!seek_needed(&sub, &last));
		(void)sought(&id);
		hold_true(pages == 0);
		for (size_t c = 0; c < CHANNELS; c++)
			kept[c].ch->keep = kept[c].ch->log.count + 2 * PAGE;
		last.n = SIZE_MAX;
		(void)sought(&last);
		hold_true(pages <= 4 * CHANNELS);
		last.n = 3;
		/* Nor elsewhere, where there is no Redis. */
		table.paged = false;
		hold_true(!seek_needed(&sub, &last));
		world_close();
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_what_all_logs_hold),
		cmocka_unit_test(asks_for_no_more_than_it_needs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
