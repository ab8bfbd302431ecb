#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "spool.h"
#include "units.h"

#define PIECE ((size_t)64 << 10)
#define POLL_MS 10
#define EVENT_MAX ((size_t)512 << 20) /* above what --max-event may be */

enum turn {
	TURN_FLUSH,
	TURN_CHANGE,
};

struct spool {
	const char *dir; /* borrowed */
	size_t max_bytes;
	int dirfd;
	int lock;
	/* While it is flushed: */
	int events;              /* -1: not yet open */
	struct sse_decoder *dec; /* what was read */
	char *buf;
	size_t used, len; /* of buf: taken, read */
	off_t read;       /* bytes of the file read into buf, and before */
	off_t sent;       /* bytes of the file that are published */
	bool flushing;
};

static int
take_turn(struct spool *s, enum turn turn, bool wait)
{
	struct flock l = { .l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = turn,
		.l_len = 1 };
	int r;

	do
		r = fcntl(s->lock, wait ? F_OFD_SETLKW : F_OFD_SETLK, &l);
	while (r == -1 && errno == EINTR);
	return r;
}

static void
leave_turn(struct spool *s, enum turn turn)
{
	struct flock l = { .l_type = F_UNLCK,
		.l_whence = SEEK_SET,
		.l_start = turn,
		.l_len = 1 };
	int saved = errno;

	(void)fcntl(s->lock, F_OFD_SETLK, &l);
	errno = saved;
}

/* Is it a directory of ours that nobody else may look into? */
static int
open_dir(struct spool *s, int *status)
{
	struct stat st;
	bool made = mkdir(s->dir, 0700) == 0;
	int parent;

	*status = EX_CANTCREAT;
	if (!made && errno != EEXIST) {
		warn("spool %s", s->dir);
		return -1;
	}
	s->dirfd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dirfd == -1 || fstat(s->dirfd, &st) == -1) {
		warn("spool %s", s->dir);
		return -1;
	}
	/* A directory that a crash takes away takes its events along. */
	if (made &&
	    (parent = openat(
		 s->dirfd, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC)) != -1) {
		(void)fsync(parent);
		close(parent);
	}
	*status = EX_CONFIG;
	if (st.st_uid != geteuid()) {
		warnx("spool %s is another user's", s->dir);
		return -1;
	}
	if (st.st_mode & (S_IRWXG | S_IRWXO)) {
		warnx(
		    "spool %s is open to others: chmod 700 %s", s->dir, s->dir);
		return -1;
	}
	return 0;
}

struct spool *
spool_new(const char *dir, size_t max_bytes, int *status)
{
	struct spool *s = calloc(1, sizeof(*s));

	if (s == NULL)
		err(EX_SOFTWARE, NULL);
	s->dir = dir;
	s->max_bytes = max_bytes;
	s->dirfd = s->lock = s->events = -1;
	if (open_dir(s, status) == -1) {
		spool_free(s);
		return NULL;
	}
	s->lock = openat(
	    s->dirfd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (s->lock == -1) {
		*status = EX_CANTCREAT;
		warn("%s/lock", dir);
		spool_free(s);
		return NULL;
	}
	return s;
}

/* Forget what was read. */
static void
close_events(struct spool *s)
{
	if (s->events != -1)
		close(s->events);
	s->events = -1;
	s->used = s->len = 0;
	s->read = s->sent = 0;
}

void
spool_free(struct spool *s)
{
	if (s == NULL)
		return;
	close_events(s);
	if (s->lock != -1)
		close(s->lock);
	if (s->dirfd != -1)
		close(s->dirfd);
	sse_decoder_free(s->dec);
	free(s->buf);
	free(s);
}

int
spool_encode(struct sse_buf *b, const struct event *ev, struct sse_text once)
{
	size_t before = b->len;

	if (sse_encode_field(b, TEXT("once"), once) == 0 &&
	    event_encode(b, ev) == 0)
		return 0;
	b->len = before;
	return -1;
}

/*
 * Where the last whole event ends.  Within one there is no empty line.  -1 with
 * errno.
 */
static off_t
whole_end(int fd, off_t size)
{
	char buf[4096];

	while (size > 0) {
		off_t from = size > (off_t)sizeof(buf)
		    ? size - (off_t)sizeof(buf)
		    : 0;
		ssize_t n = pread(fd, buf, (size_t)(size - from), from);

		if (n <= 0)
			return -1;
		for (ssize_t i = n - 1; i > 0; i--)
			if (buf[i] == '\n' && buf[i - 1] == '\n')
				return from + i + 1;
		/* One byte stays, for the pair may be cut in two. */
		size = from == 0 ? 0 : from + 1;
	}
	return 0;
}

static int
write_all(int fd, struct sse_text t, off_t at)
{
	while (t.len > 0) {
		ssize_t n = pwrite(fd, t.ptr, t.len, at);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return -1;
		t.ptr += n;
		t.len -= (size_t)n;
		at += n;
	}
	return 0;
}

/* Append behind the last whole event. */
static int
append(struct spool *s, int fd, struct sse_text blocks)
{
	struct stat st;
	off_t end;
	int saved;

	if (fstat(fd, &st) == -1 || (end = whole_end(fd, st.st_size)) == -1)
		return -1;
	if ((size_t)end + blocks.len > s->max_bytes) {
		errno = EDQUOT;
		return -1;
	}
	if ((end == st.st_size || ftruncate(fd, end) == 0) &&
	    write_all(fd, blocks, end) == 0 && fdatasync(fd) == 0)
		return end > 0 ? 0 : fsync(s->dirfd);
	saved = errno;
	(void)!ftruncate(fd, end);
	errno = saved;
	return -1;
}

static int
open_file(struct spool *s, const char *name, int flags)
{
	return openat(
	    s->dirfd, name, flags | O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0600);
}

int
spool_append(struct spool *s, struct sse_text blocks)
{
	int fd, r = -1, saved;

	if (take_turn(s, TURN_CHANGE, true) == -1)
		return -1;
	if ((fd = open_file(s, "events", O_CREAT)) != -1) {
		r = append(s, fd, blocks);
		saved = errno;
		close(fd);
		errno = saved;
	}
	leave_turn(s, TURN_CHANGE);
	return r;
}

int
spool_is_empty(struct spool *s)
{
	struct stat st;

	if (fstatat(s->dirfd, "events", &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 1 : -1;
	return st.st_size == 0;
}

/* Read from the first event on. */
static int
open_events(struct spool *s)
{
	close_events(s);
	if (s->dec == NULL) {
		if ((s->dec = sse_decoder_new(EVENT_MAX)) == NULL)
			return -1;
		sse_decoder_ask(s->dec, SSE_ASK_FIELDS);
	}
	if (s->buf == NULL && (s->buf = malloc(PIECE)) == NULL)
		return -1;
	sse_decoder_reset(s->dec);
	s->events = open_file(s, "events", O_CREAT);
	return s->events == -1 ? -1 : 0;
}

int
spool_begin(struct spool *s, int64_t deadline_ms)
{
	while (take_turn(s, TURN_FLUSH, false) == -1) {
		if (errno != EAGAIN && errno != EACCES)
			return -1;
		if (clock_mono_ms() >= deadline_ms)
			return 0;
		poll(NULL, 0, POLL_MS);
	}
	s->flushing = true;
	if (open_events(s) == 0)
		return 1;
	leave_turn(s, TURN_FLUSH);
	s->flushing = false;
	return -1;
}

/* Returns 1 with *out set, 0 at the end of the file. */
static int
next_block(struct spool *s, const struct sse_event **out)
{
	size_t used;
	ssize_t n;
	int r;

	for (;;) {
		if (s->used == s->len) {
			n = pread(s->events, s->buf, PIECE, s->read);
			if (n <= 0)
				return (int)n;
			s->read += n;
			s->used = 0;
			s->len = (size_t)n;
		}
		r = sse_decoder_feed(
		    s->dec, s->buf + s->used, s->len - s->used, &used, out);
		s->used += used;
		if (r != 0)
			return r;
	}
}

static struct sse_text
once_of(const struct sse_decoder *d)
{
	struct sse_field f;
	size_t iter = 0;

	while (sse_decoder_field(d, &iter, &f) == 1)
		if (text_is(f.name, "once"))
			return f.value;
	return TEXT("");
}

int
spool_next(struct spool *s, struct event *ev, struct sse_text *once)
{
	const struct sse_event *from = NULL;
	const char *what;
	int r;

	for (;;) {
		if ((r = next_block(s, &from)) == 0)
			return 0;
		if (r == -1)
			return -1;
		*once = once_of(s->dec);
		if (event_decode(ev, s->dec, from, &what) == 0 &&
		    ev->channel.len > 0 && once->len > 0 &&
		    event_fault(ev) == NULL)
			return 1;
		warnx(
		    "%s/events: an event that is none is passed over", s->dir);
	}
}

void
spool_sent(struct spool *s)
{
	s->sent = s->read - (off_t)(s->len - s->used);
}

int
spool_rewind(struct spool *s)
{
	s->read = s->sent;
	s->used = s->len = 0;
	sse_decoder_reset(s->dec);
	return 0;
}

/* What is left becomes the file, in one step. */
static int
keep_rest(struct spool *s)
{
	int fd = open_file(s, "events.new", O_CREAT | O_TRUNC);
	off_t from = s->sent, to = 0;
	char buf[4096];
	ssize_t n;

	if (fd == -1)
		return -1;
	while ((n = pread(s->events, buf, sizeof(buf), from)) > 0) {
		if (write_all(fd, (struct sse_text){ buf, (size_t)n }, to) ==
		    -1)
			break;
		from += n;
		to += n;
	}
	if (n == 0 && fdatasync(fd) == 0 &&
	    renameat(s->dirfd, "events.new", s->dirfd, "events") == 0 &&
	    fsync(s->dirfd) == 0) {
		close(fd);
		return 0;
	}
	(void)unlinkat(s->dirfd, "events.new", 0);
	close(fd);
	return -1;
}

int
spool_clean(struct spool *s)
{
	struct stat st;
	off_t end;
	int r = -1;

	if (take_turn(s, TURN_CHANGE, true) == -1)
		return -1;
	if (fstat(s->events, &st) == 0 &&
	    (end = whole_end(s->events, st.st_size)) != -1) {
		if (end > s->sent)
			r = s->sent == 0 ? 1 : keep_rest(s) == -1 ? -1 : 1;
		else
			r = ftruncate(s->events, 0) == -1 ? -1 : 0;
	}
	leave_turn(s, TURN_CHANGE);
	/* The file is another, or an empty one. */
	return r != -1 && open_events(s) == -1 ? -1 : r;
}

void
spool_end(struct spool *s)
{
	if (!s->flushing)
		return;
	/* Who was killed here leaves all of it: keys tell what is repeated. */
	if (s->sent > 0 && spool_clean(s) == -1)
		warn("spool %s", s->dir);
	close_events(s);
	s->flushing = false;
	leave_turn(s, TURN_FLUSH);
}
