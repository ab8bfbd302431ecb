#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "compact.h"

#define PIECE_BYTES ((size_t)1 << 18)
#define TAIL_BYTES (1 << 20) /* that the loop itself copies at most, mostly */
#define ROUNDS_MAX 8

void
compact_init(struct compact *c, struct ev_loop *loop, struct journal_file *f,
    void (*finished)(void *arg, int error), void *arg)
{
	memset(c, 0, sizeof(*c));
	chore_init(&c->chore, loop);
	c->file = f;
	c->new.fd = c->old_fd = -1;
	c->finished = finished;
	c->arg = arg;
}

static int
by_place(const void *a, const void *b)
{
	const struct message *const *m = a, *const *n = b;

	return place_cmp((*m)->place, (*n)->place);
}

static int
write_out(struct compact *c, struct sse_buf *b)
{
	if (atomic_load(&c->stopped)) {
		errno = ECANCELED;
		return -1;
	}
	if (journal_file_append(&c->new, b->ptr, b->len) < b->len)
		return -1;
	b->len = 0;
	return 0;
}

static int
write_snapshot(struct compact *c)
{
	struct sse_buf b = { 0 };
	int error = write_out(c, &c->head);

	if (c->n > 1)
		qsort(c->messages, c->n, sizeof(c->messages[0]), by_place);
	for (size_t i = 0; i < c->n && error == 0; i++) {
		error = journal_encode_message(&b, c->messages[i]);
		if (error == 0 && b.len >= PIECE_BYTES)
			error = write_out(c, &b);
	}
	if (error == 0)
		error = write_out(c, &b);
	sse_buf_free(&b);
	return error;
}

/* Copy the journal's bytes from c->from to c->to. */
static int
copy_tail(struct compact *c)
{
	char buf[16384];

	while (c->from < c->to) {
		size_t want = sizeof(buf);
		struct sse_buf b = { buf, 0, sizeof(buf) };
		ssize_t n;

		if ((off_t)want > c->to - c->from)
			want = (size_t)(c->to - c->from);
		n = pread(c->from_fd, buf, want, c->from);
		if (n == -1 && errno == EINTR)
			continue;
		if (n == 0)
			errno = EIO;
		if (n <= 0)
			return -1;
		b.len = (size_t)n;
		if (write_out(c, &b) == -1)
			return -1;
		c->from += n;
	}
	return 0;
}

static void
forget_snapshot(struct compact *c)
{
	for (size_t i = 0; i < c->n; i++)
		message_unref(c->messages[i]);
	free(c->messages);
	sse_buf_free(&c->head);
	c->messages = NULL;
	c->n = 0;
}

/* In the thread. */
static int
run(void *arg)
{
	struct compact *c = arg;
	int error = 0;

	if (c->head.len > 0)
		error = write_snapshot(c);
	if (error == 0)
		error = copy_tail(c);
	/* So that little is left for the end. */
	if (error == 0)
		error = journal_file_sync(&c->new);
	error = error == 0 ? 0 : errno;
	forget_snapshot(c);
	return error;
}

static void
give_up(struct compact *c, int error)
{
	forget_snapshot(c);
	journal_file_discard(&c->new, c->file);
	c->finished(c->arg, error);
}

static void round_done(void *arg, int error);

static int
next_round(struct compact *c)
{
	c->from_fd = c->file->fd;
	c->to = c->file->size;
	c->rounds++;
	return chore_start(&c->chore, run, round_done, c);
}

/* In the thread. */
static int
run_close(void *arg)
{
	struct compact *c = arg;

	return close(c->old_fd);
}

static void
closed(void *arg, int error)
{
	struct compact *c = arg;

	(void)error;
	c->old_fd = -1;
}

/* The last reference to the old file: all of its blocks are freed. */
static void
close_old(struct compact *c)
{
	if (c->old_fd == -1 ||
	    chore_start(&c->chore, run_close, closed, c) == 0)
		return;
	(void)close(c->old_fd);
	c->old_fd = -1;
}

/* In the loop: what has come since is copied, by it if that is little. */
static void
round_done(void *arg, int error)
{
	struct compact *c = arg;

	if (error == 0 && c->file->size - c->to > TAIL_BYTES &&
	    c->rounds < ROUNDS_MAX) {
		if (next_round(c) == 0)
			return;
		error = errno;
	}
	c->to = c->file->size;
	if (error == 0 &&
	    (copy_tail(c) == -1 ||
		journal_file_replace(c->file, &c->new, &c->old_fd) == -1))
		error = errno;
	close_old(c);
	if (error != 0)
		give_up(c, error);
	else
		c->finished(c->arg, 0);
}

static int
note_dropped(struct compact *c, const struct archive *a)
{
	const struct history *h;

	for (h = named_first((struct named_tree *)(uintptr_t)&a->names);
	     h != NULL; h = named_next((struct named *)(uintptr_t)&h->named)) {
		struct journal_note n = { .channel = h->named.name,
			.dropped = h->log.dropped };

		if (place_cmp(n.dropped, a->forgotten) > 0 &&
		    journal_encode_note(&c->head, &n) == -1)
			return -1;
		c->n += h->log.count;
	}
	return 0;
}

static int
take_snapshot(struct compact *c, const struct archive *a)
{
	const struct history *h;
	size_t room;

	if (note_dropped(c, a) == -1)
		return -1;
	room = c->n;
	c->n = 0;
	c->messages = reallocarray(NULL, room + 1, sizeof(c->messages[0]));
	if (c->messages == NULL)
		return -1;
	for (h = named_first((struct named_tree *)(uintptr_t)&a->names);
	     h != NULL; h = named_next((struct named *)(uintptr_t)&h->named))
		for (size_t i = 0; i < h->log.count; i++)
			c->messages[c->n++] = message_ref(
			    replay_at(&h->log, i));
	return 0;
}

int
compact_start(
    struct compact *c, const struct archive *a, const struct journal_note *note)
{
	int error;

	c->n = 0;
	c->rounds = 0;
	atomic_store(&c->stopped, false);
	c->from = c->file->size;
	if (journal_encode_note(&c->head, note) == 0 &&
	    take_snapshot(c, a) == 0 &&
	    journal_file_beside(&c->new, c->file) == 0 && next_round(c) == 0)
		return 0;
	error = errno;
	if (c->messages == NULL)
		c->n = 0;
	forget_snapshot(c);
	journal_file_discard(&c->new, c->file);
	errno = error;
	return -1;
}

void
compact_stop(struct compact *c)
{
	if (!c->chore.busy)
		return;
	atomic_store(&c->stopped, true);
	chore_stop(&c->chore);
	forget_snapshot(c);
	journal_file_discard(&c->new, c->file);
}
