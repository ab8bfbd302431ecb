#include <stdlib.h>
#include <string.h>

#include "ack.h"
#include "inquiry.h"
#include "mailbox.h"
#include "post.h"

int
mailbox_open(struct mailbox *m, struct ev_loop *loop,
    void (*ready)(struct ev_loop *, ev_async *, int), void *data)
{
	memset(m, 0, sizeof(*m));
	if (pthread_mutex_init(&m->lock, NULL) != 0)
		return -1;
	m->loop = loop;
	ev_async_init(&m->wake, ready);
	m->wake.data = data;
	ev_async_start(loop, &m->wake);
	return 0;
}

void
mailbox_close(struct mailbox *m)
{
	struct notices left = { m->notices, m->n, m->cap };

	if (m->loop == NULL)
		return;
	ev_async_stop(m->loop, &m->wake);
	notices_free(&left);
	pthread_mutex_destroy(&m->lock);
	memset(m, 0, sizeof(*m));
}

static int
make_room(struct notice **v, size_t *cap, size_t need)
{
	struct notice *grown;
	size_t want = *cap == 0 ? 16 : *cap;

	while (want < need)
		want *= 2;
	if (want == *cap)
		return 0;
	if ((grown = reallocarray(*v, want, sizeof(*grown))) == NULL)
		return -1;
	*v = grown;
	*cap = want;
	return 0;
}

int
notices_add(struct notices *b, const struct notice *n)
{
	if (make_room(&b->v, &b->cap, b->n + 1) == -1)
		return -1;
	b->v[b->n++] = *n;
	return 0;
}

/* An empty mailbox takes the whole array over; that is the usual case. */
static int
append(struct mailbox *m, struct notices *b)
{
	if (m->n == 0) {
		struct notices mine = { m->notices, 0, m->cap };

		m->notices = b->v;
		m->n = b->n;
		m->cap = b->cap;
		*b = mine;
		return 0;
	}
	if (make_room(&m->notices, &m->cap, m->n + b->n) == -1)
		return -1;
	memcpy(m->notices + m->n, b->v, b->n * sizeof(*b->v));
	m->n += b->n;
	b->n = 0;
	return 0;
}

int
mailbox_post(struct mailbox *m, struct notices *b)
{
	int full;

	if (b->n == 0)
		return 0;
	pthread_mutex_lock(&m->lock);
	if (append(m, b) == -1) {
		pthread_mutex_unlock(&m->lock);
		return -1;
	}
	if (m->n > MAILBOX_FULL)
		m->full = true;
	full = m->full;
	pthread_mutex_unlock(&m->lock);
	ev_async_send(m->loop, &m->wake);
	return full;
}

void
mailbox_take(struct mailbox *m, struct notices *b, bool *was_full)
{
	struct notices mine = *b;

	pthread_mutex_lock(&m->lock);
	*b = (struct notices){ m->notices, m->n, m->cap };
	m->notices = mine.v;
	m->n = 0;
	m->cap = mine.cap;
	*was_full = m->full;
	m->full = false;
	pthread_mutex_unlock(&m->lock);
}

void
notice_clear(struct notice *n)
{
	message_unref(n->message);
	free((char *)(uintptr_t)n->name.ptr);
	backlog_free(n->backlog);
	post_free(n->post);
	inquiry_free(n->inquiry);
	ack_free(n->ack);
}

void
notices_free(struct notices *b)
{
	for (size_t i = 0; i < b->n; i++)
		notice_clear(&b->v[i]);
	free(b->v);
	memset(b, 0, sizeof(*b));
}

struct backlog *
backlog_new(size_t room)
{
	struct backlog *b = malloc(sizeof(*b) + room * sizeof(b->messages[0]));

	if (b != NULL)
		b->n = 0;
	return b;
}

void
backlog_free(struct backlog *b)
{
	if (b == NULL)
		return;
	for (size_t i = 0; i < b->n; i++)
		message_unref(b->messages[i]);
	free(b);
}
