/* The journal's file: whatever a crash leaves of it, whole blocks are read. */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "data.h"

#include "../../../cmd/sse-serve/journal_file.h"

static char path[64];
static char fault[JOURNAL_FAULT_MAX];
static struct sse_buf got;

static void
put(const char *s)
{
	assert_int_equal(sse_buf_append(&got, s, strlen(s)), 0);
}

static void
put_place(struct place p)
{
	char text[PLACE_LEN];

	place_format(p, text);
	put(text);
}

static int
read_note(const struct journal_note *n, void *arg)
{
	(void)arg;
	put("[");
	assert_int_equal(
	    sse_buf_append(&got, n->channel.ptr, n->channel.len), 0);
	put(" birth ");
	put_place(n->birth);
	put(" last ");
	put_place(n->last);
	put(" forgotten ");
	put_place(n->forgotten);
	put(" dropped ");
	put_place(n->dropped);
	put("]");
	return 0;
}

static int
read_event(const struct event *ev, struct place p, void *arg)
{
	(void)arg;
	put("(");
	assert_int_equal(
	    sse_buf_append(&got, ev->channel.ptr, ev->channel.len), 0);
	put(" ");
	put_place(p);
	put(" ");
	assert_int_equal(sse_buf_append(&got, ev->id.ptr, ev->id.len), 0);
	put(" ");
	assert_int_equal(sse_buf_append(&got, ev->data.ptr, ev->data.len), 0);
	put(")");
	return 0;
}

/* The file is read: what it says, with the number of blocks passed over. */
static const char *
read_all(struct journal_file *f)
{
	struct journal_reader r = { read_note, read_event, NULL, 0 };
	char n[32];

	got.len = 0;
	assert_int_equal(journal_file_read(f, &r, fault), 0);
	if (r.passed_over > 0) {
		snprintf(n, sizeof(n), "%llu", r.passed_over);
		put(n);
	}
	put("");
	assert_int_equal(sse_buf_append(&got, "", 1), 0);
	return got.ptr;
}

static void
write_file(const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd != -1);
	assert_int_equal(write(fd, text, len), (ssize_t)len);
	assert_int_equal(close(fd), 0);
}

static int
set_up(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/journal_file.%ld", (long)getpid());
	return 0;
}

static int
tear_down(void **state)
{
	(void)state;
	(void)unlink(path);
	sse_buf_free(&got);
	return 0;
}

/* A first block, that of a channel, and events of all kinds. */
static void
make_all(struct sse_buf *b, size_t ends[5])
{
	struct journal_note head = { .birth = place_of(1, 0),
		.last = place_of(9, 0),
		.forgotten = place_of(2, 0) };
	struct journal_note note = { .channel = TEXT("a"),
		.dropped = place_of(3, 0) };
	struct event ev = event_in("a");
	struct message *m;

	assert_int_equal(journal_encode_note(b, &head), 0);
	ends[0] = b->len;
	assert_int_equal(journal_encode_note(b, &note), 0);
	ends[1] = b->len;
	for (int i = 0; i < 3; i++) {
		static const char *const ids[] = { NULL, "own", "7-7" };

		ev.has_id = ids[i] != NULL;
		ev.id = text_of(ids[i]);
		ev.data = i == 1 ? TEXT("x\n\ny") : TEXT("text");
		m = message_from(&ev, place_of(5 + (uint64_t)i, 1), PLACE_ZERO);
		assert_int_equal(journal_encode_message(b, m), 0);
		message_unref(m);
		ends[2 + i] = b->len;
	}
}

/* Wherever it breaks off, all that is whole is read, and the rest is gone. */
static void
cut_anywhere(void **state)
{
	static const char *const wants[] = { "",
		"[ birth 1-0 last 9-0 forgotten 2-0 dropped 0-0]",
		"[a birth 0-0 last 0-0 forgotten 0-0 dropped 3-0]",
		"(a 5-1 5-1 text)", "(a 6-1 own x\n\ny)", "(a 7-1 7-7 text)" };
	struct sse_buf all = { 0 };
	size_t ends[5];

	(void)state;
	make_all(&all, ends);
	for (size_t len = 0; len <= all.len; len++) {
		struct journal_file f;
		char want[512] = "";
		struct stat st;
		size_t n = 0;

		write_file(all.ptr, len);
		while (n < 5 && ends[n] <= len)
			strlcat(want, wants[++n], sizeof(want));
		assert_int_equal(journal_file_open(&f, path, fault), 0);
		assert_string_equal(read_all(&f), want);
		assert_int_equal(f.size, n > 0 ? ends[n - 1] : 0);
		assert_int_equal(fstat(f.fd, &st), 0);
		assert_int_equal(st.st_size, f.size);
		/* What is appended then is read as well. */
		assert_int_equal(journal_file_append(&f, all.ptr + f.size,
				     all.len - (size_t)f.size),
		    all.len - (size_t)f.size);
		assert_string_equal(strrchr(read_all(&f), '('), wants[5]);
		journal_file_close(&f);
	}
	sse_buf_free(&all);
}

static void
none_of_ours(void **state)
{
	static const struct {
		const char *what, *in, *want;
	} cases[] = {
		{ "an event without an ID", "channel: a\ndata: x\n\n", "1" },
		{ "one without a channel", "id: 1-1\ndata: x\n\n", "1" },
		{ "an ID that is no place", "channel: a\nid: x\ndata:\n\n",
		    "1" },
		{ "a field that is malformed",
		    "channel: a\nid: 1-1\npriority: low\ndata:\n\n", "1" },
		{ "a comment", ": x\n\n",
		    "[ birth 0-0 last 0-0 forgotten 0-0 dropped 0-0]" },
		{ "an event between", "x\n\nchannel: a\nid: 1-1\ndata: x\n\n",
		    "[ birth 0-0 last 0-0 forgotten 0-0 dropped 0-0]"
		    "(a 1-1 1-1 x)" },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct journal_note none = { .channel = { NULL, 0 } };
		struct sse_buf b = { 0 };
		struct journal_file f;

		assert_int_equal(journal_encode_note(&b, &none), 0);
		assert_int_equal(
		    sse_buf_append(&b, cases[i].in, strlen(cases[i].in)), 0);
		write_file(b.ptr, b.len);
		assert_int_equal(journal_file_open(&f, path, fault), 0);
		assert_string_equal(read_all(&f) +
			strlen("[ birth 0-0 last 0-0 forgotten 0-0 "
			       "dropped 0-0]"),
		    cases[i].want);
		journal_file_close(&f);
		sse_buf_free(&b);
	}
}

/* Another file is left as it is, and so is one that another has. */
static void
not_ours(void **state)
{
	static const char text[] = "root:x:0:0\n";
	struct journal_reader r = { read_note, read_event, NULL, 0 };
	struct journal_file f, g;
	struct stat st;

	(void)state;
	write_file(text, strlen(text));
	assert_int_equal(journal_file_open(&f, path, fault), 0);
	assert_int_equal(journal_file_read(&f, &r, fault), EX_DATAERR);
	assert_int_equal(fstat(f.fd, &st), 0);
	assert_int_equal(st.st_size, strlen(text));
	assert_int_equal(journal_file_open(&g, path, fault), EX_TEMPFAIL);
	assert_int_equal(g.fd, -1);
	journal_file_close(&f);
	assert_int_equal(journal_file_open(&g, "/", fault), EX_CANTCREAT);
	assert_int_equal(
	    journal_file_open(&g, "/dev/null", fault), EX_CANTCREAT);
	assert_int_equal(
	    journal_file_open(&g, "/missing/journal", fault), EX_CANTCREAT);
}

/* Who takes the place has the lock, from the first moment. */
static void
replaced(void **state)
{
	struct journal_file f, new, g;
	int old_fd;

	(void)state;
	(void)unlink(path);
	assert_int_equal(journal_file_open(&f, path, fault), 0);
	assert_int_equal(journal_file_beside(&new, &f), 0);
	assert_int_equal(journal_file_append(&new, "x", 1), 1);
	assert_int_equal(journal_file_replace(&f, &new, &old_fd), 0);
	assert_int_equal(close(old_fd), 0);
	assert_int_equal(new.fd, -1);
	assert_int_equal(f.size, 1);
	assert_int_equal(journal_file_open(&g, path, fault), EX_TEMPFAIL);
	assert_int_equal(journal_file_beside(&new, &f), 0);
	journal_file_discard(&new, &f);
	assert_int_equal(journal_file_open(&g, path, fault), EX_TEMPFAIL);
	journal_file_close(&f);
	assert_int_equal(journal_file_open(&g, path, fault), 0);
	journal_file_close(&g);
}

/* A file may not grow beyond a limit: what was written is told. */
static void
without_room(void **state)
{
	struct rlimit old, limit;
	struct journal_file f;
	char page[3000] = "";

	(void)state;
	(void)unlink(path);
	(void)signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	limit = old;
	limit.rlim_cur = 4096;
	assert_int_equal(journal_file_open(&f, path, fault), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	assert_int_equal(
	    journal_file_append(&f, page, sizeof(page)), sizeof(page));
	assert_int_equal(
	    journal_file_append(&f, page, sizeof(page)), 4096 - sizeof(page));
	assert_int_equal(errno, EFBIG);
	assert_int_equal(f.size, 4096);
	journal_file_cut(&f, sizeof(page));
	assert_int_equal(f.size, sizeof(page));
	assert_true(journal_file_has_room(&f, 1000));
	assert_false(journal_file_has_room(&f, 1097));
	assert_int_equal(f.size, sizeof(page));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &old), 0);
	assert_true(journal_file_has_room(&f, 10000));
	journal_file_close(&f);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(none_of_ours),
		cmocka_unit_test(not_ours),
		cmocka_unit_test(replaced),
		cmocka_unit_test(without_room),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
