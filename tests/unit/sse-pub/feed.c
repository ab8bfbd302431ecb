#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-pub/feed.h"
#include "units.h"

#define BATCHES_MAX 20000

/*
 * A sink that notes what it is given, "CHANNEL=DATA;" for each event, and
 * answers at once, or when it is asked, or fails at a batch of choice.
 */
struct fake {
	struct sink sink;
	struct sse_buf got, gather;
	bool slow;   /* answers only by sink_receive() */
	bool unsure; /* fails so */
	int fail_at; /* batch, from 1; 0: none */
	int stop_fd;
	int answer[2]; /* a pipe, readable when a batch was sent */
	int batches;
	size_t sizes[BATCHES_MAX];
	size_t largest;
};

static struct fake fake;

static bool
fake_fits(const struct sink *s, const struct event *ev)
{
	(void)s;
	return fake.gather.len + ev->data.len <= SINK_BATCH_BYTES;
}

static int
fake_add(struct sink *s, const struct event *ev, struct sse_text once)
{
	(void)s;
	(void)once;
	assert_true(ev->channel.len > 0);
	sse_buf_append(&fake.gather, ev->channel.ptr, ev->channel.len);
	sse_buf_append(&fake.gather, "=", 1);
	sse_buf_append(&fake.gather, ev->data.ptr, ev->data.len);
	return sse_buf_append(&fake.gather, ";", 1);
}

static enum sink_state
fake_send(struct sink *s)
{
	assert_true(s->gathered > 0);
	if (s->gathered > fake.largest)
		fake.largest = s->gathered;
	assert_true(fake.batches < BATCHES_MAX);
	fake.sizes[fake.batches++] = s->gathered;
	s->gathered = 0;
	if (fake.batches == fake.fail_at)
		return sink_fail(s, EX_UNAVAILABLE, fake.unsure, "gone");
	sse_buf_append(&fake.got, fake.gather.ptr, fake.gather.len);
	fake.gather.len = 0;
	if (!fake.slow)
		return SINK_READY;
	s->on_way++;
	s->deadline_ms = clock_mono_ms() + 60000;
	assert_int_equal(write(fake.answer[1], "", 1), 1);
	return SINK_SENT;
}

static enum sink_state
fake_receive(struct sink *s)
{
	char c;

	assert_int_equal(read(fake.answer[0], &c, 1), 1);
	s->on_way--;
	return sink_state(s);
}

static const struct sink_ops fake_ops = {
	.fits = fake_fits,
	.add = fake_add,
	.send = fake_send,
	.receive = fake_receive,
};

static int
set_up(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	sink_init(&fake.sink, &fake_ops, 1000);
	fake.stop_fd = -1;
	if (pipe(fake.answer) == -1)
		return -1;
	fake.sink.fd = fake.answer[0];
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	close(fake.answer[0]);
	close(fake.answer[1]);
	sse_buf_free(&fake.got);
	sse_buf_free(&fake.gather);
	return 0;
}

/* Feed all of in, through a file, and return the status; what it says is kept. */
static char said[1024];

static int
feed_bytes(
    enum input_format format, const char *in, size_t len, const char *channel)
{
	struct defaults d = DEFAULTS_NONE;
	FILE *from = tmpfile(), *to = tmpfile();
	int errors = dup(STDERR_FILENO), status;
	struct feed_conf conf;
	struct feed *f;
	size_t n;

	d.ev.channel = text_of(channel);
	assert_int_equal(fwrite(in, 1, len, from), len);
	assert_int_equal(fflush(from), 0);
	rewind(from);
	dup2(fileno(to), STDERR_FILENO);
	conf = (struct feed_conf){ .fd = fileno(from),
		.fault = event_fault,
		.stop_fd = fake.stop_fd,
		.format = format,
		.max_bytes = 1000,
		.defaults = &d };
	f = feed_new(&conf, &fake.sink);
	status = feed_run(f);
	feed_free(f);
	dup2(errors, STDERR_FILENO);
	close(errors);
	rewind(to);
	n = fread(said, 1, sizeof(said) - 1, to);
	said[n] = '\0';
	fclose(to);
	fclose(from);
	return status;
}

static const struct {
	enum input_format format;
	const char *what, *in, *channel;
	int status;
	const char *want, *said;
} cases[] = {
	{ INPUT_LINE, "lines", "a\nb\n", "c", 0, "c=a;c=b;", "" },
	{ INPUT_LINE, "a last line without LF", "a\nb", "c", 0, "c=a;c=b;",
	    "" },
	{ INPUT_LINE, "an empty line is an event", "\n", "c", 0, "c=;", "" },
	{ INPUT_LINE, "nothing", "", "c", EX_NOINPUT, "", "no event" },
	{ INPUT_WHOLE, "nothing at all", "", "c", EX_NOINPUT, "", "no event" },
	{ INPUT_WHOLE, "all of it", "a\nb\n", "c", 0, "c=a\nb\n;", "" },
	{ INPUT_SSE, "only a comment", ": x\n\n", "c", EX_NOINPUT, "",
	    "no event" },
	{ INPUT_SSE, "a stream", "data: a\n\nchannel: d\ndata: b\ndata: b\n\n",
	    "c", 0, "c=a;d=b\nb;", "" },
	{ INPUT_SSE, "an event that is not ended", "data: a\n\ndata: b\n", "c",
	    EX_DATAERR, "c=a;", "ends within an event" },
	{ INPUT_SSE, "an event without channel",
	    "channel: d\ndata: a\n\ndata: b\n\n", NULL, EX_DATAERR, "d=a;",
	    "line 4: the event names no channel" },
	{ INPUT_SSE, "a type of the programs' own",
	    "data: a\n\nevent: sse:gap\ndata: b\n\n", "c", EX_DATAERR, "c=a;",
	    "line 3: " },
	{ INPUT_JSON, "JSON lines",
	    "{\"data\":\"a\"}\n\n{\"data\":\"b\",\"channel\":\"d\"}\n", "c", 0,
	    "c=a;d=b;", "" },
	{ INPUT_JSON, "a line that is no JSON",
	    "{\"data\":\"a\"}\nb\n{\"data\":\"c\"}\n", "c", EX_DATAERR, "c=a;",
	    "line 2: " },
	{ INPUT_JSON, "a channel out of bounds",
	    "{\"data\":\"a\",\"channel\":\"a b\"}\n", "c", EX_DATAERR, "",
	    "line 1: " },
	{ INPUT_JSON, "only blank lines", "\n \n", "c", EX_NOINPUT, "",
	    "no event" },
};

static void
all_cases(bool slow)
{
	fake.slow = slow;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		int status;

		fake.got.len = fake.gather.len = 0;
		status = feed_bytes(cases[i].format, cases[i].in,
		    strlen(cases[i].in), cases[i].channel);
		sse_buf_append(&fake.got, "", 1);
		if (status != cases[i].status ||
		    strcmp(fake.got.ptr, cases[i].want) != 0 ||
		    strstr(said, cases[i].said) == NULL ||
		    (cases[i].said[0] == '\0' && said[0] != '\0'))
			fail_msg("%s: %d, %s, %s", cases[i].what, status,
			    fake.got.ptr, said);
	}
}

static void
every_format_has_its_outcome(void **state)
{
	(void)state;
	all_cases(false);
	all_cases(true);
}

static void
an_event_over_the_limit_ends_it(void **state)
{
	char in[2 + 1001 + 3];

	(void)state;
	memset(in, 'x', sizeof(in));
	memcpy(in, "a\n", 2);
	memcpy(in + sizeof(in) - 3, "\nb\n", 3);
	assert_int_equal(
	    feed_bytes(INPUT_LINE, in, sizeof(in), "c"), EX_DATAERR);
	assert_non_null(strstr(said, "line 2: "));
	sse_buf_append(&fake.got, "", 1);
	assert_string_equal(fake.got.ptr, "c=a;");
}

/* 100000 numbered lines, as a sink that answers fast or slowly sees them. */
static void
many(bool slow)
{
	struct sse_buf in = { 0 }, want = { 0 };
	char line[32];

	for (int i = 1; i <= 100000; i++) {
		int n = snprintf(line, sizeof(line), "%d\n", i);

		sse_buf_append(&in, line, (size_t)n);
		n = snprintf(line, sizeof(line), "c=%d;", i);
		sse_buf_append(&want, line, (size_t)n);
	}
	fake.slow = slow;
	assert_int_equal(feed_bytes(INPUT_LINE, in.ptr, in.len, "c"), 0);
	assert_int_equal(fake.got.len, want.len);
	assert_memory_equal(fake.got.ptr, want.ptr, want.len);
	assert_int_equal(fake.largest, SINK_BATCH_EVENTS);
	assert_true(fake.batches < 100000 / SINK_BATCH_EVENTS * 2);
	sse_buf_free(&in);
	sse_buf_free(&want);
}

static void
fast_input_leaves_in_batches_in_order(void **state)
{
	(void)state;
	many(false);
}

static void
so_it_does_while_an_answer_is_awaited(void **state)
{
	(void)state;
	many(true);
}

static void
large_events_leave_in_batches_of_bounded_bytes(void **state)
{
	struct sse_buf in = { 0 };
	char line[1000];

	(void)state;
	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\n';
	for (int i = 0; i < 2000; i++)
		sse_buf_append(&in, line, sizeof(line));
	assert_int_equal(feed_bytes(INPUT_LINE, in.ptr, in.len, "c"), 0);
	assert_int_equal(fake.got.len, 2000 * (999 + 3));
	assert_true(fake.largest <= SINK_BATCH_BYTES / 999);
	sse_buf_free(&in);
}

static void
a_failure_names_the_first_line_not_published(void **state)
{
	struct sse_buf in = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++)
		sse_buf_append(&in, "x\n", 2);
	fake.fail_at = 3;
	assert_int_equal(
	    feed_bytes(INPUT_LINE, in.ptr, in.len, "c"), EX_UNAVAILABLE);
	assert_non_null(strstr(said, "gone\n"));
	assert_non_null(
	    strstr(said, "line 1025 and what follows it are not published"));
	sse_buf_free(&in);
}

static void
a_failure_names_the_lines_of_which_it_is_not_sure(void **state)
{
	struct sse_buf in = { 0 };

	(void)state;
	for (int i = 0; i < 2000; i++)
		sse_buf_append(&in, "x\n", 2);
	fake.fail_at = 2;
	fake.unsure = true;
	assert_int_equal(
	    feed_bytes(INPUT_LINE, in.ptr, in.len, "c"), EX_UNAVAILABLE);
	assert_non_null(strstr(said, "lines 513 to 1024 may have been"));
	sse_buf_free(&in);
}

static void
nothing_is_read_once_it_is_stopped(void **state)
{
	(void)state;
	/* What can be read from the first: /dev/null, its end. */
	fake.stop_fd = open("/dev/null", O_RDONLY);
	assert_int_equal(feed_bytes(INPUT_LINE, "a\n", 2, "c"), 0);
	assert_int_equal(fake.got.len, 0);
	close(fake.stop_fd);
}

static void
input_that_cannot_be_read_is_said(void **state)
{
	const struct defaults d = DEFAULTS_NONE;
	int dir = open("/", O_RDONLY | O_DIRECTORY);
	const struct feed_conf conf = { .fd = dir,
		.fault = event_fault,
		.stop_fd = -1,
		.format = INPUT_LINE,
		.max_bytes = 1000,
		.defaults = &d };
	struct feed *f;

	(void)state;
	f = feed_new(&conf, &fake.sink);
	assert_int_equal(feed_run(f), EX_IOERR);
	feed_free(f);
	close(dir);
}

int
main(void)
{
#define FEED_TEST(t) cmocka_unit_test_setup_teardown(t, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		FEED_TEST(every_format_has_its_outcome),
		FEED_TEST(an_event_over_the_limit_ends_it),
		FEED_TEST(fast_input_leaves_in_batches_in_order),
		FEED_TEST(so_it_does_while_an_answer_is_awaited),
		FEED_TEST(large_events_leave_in_batches_of_bounded_bytes),
		FEED_TEST(a_failure_names_the_first_line_not_published),
		FEED_TEST(a_failure_names_the_lines_of_which_it_is_not_sure),
		FEED_TEST(nothing_is_read_once_it_is_stopped),
		FEED_TEST(input_that_cannot_be_read_is_said),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
