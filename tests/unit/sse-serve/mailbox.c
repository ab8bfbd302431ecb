/* Mailboxes: notices between two threads, in order, none lost. */
#include "data.h"
#include "no_room.h"

#include <pthread.h>

#include "../../../cmd/sse-serve/mailbox.h"
#include "../../../cmd/sse-serve/named.h"
#include "../../../cmd/sse-serve/post.h"

#define NOTICES 200000

static struct {
	struct mailbox box;
	struct notices in;
	struct ev_loop *loop;
	struct message *message;
	uint64_t next;
	size_t takes, full;
} reader;

static void
ready(struct ev_loop *loop, ev_async *async, int revents)
{
	bool was_full;

	(void)revents;
	assert_ptr_equal(async->data, &reader);
	assert_int_equal(reader.in.n, 0);
	mailbox_take(&reader.box, &reader.in, &was_full);
	reader.takes++;
	reader.full += was_full;
	for (size_t i = 0; i < reader.in.n; i++) {
		const struct notice *n = &reader.in.v[i];

		if (n->what == NOTICE_STOP)
			ev_break(loop, EVBREAK_ALL);
		else {
			hold_true(n->place.ms == reader.next);
			hold_true(n->message == reader.message);
			hold_true(n->name.len == 4);
			reader.next++;
		}
		notice_clear(&reader.in.v[i]);
	}
	reader.in.n = 0;
}

static void *
read_all(void *arg)
{
	(void)arg;
	ev_run(reader.loop, 0);
	return NULL;
}

static void
add(struct notices *out, uint64_t i)
{
	struct notice n = { .what = NOTICE_MESSAGE,
		.message = message_ref(reader.message),
		.place = place_of(i, 0),
		.name = name_dup(TEXT("name")) };

	hold_true(notices_add(out, &n) == 0);
}

static void
reader_open(void)
{
	memset(&reader, 0, sizeof(reader));
	reader.loop = ev_loop_new(EVFLAG_AUTO);
	reader.message = message_at("c", place_of(1, 0), PLACE_ZERO);
	assert_int_equal(
	    mailbox_open(&reader.box, reader.loop, ready, &reader), 0);
}

static void
reader_close(void)
{
	notices_free(&reader.in);
	mailbox_close(&reader.box);
	ev_loop_destroy(reader.loop);
	assert_int_equal(message_refs(reader.message), 1);
	message_unref(reader.message);
}

static void
in_order(void **state)
{
	struct notices out = { 0 };
	pthread_t thread;

	(void)state;
	chance_begin(1);
	reader_open();
	assert_int_equal(pthread_create(&thread, NULL, read_all, NULL), 0);
	for (uint64_t i = 0; i < NOTICES;) {
		for (uint32_t n = chance_below(200); n > 0 && i < NOTICES; n--)
			add(&out, i++);
		hold_true(mailbox_post(&reader.box, &out) >= 0);
		hold_true(out.n == 0);
	}
	hold_true(
	    notices_add(&out, &(struct notice){ .what = NOTICE_STOP }) == 0);
	hold_true(mailbox_post(&reader.box, &out) >= 0);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_int_equal(reader.next, NOTICES);
	notices_free(&out);
	reader_close();
}

/* It says when it is full, and its reader learns of it once. */
static void
full(void **state)
{
	struct notices out = { 0 };
	uint64_t i = 0;

	(void)state;
	reader_open();
	assert_int_equal(mailbox_post(&reader.box, &out), 0); /* nothing */
	ev_run(reader.loop, EVRUN_NOWAIT);
	assert_int_equal(reader.takes, 0);
	while (i < MAILBOX_FULL) {
		add(&out, i++);
		if (i % 100 == 0)
			assert_int_equal(mailbox_post(&reader.box, &out), 0);
	}
	assert_int_equal(mailbox_post(&reader.box, &out), 0);
	add(&out, i++);
	assert_int_equal(mailbox_post(&reader.box, &out), 1);
	add(&out, i++);
	assert_int_equal(mailbox_post(&reader.box, &out), 1);
	ev_run(reader.loop, EVRUN_NOWAIT);
	assert_int_equal(reader.takes, 1); /* woken once for all of them */
	assert_int_equal(reader.full, 1);
	assert_int_equal(reader.next, i);
	add(&out, i++);
	assert_int_equal(mailbox_post(&reader.box, &out), 0);
	ev_run(reader.loop, EVRUN_NOWAIT);
	assert_int_equal(reader.full, 1);
	assert_int_equal(reader.next, i);
	notices_free(&out);
	reader_close();
}

/* Without memory a batch is kept, and goes the next time, in its order. */
static void
without_room(void **state)
{
	struct notices out = { 0 };
	struct notice n = { .what = NOTICE_MESSAGE };
	uint64_t i = 0;

	(void)state;
	reader_open();
	no_room = true;
	assert_int_equal(notices_add(&out, &n), -1);
	no_room = false;
	for (int j = 0; j < 10; j++)
		add(&out, i++);
	assert_int_equal(mailbox_post(&reader.box, &out), 0);
	for (int j = 0; j < 10; j++)
		add(&out, i++);
	no_room = true;
	assert_int_equal(mailbox_post(&reader.box, &out), -1);
	assert_int_equal(out.n, 10);
	no_room = false;
	add(&out, i++);
	assert_int_equal(mailbox_post(&reader.box, &out), 0);
	ev_run(reader.loop, EVRUN_NOWAIT);
	assert_int_equal(reader.next, i);
	notices_free(&out);
	reader_close();
}

/* What nobody takes is freed with the mailbox, whatever it is. */
static void
left_behind(void **state)
{
	struct notices out = { 0 };
	struct notice n = { .what = NOTICE_ATTACHED,
		.name = name_dup(TEXT("name")),
		.backlog = backlog_new(2),
		.post = post_new() };

	(void)state;
	reader_open();
	n.backlog->messages[n.backlog->n++] = message_ref(reader.message);
	assert_int_equal(notices_add(&out, &n), 0);
	assert_int_equal(mailbox_post(&reader.box, &out), 0);
	add(&out, 1);
	assert_true(message_refs(reader.message) == 3);
	notices_free(&out);
	reader_close();
	mailbox_close(&(struct mailbox){ 0 }); /* was never open */
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(in_order),
		cmocka_unit_test(full),
		cmocka_unit_test(without_room),
		cmocka_unit_test(left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
