/*
 * Where a server's own events come from: standard input, or a capture.  What
 * the hub knows of either.
 */
#ifndef SOURCE_H
#define SOURCE_H

struct source {
	/* The hub has room again: go on. */
	void (*resume)(struct source *s);
	/* Publish what is at hand, whether there is room or not. */
	void (*stop)(struct source *s);
	void (*free)(struct source *s);
};

static inline void
source_resume(struct source *s)
{
	if (s != NULL)
		s->resume(s);
}

static inline void
source_stop(struct source *s)
{
	if (s != NULL)
		s->stop(s);
}

static inline void
source_free(struct source *s)
{
	if (s != NULL)
		s->free(s);
}

#endif
