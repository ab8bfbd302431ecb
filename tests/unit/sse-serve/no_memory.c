/*
 * Allocations that fail, one after the other, under a stream, a subscriber and
 * a message: each ends in an answer that was promised, and nothing leaks.
 */
#include "data.h"

#include <fcntl.h>
#include <jansson.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../../cmd/sse-serve/archive.h"
#include "../../../cmd/sse-serve/mailbox.h"
#include "../../../cmd/sse-serve/post.h"
#include "../../../cmd/sse-serve/stream.h"

/* The linker is told to --wrap these, jansson is told of them. */
static struct {
	size_t calls, fail_at; /* 0: none fails */
	bool on;
} heap;

void *__real_calloc(size_t, size_t);
void *__real_malloc(size_t);
void *__real_realloc(void *, size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_malloc(size_t);
void *__wrap_realloc(void *, size_t);

static bool
fails(void)
{
	if (!heap.on || ++heap.calls != heap.fail_at)
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *
__wrap_malloc(size_t size)
{
	return fails() ? NULL : __real_malloc(size);
}

void *
__wrap_realloc(void *p, size_t size)
{
	return fails() ? NULL : __real_realloc(p, size);
}

static const struct sse_event the_end = { .type = { "sse:end", 7 },
	.has = SSE_HAS_DATA };

static const char wanted[] =
    "HEAD"
    "retry: 1\n\n"
    "event: sse:hello\ndata: {\"channels\":[\"c\"],"
    "\"place\":\"1000-90\",\"connection\":\"1-2-3\"}\n\n"
    "id: 1000-1\n\n";

static struct sse_buf got;

static void
take(int peer)
{
	char buf[4096];
	ssize_t n;

	while ((n = read(peer, buf, sizeof(buf))) > 0)
		assert_int_equal(sse_buf_append(&got, buf, (size_t)n), 0);
}

/* Take the gaps out; returns how many there were. */
static size_t
without_gaps(void)
{
	static const char gap[] = "event: sse:gap\n";
	size_t n = 0;
	char *at, *end;

	while ((at = memmem(got.ptr, got.len, gap, sizeof(gap) - 1)) != NULL) {
		size_t left = got.len - (size_t)(at - got.ptr);

		/* One cut off at the end is none. */
		if ((end = memmem(at, left, "\n\n", 2)) == NULL) {
			got.len -= left;
			break;
		}
		end += 2;
		memmove(at, end, left - (size_t)(end - at));
		got.len -= (size_t)(end - at);
		n++;
	}
	return n;
}

static bool
run(struct channel *ch, const struct era *era, int fd, int peer)
{
	struct transport t = { fd };
	struct start start = { .kind = START_ID, .id = TEXT("1000-1") };
	struct delivery d = { 0 };
	struct stream stream, *s = &stream;
	struct gap gap;
	enum stream_state st;
	bool ok = false;

	stream_init(s, SHOW_HELLO | SHOW_PLACE);
	if (subscriber_join(&s->sub, &ch, 1) == -1)
		goto out;
	gap = subscriber_start(&s->sub, &start, era);
	hold_true(gap.is);
	if (stream_open(s, TEXT("HEAD"), 1, "1-2-3", &gap, start.id, era) == -1)
		goto out;
	while ((st = stream_pump(s, &t, era, NULL, &the_end, &d)) ==
	    STREAM_BLOCKED) {
		bool on = heap.on;

		heap.on = false;
		take(peer);
		heap.on = on;
	}
	hold_true(st == STREAM_DONE || st == STREAM_NOMEM);
	ok = st == STREAM_DONE;
out:
	stream_clear(s);
	return ok;
}

/* Returns whether it ran to its end. */
static bool
scenario(struct sse_buf *want, size_t fail_at)
{
	struct channel_table table;
	struct era era = { .birth = place_of(1000, 0) };
	struct channel *ch;
	int fds[2], small = 1;
	size_t gaps;
	bool ok;

	channel_table_init(&table);
	ch = channel_get(&table, TEXT("c"));
	ch->attached = true;
	want->len = 0;
	assert_int_equal(sse_buf_append(want, wanted, sizeof(wanted) - 1), 0);
	for (uint64_t i = 1; i <= 90; i++) {
		struct message *m = message_at(
		    "c", place_of(1000, i), place_of(1000, i - 1));
		struct sse_text wire = message_wire(m, 0);

		if (i > 10)
			assert_int_equal(
			    sse_buf_append(want, wire.ptr, wire.len), 0);
		assert_int_equal(channel_publish(&table, ch, m), 0);
	}
	replay_drop_to(&ch->log, place_of(1000, 10));
	era.horizon = place_of(1000, 90);
	assert_int_equal(
	    sse_buf_append(want, "event: sse:end\ndata:\n\n", 22), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(fcntl(fds[i], F_SETFL, O_NONBLOCK), 0);
	assert_int_equal(
	    setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)),
	    0);
	got.len = 0;
	heap.calls = 0;
	heap.fail_at = fail_at;
	heap.on = true;
	ok = run(ch, &era, fds[0], fds[1]);
	heap.on = false;
	take(fds[1]);
	gaps = without_gaps();
	hold_true(got.len <= want->len);
	hold_true(got.len == 0 || memcmp(got.ptr, want->ptr, got.len) == 0);
	hold_true(!ok || (got.len == want->len && gaps > 0));
	hold_true(fail_at > 0 || (ok && gaps == 1));
	close(fds[0]);
	close(fds[1]);
	channel_table_clear(&table);
	return ok;
}

/*
 * With each allocation failing in turn, what was written is the beginning of
 * what it should be; whoever had all of it also had the gap.
 */
static void
stream(void **state)
{
	struct sse_buf want = { 0 };
	size_t calls, survived = 0;

	(void)state;
	json_set_alloc_funcs(__wrap_malloc, free);
	assert_true(scenario(&want, 0));
	calls = heap.calls;
	assert_in_range(calls, 10, 10000);
	for (size_t n = 1; n <= calls; n++) {
		seed = (uint32_t)n;
		survived += scenario(&want, n);
	}
	/* What can be done without was told twice at worst. */
	assert_in_range(survived, 1, calls / 2);
	sse_buf_free(&want);
	sse_buf_free(&got);
}

static void
message(void **state)
{
	struct sse_buf scratch = { 0 };
	struct event ev = event_in("c");
	struct message *m = NULL;
	size_t n = 0;

	(void)state;
	heap.on = true;
	do {
		heap.calls = 0;
		heap.fail_at = ++n;
		errno = 0;
		m = message_new(&scratch, &ev, place_of(1, 0), PLACE_ZERO);
		hold_true(m != NULL || errno == ENOMEM);
	} while (m == NULL);
	heap.on = false;
	assert_true(n > 1);
	message_unref(m);
	sse_buf_free(&scratch);
}

static void
post(void **state)
{
	static const struct {
		enum input_format format;
		const char *body;
	} bodies[] = {
		{ INPUT_WHOLE, "x\xff" },
		{ INPUT_JSON, "{\"data\":\"x\"}\n{\"data\":\"y\"}" },
		{ INPUT_SSE, "data: a\ndata: b\n\ndata: c\xff\n\n" },
	};
	const struct identity *who = identity_anonymous(true);

	(void)state;
	for (size_t i = 0; i < nitems(bodies); i++) {
		struct route r = { .channel = TEXT("c"),
			.format = bodies[i].format };
		size_t n = 0;
		bool done;
		int error;

		do {
			struct post *p = post_new();

			heap.calls = 0;
			heap.fail_at = ++n;
			heap.on = true;
			error = post_read(
			    p, &r, who, false, text_of(bodies[i].body), 1000);
			heap.on = false;
			hold_true(error == 0 || error == -1);
			/*
			 * To jansson's lexer text without memory is text that
			 * is malformed.  Nothing is published either way.
			 */
			done = error == 0 && p->status == 200;
			hold_true(done || error == -1 ||
			    bodies[i].format == INPUT_JSON);
			post_free(p);
		} while (!done);
		assert_true(n > 1);
	}
}

/* Whatever is lacking, the answer is no success. */
static void
left_out(void **state)
{
	const struct identity *who = identity_anonymous(true);
	struct route r = { .channel = TEXT("c"), .format = INPUT_WHOLE };
	size_t n = 0;
	bool told;

	(void)state;
	do {
		struct post *p = post_new();

		assert_int_equal(
		    post_read(p, &r, who, false, TEXT("x"), 1000), 0);
		heap.calls = 0;
		heap.fail_at = ++n;
		heap.on = true;
		post_left_out(p, TEXT("why"));
		post_conclude(p);
		heap.on = false;
		assert_int_equal(p->done, 1);
		hold_true(p->status == 422 || p->status == 503);
		told = p->answer.len > 0 &&
		    memmem(p->answer.ptr, p->answer.len, "why\n\n", 5) != NULL;
		hold_true(!told || p->status == 422);
		post_free(p);
	} while (!told);
	assert_true(n > 3);
}

/* A channel, its history, and the notice that tells of it. */
static void
names(void **state)
{
	struct channel_table table;
	static const struct retentions retentions = { .base = { 1, 0, 0 } };
	struct archive archive;
	struct history *h;

	(void)state;
	channel_table_init(&table);
	archive_init(&archive, &retentions, 1);
	heap.fail_at = 1;
	heap.calls = 0;
	heap.on = true;
	assert_null(channel_get(&table, TEXT("c")));
	heap.calls = 0;
	assert_null(archive_get(&archive, TEXT("c")));
	assert_int_equal(archive.bytes, 0);
	assert_non_null(h = archive_get(&archive, TEXT("c")));
	heap.calls = 0;
	assert_null(history_backlog(h));
	heap.calls = 0;
	assert_null(name_dup(TEXT("c")).ptr);
	heap.calls = 0;
	assert_null(post_new());
	heap.on = false;
	archive_free(&archive);
	channel_table_clear(&table);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(stream),
		cmocka_unit_test(message),
		cmocka_unit_test(post),
		cmocka_unit_test(left_out),
		cmocka_unit_test(names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
