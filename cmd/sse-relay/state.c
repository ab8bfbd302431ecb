#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "event.h"
#include "mark.h"
#include "state.h"
#include "units.h"

#define HEAD "sse-relay 1"
#define FILE_MAX ((size_t)1 << 30)

struct state {
	char *path, *fresh, *dir;
	const char *name;
	int fd; /* the file, locked */
	struct mark mark, to, producer, url;
	uint64_t number;
	struct sse_buf body;
	struct sse_buf text; /* as it is written */
	bool dirty;
	int64_t written_ms;
	char fault[512];
};

static int
fail(struct state *s, const char *what)
{
	snprintf(s->fault, sizeof(s->fault), "%s: %s%s%s", s->path, what,
	    *what != '\0' ? ": " : "", strerror(errno));
	return -1;
}

void
state_free(struct state *s)
{
	if (s == NULL)
		return;
	if (s->fd != -1)
		close(s->fd);
	free(s->path);
	free(s->fresh);
	free(s->dir);
	mark_free(&s->mark);
	mark_free(&s->to);
	mark_free(&s->producer);
	mark_free(&s->url);
	sse_buf_free(&s->body);
	sse_buf_free(&s->text);
	free(s);
}

static struct state *
state_new(const char *path, const char *name)
{
	struct state *s = calloc(1, sizeof(*s));
	char *copy;

	if (s == NULL)
		return NULL;
	s->fd = -1;
	s->name = name;
	if ((s->path = strdup(path)) == NULL ||
	    asprintf(&s->fresh, "%s.new", path) == -1 ||
	    (copy = strdup(path)) == NULL) {
		state_free(s);
		return NULL;
	}
	s->dir = strdup(dirname(copy));
	free(copy);
	if (s->dir != NULL)
		return s;
	state_free(s);
	return NULL;
}

/*
 * Open and lock the file that has the name now, and not one that a relay at
 * work has just replaced.
 */
static int
lock(struct state *s)
{
	struct stat opened, named;

	for (;;) {
		s->fd = open(s->path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (s->fd == -1 || flock(s->fd, LOCK_EX | LOCK_NB) == -1)
			return -1;
		if (fstat(s->fd, &opened) == -1)
			return -1;
		if (stat(s->path, &named) == 0 &&
		    opened.st_ino == named.st_ino &&
		    opened.st_dev == named.st_dev)
			return 0;
		close(s->fd);
	}
}

static int
read_all(struct state *s)
{
	ssize_t n;

	do {
		if (s->text.len > FILE_MAX) {
			errno = EFBIG;
			return -1;
		}
		if (sse_buf_reserve(&s->text, 65536) == -1)
			return -1;
		n = read(s->fd, s->text.ptr + s->text.len, 65536);
		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			s->text.len += (size_t)n;
	} while (n != 0);
	return 0;
}

static int
take(struct state *s, struct sse_text name, struct sse_text value)
{
	if (text_is(name, "mark"))
		return mark_set(&s->mark, value);
	if (text_is(name, "to"))
		return mark_set(&s->to, value);
	if (text_is(name, "producer"))
		return mark_set(&s->producer, value);
	if (text_is(name, "url"))
		return mark_set(&s->url, value);
	if (text_is(name, "number"))
		for (size_t i = 0; i < value.len; i++)
			s->number = s->number * 10 +
			    (uint64_t)(value.ptr[i] - '0');
	return 0;
}

/* The lines of the head; what follows the empty one is the batch. */
static int
parse(struct state *s)
{
	const char *p = s->text.ptr, *end = p + s->text.len, *lf, *colon;

	while (p < end && (lf = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		size_t len = (size_t)(lf - p);

		if (len == 0)
			return sse_buf_append(
			    &s->body, lf + 1, (size_t)(end - lf - 1));
		if ((colon = memchr(p, ':', len)) != NULL && colon + 2 <= lf &&
		    take(s, (struct sse_text){ p, (size_t)(colon - p) },
			(struct sse_text){
			    colon + 2, (size_t)(lf - colon - 2) }) == -1)
			return -1;
		p = lf + 1;
	}
	return 0;
}

/* The name that its second line tells. */
static bool
is_ours(const struct state *s)
{
	char head[256];
	int len = snprintf(head, sizeof(head), HEAD "\nname: %s\n", s->name);

	return s->text.len >= (size_t)len &&
	    memcmp(s->text.ptr, head, (size_t)len) == 0;
}

static int
begin(struct state *s)
{
	if (lock(s) == -1) {
		if (errno == EWOULDBLOCK) {
			(void)fail(s, "another process has it open");
			return EX_TEMPFAIL;
		}
		(void)fail(s, "");
		return EX_CANTCREAT;
	}
	if (read_all(s) == -1) {
		(void)fail(s, "");
		return EX_IOERR;
	}
	if (s->text.len == 0)
		return 0;
	if (!is_ours(s)) {
		snprintf(s->fault, sizeof(s->fault),
		    "%s: it is not the state of the relay %s", s->path,
		    s->name);
		return EX_DATAERR;
	}
	return parse(s) == -1 ? EX_SOFTWARE : 0;
}

int
state_open(struct state **s, const char *path, const char *name, char **why)
{
	int status;

	*why = NULL;
	if ((*s = state_new(path, name)) == NULL)
		return EX_SOFTWARE;
	if ((status = begin(*s)) == 0)
		return 0;
	if (status != EX_SOFTWARE)
		*why = strdup((*s)->fault);
	state_free(*s);
	*s = NULL;
	return status;
}

struct sse_text
state_mark(const struct state *s)
{
	return mark_text(&s->mark);
}

struct state_flight
state_flight(const struct state *s)
{
	return (struct state_flight){ mark_text(&s->to),
		mark_text(&s->producer), mark_text(&s->url), s->number,
		{ s->body.ptr, s->body.len } };
}

int
state_set_mark(struct state *s, struct sse_text mark)
{
	if (mark_is(&s->mark, mark))
		return 0;
	s->dirty = true;
	return mark_set(&s->mark, mark);
}

static int
put(struct sse_buf *b, const char *name, struct sse_text value)
{
	return sse_buf_append(b, name, strlen(name)) == -1 ||
		sse_buf_append(b, ": ", 2) == -1 ||
		sse_buf_append(b, value.ptr, value.len) == -1 ||
		sse_buf_append(b, "\n", 1) == -1
	    ? -1
	    : 0;
}

static int
compose(struct state *s, struct sse_text body)
{
	struct sse_buf *b = &s->text;
	char number[24];
	int len = snprintf(number, sizeof(number), "%" PRIu64, s->number);

	b->len = 0;
	if (sse_buf_append(b, HEAD "\n", strlen(HEAD) + 1) == -1 ||
	    put(b, "name", text_of(s->name)) == -1 ||
	    put(b, "mark", mark_text(&s->mark)) == -1)
		return -1;
	if (s->number != 0 &&
	    (put(b, "to", mark_text(&s->to)) == -1 ||
		put(b, "producer", mark_text(&s->producer)) == -1 ||
		put(b, "url", mark_text(&s->url)) == -1 ||
		put(b, "number", (struct sse_text){ number, (size_t)len }) ==
		    -1))
		return -1;
	return sse_buf_append(b, "\n", 1) == -1 ||
		(s->number != 0 && sse_buf_append(b, body.ptr, body.len) == -1)
	    ? -1
	    : 0;
}

static int
write_all(int fd, const struct sse_buf *b)
{
	size_t at = 0;

	while (at < b->len) {
		ssize_t n = write(fd, b->ptr + at, b->len - at);

		if (n == -1 && errno != EINTR)
			return -1;
		if (n > 0)
			at += (size_t)n;
	}
	return 0;
}

/* The new name is to last, too. */
static void
sync_dir(const struct state *s)
{
	int fd = open(s->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)fsync(fd);
	close(fd);
}

static int
replace(struct state *s)
{
	int fd = open(s->fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	int saved;

	if (fd == -1)
		return -1;
	/* Locked before it has the name, so that it is never free. */
	if (flock(fd, LOCK_EX | LOCK_NB) == -1 ||
	    write_all(fd, &s->text) == -1 || fsync(fd) == -1 ||
	    rename(s->fresh, s->path) == -1) {
		saved = errno;
		close(fd);
		errno = saved;
		return -1;
	}
	close(s->fd);
	s->fd = fd;
	sync_dir(s);
	return 0;
}

static int
store(struct state *s, struct sse_text body)
{
	if (compose(s, body) == -1 || replace(s) == -1)
		return fail(s, "");
	s->dirty = false;
	s->written_ms = clock_mono_ms();
	return 0;
}

int
state_set_flight(struct state *s, const struct state_flight *f)
{
	if (mark_set(&s->to, f->to) == -1 ||
	    mark_set(&s->producer, f->producer) == -1 ||
	    mark_set(&s->url, f->url) == -1)
		return fail(s, "");
	s->number = f->number;
	sse_buf_free(&s->body);
	return store(s, f->body);
}

int
state_landed(struct state *s)
{
	s->number = 0;
	s->dirty = true;
	sse_buf_free(&s->body);
	if (!mark_none(&s->to) && mark_set(&s->mark, mark_text(&s->to)) == -1)
		return fail(s, "");
	return 0;
}

int
state_due_ms(const struct state *s)
{
	int64_t left_ms = s->written_ms + STATE_MS - clock_mono_ms();

	if (!s->dirty)
		return -1;
	return left_ms > 0 ? (int)left_ms : 0;
}

int
state_sync(struct state *s, bool now)
{
	if (!s->dirty || (!now && state_due_ms(s) > 0))
		return 0;
	return store(s, TEXT(""));
}

const char *
state_fault(const struct state *s)
{
	return s->fault;
}
