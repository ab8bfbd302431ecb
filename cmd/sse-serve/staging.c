#include <stdlib.h>
#include <string.h>

#include "journal_file.h"
#include "message.h"
#include "post.h"
#include "staging.h"

#define KEPT_BYTES ((size_t)4 << 20)

int
staging_add(struct staging *s, struct message *m, struct post *post)
{
	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 64 : s->cap * 2;
		struct staged *grown = reallocarray(s->v, cap, sizeof(*grown));

		if (grown == NULL)
			return -1;
		s->v = grown;
		s->cap = cap;
	}
	if (journal_encode_message(&s->out, m) == -1)
		return -1;
	s->v[s->n++] = (struct staged){ m, post, s->out.len };
	return 0;
}

size_t
staging_whole(const struct staging *s, size_t len)
{
	size_t n = 0;

	while (n < s->n && s->v[n].end <= len)
		n++;
	while (n > 0 && n < s->n && s->v[n].post != NULL &&
	    s->v[n].post == s->v[n - 1].post)
		n--;
	return n;
}

size_t
staging_bytes(const struct staging *s, size_t n)
{
	return n == 0 ? 0 : s->v[n - 1].end;
}

void
staging_shift(struct staging *s, size_t n)
{
	size_t bytes = staging_bytes(s, n);

	s->n -= n;
	s->out.len -= bytes;
	if (s->n > 0) {
		memmove(s->v, s->v + n, s->n * sizeof(s->v[0]));
		memmove(s->out.ptr, s->out.ptr + bytes, s->out.len);
	}
	for (size_t i = 0; i < s->n; i++)
		s->v[i].end -= bytes;
	/* What one turn brought that was large is not kept for good. */
	if (s->n == 0 && s->out.cap > KEPT_BYTES)
		sse_buf_free(&s->out);
}

void
staging_drop_posts(
    struct staging *s, void (*gone)(struct post *p, void *arg), void *arg)
{
	size_t kept = 0, at = 0, bytes = 0;

	for (size_t i = 0; i < s->n; i++) {
		struct staged one = s->v[i];
		size_t len = one.end - at;

		if (one.post != NULL) {
			message_unref(one.message);
			gone(one.post, arg);
		} else {
			memmove(s->out.ptr + bytes, s->out.ptr + at, len);
			bytes += len;
			s->v[kept++] = (struct staged){ one.message, NULL,
				bytes };
		}
		at = one.end;
	}
	s->n = kept;
	s->out.len = bytes;
}

void
staging_free(struct staging *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct post *post = s->v[i].post;

		message_unref(s->v[i].message);
		/* The last event of a post is the one that frees it. */
		if (post != NULL && ++post->done >= post->n)
			post_free(post);
	}
	free(s->v);
	sse_buf_free(&s->out);
}
