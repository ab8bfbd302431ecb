#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sysexits.h>
#include <unistd.h>

#include "journal_file.h"
#include "message.h"

#define MAGIC ": sse-serve journal 1\n"
#define READ_BYTES 65536
#define BLOCK_MAX ((size_t)1 << 31) /* an event is at most 1g */

static int fault_is(char fault[static JOURNAL_FAULT_MAX], int status,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static int
fault_is(char fault[static JOURNAL_FAULT_MAX], int status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(fault, JOURNAL_FAULT_MAX, fmt, ap);
	va_end(ap);
	return status;
}

void
journal_file_close(struct journal_file *f)
{
	if (f->fd != -1)
		(void)close(f->fd); /* and with it goes the lock */
	f->fd = -1;
}

/* Is the file that is open still the one of that name? */
static bool
is_named(const struct journal_file *f)
{
	struct stat open_one, named;

	return fstat(f->fd, &open_one) == 0 && stat(f->path, &named) == 0 &&
	    open_one.st_dev == named.st_dev && open_one.st_ino == named.st_ino;
}

/* Returns 1 when it is ours, 0 when it was replaced meanwhile, -1 with errno. */
static int
take(struct journal_file *f)
{
	f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY, 0600);
	if (f->fd == -1)
		return -1;
	if (flock(f->fd, LOCK_EX | LOCK_NB) == 0 && is_named(f))
		return 1;
	if (errno == EWOULDBLOCK)
		return -1;
	journal_file_close(f);
	return 0;
}

/* A name that is there for good, also when the machine stops. */
static int
sync_directory(const char *path)
{
	char *copy = strdup(path);
	int fd = -1, error = -1;

	if (copy != NULL)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd != -1) {
		error = fsync(fd);
		/* Some file systems have nothing to do for that. */
		if (error == -1 && errno == EINVAL)
			error = 0;
		(void)close(fd);
	}
	free(copy);
	return error;
}

int
journal_file_open(struct journal_file *f, const char *path,
    char fault[static JOURNAL_FAULT_MAX])
{
	struct journal_file beside = { .fd = -1 };
	struct stat st;
	int got;

	*f = (struct journal_file){ .fd = -1, .path = path };
	while ((got = take(f)) == 0)
		;
	if (got == -1 && f->fd != -1) {
		journal_file_close(f);
		return fault_is(fault, EX_TEMPFAIL,
		    "journal %s: another process has it", path);
	}
	if (got == -1)
		return fault_is(fault, EX_CANTCREAT, "journal %s: %s", path,
		    strerror(errno));
	if (fstat(f->fd, &st) == -1 || !S_ISREG(st.st_mode)) {
		journal_file_close(f);
		return fault_is(
		    fault, EX_CANTCREAT, "journal %s: not a file", path);
	}
	if (sync_directory(path) == -1) {
		got = errno;
		journal_file_close(f);
		return fault_is(
		    fault, EX_IOERR, "journal %s: %s", path, strerror(got));
	}
	/* What a compaction left that was killed. */
	journal_file_discard(&beside, f);
	return 0;
}

/* What a block says beside what event_decode() knows. */
static void
read_note(
    struct journal_note *n, struct place *place, const struct sse_decoder *d)
{
	struct sse_field field;
	size_t iter = 0;

	*n = (struct journal_note){ .channel = { NULL, 0 } };
	*place = PLACE_ZERO;
	while (sse_decoder_field(d, &iter, &field) == 1) {
		struct place p;

		if (text_is(field.name, "channel"))
			n->channel = field.value;
		if (!place_parse(field.value.ptr, field.value.len, &p))
			continue;
		if (text_is(field.name, "birth"))
			n->birth = p;
		else if (text_is(field.name, "last"))
			n->last = p;
		else if (text_is(field.name, "forgotten"))
			n->forgotten = p;
		else if (text_is(field.name, "dropped"))
			n->dropped = p;
		else if (text_is(field.name, "place"))
			*place = p;
	}
}

/* One block.  -1 with ENOMEM. */
static int
read_block(struct journal_reader *r, const struct sse_decoder *d,
    const struct sse_event *from)
{
	struct journal_note note;
	struct event ev;
	struct place place;
	const char *what;

	read_note(&note, &place, d);
	if ((from->has & SSE_HAS_DATA) == 0)
		return r->note(&note, r->arg);
	if (event_decode(&ev, d, from, &what) == -1 || !ev.has_id ||
	    ev.channel.len == 0 ||
	    (place_is_zero(place) &&
		!place_parse(ev.id.ptr, ev.id.len, &place))) {
		r->passed_over++;
		return 0;
	}
	return r->event(&ev, place, r->arg);
}

/* Blocks of the len bytes at p; f->size moves behind each that is whole. */
static int
read_piece(struct journal_file *f, struct journal_reader *r,
    struct sse_decoder *d, const char *p, size_t len, off_t at)
{
	const struct sse_event *ev;
	size_t used;
	int got;

	for (; len > 0; p += used, len -= used) {
		got = sse_decoder_feed(d, p, len, &used, &ev);
		at += (off_t)used;
		if (got == -1 && errno == ENOMEM)
			return -1;
		if (got == -1)
			r->passed_over++;
		if (got > 0) {
			f->size = at;
			if (read_block(r, d, ev) == -1)
				return -1;
		}
	}
	return 0;
}

static int
read_blocks(struct journal_file *f, struct journal_reader *r,
    struct sse_decoder *d, char fault[static JOURNAL_FAULT_MAX])
{
	char buf[READ_BYTES];
	ssize_t n;
	off_t at = 0;

	while ((n = pread(f->fd, buf, sizeof(buf), at)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1)
			return fault_is(fault, EX_IOERR, "journal %s: %s",
			    f->path, strerror(errno));
		if (read_piece(f, r, d, buf, (size_t)n, at) == -1)
			return fault_is(fault, EX_SOFTWARE,
			    "journal %s: out of memory", f->path);
		at += n;
	}
	return 0;
}

/* Is it a journal, or one whose very beginning was cut short? */
static bool
has_magic(const struct journal_file *f)
{
	char buf[sizeof(MAGIC) - 1];
	ssize_t n = pread(f->fd, buf, sizeof(buf), 0);

	return n >= 0 && memcmp(buf, MAGIC, (size_t)n) == 0;
}

int
journal_file_read(struct journal_file *f, struct journal_reader *r,
    char fault[static JOURNAL_FAULT_MAX])
{
	struct sse_decoder *d;
	int status;

	if (!has_magic(f))
		return fault_is(fault, EX_DATAERR,
		    "journal %s: this file is no journal of sse-serve",
		    f->path);
	if ((d = sse_decoder_new(BLOCK_MAX)) == NULL)
		return fault_is(fault, EX_SOFTWARE, "out of memory");
	sse_decoder_ask(d, SSE_ASK_FIELDS | SSE_ASK_COMMENTS | SSE_ASK_BLOCKS);
	status = read_blocks(f, r, d, fault);
	sse_decoder_free(d);
	if (status == 0)
		journal_file_cut(f, f->size);
	return status;
}

size_t
journal_file_append(struct journal_file *f, const void *p, size_t len)
{
	const char *from = p;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pwrite(
		    f->fd, from + done, len - done, f->size + (off_t)done);

		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENOSPC;
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	f->size += (off_t)done;
	return done;
}

void
journal_file_cut(struct journal_file *f, off_t size)
{
	f->size = size;
	/* What stays behind is written over, and no event until then. */
	while (ftruncate(f->fd, size) == -1 && errno == EINTR)
		;
}

bool
journal_file_has_room(struct journal_file *f, size_t n)
{
	static const char blank[4096] = ":";
	off_t size = f->size;
	size_t left = n;

	while (left > 0) {
		size_t piece = left < sizeof(blank) ? left : sizeof(blank);

		if (journal_file_append(f, blank, piece) < piece)
			break;
		left -= piece;
	}
	journal_file_cut(f, size);
	return left == 0;
}

int
journal_file_sync(const struct journal_file *f)
{
	int error;

	while ((error = fdatasync(f->fd)) == -1 && errno == EINTR)
		;
	return error;
}

/* "FILE.new"; nobody else makes one, for only who has FILE does. */
static char *
name_beside(const struct journal_file *f)
{
	char *name;

	return asprintf(&name, "%s.new", f->path) == -1 ? NULL : name;
}

int
journal_file_beside(struct journal_file *new, const struct journal_file *f)
{
	char *name = name_beside(f);

	*new = (struct journal_file){ .fd = -1, .path = f->path };
	if (name == NULL)
		return -1;
	new->fd = open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	/* Whoever finds it by its new name finds it locked. */
	if (new->fd != -1 && flock(new->fd, LOCK_EX | LOCK_NB) == -1)
		journal_file_close(new);
	free(name);
	return new->fd == -1 ? -1 : 0;
}

void
journal_file_discard(struct journal_file *new, const struct journal_file *f)
{
	char *name = name_beside(f);

	journal_file_close(new);
	if (name != NULL)
		(void)unlink(name);
	free(name);
}

int
journal_file_replace(
    struct journal_file *f, struct journal_file *new, int *old_fd)
{
	char *name = name_beside(f);
	int error;

	*old_fd = -1;
	if (name == NULL || journal_file_sync(new) == -1 ||
	    rename(name, f->path) == -1) {
		error = errno;
		free(name);
		journal_file_discard(new, f);
		errno = error;
		return -1;
	}
	free(name);
	*old_fd = f->fd;
	*f = *new;
	new->fd = -1;
	return sync_directory(f->path);
}

static int
put_place(struct sse_buf *b, const char *name, struct place p)
{
	char text[PLACE_LEN];
	struct sse_text value = { text, 0 };

	if (place_is_zero(p))
		return 0;
	value.len = place_format(p, text);
	return sse_encode_field(b, text_of(name), value);
}

int
journal_encode_note(struct sse_buf *b, const struct journal_note *n)
{
	size_t len = b->len;

	if ((n->channel.len == 0
		    ? sse_buf_append(b, MAGIC, strlen(MAGIC))
		    : sse_encode_field(b, TEXT("channel"), n->channel)) == 0 &&
	    put_place(b, "birth", n->birth) == 0 &&
	    put_place(b, "last", n->last) == 0 &&
	    put_place(b, "forgotten", n->forgotten) == 0 &&
	    put_place(b, "dropped", n->dropped) == 0 && sse_encode_end(b) == 0)
		return 0;
	b->len = len;
	return -1;
}

int
journal_encode_message(struct sse_buf *b, const struct message *m)
{
	struct sse_text wire = message_wire(m, SHOW_ROUTING);
	struct sse_text id = message_id(m);
	struct place p;
	size_t len = b->len;

	if ((place_parse(id.ptr, id.len, &p) && place_cmp(p, m->place) == 0) ||
	    put_place(b, "place", m->place) == 0)
		if (sse_buf_append(b, wire.ptr, wire.len) == 0)
			return 0;
	b->len = len;
	return -1;
}
