/*
 * The arguments of a command while it is put together: one text behind the
 * other in one buffer.  Of use to bus*.c alone.
 */
#ifndef BUS_ARGS_H
#define BUS_ARGS_H

#include "bus.h"

/* What follows the prefix in the name of an instance's own Pub/Sub channel. */
#define BUS_MARKER "marker,"

struct bus_args {
	struct sse_buf mem;
	size_t *len; /* of each argument */
	size_t n;
	size_t cap;
};

/* Append an argument.  -1: ENOMEM, and all is as before. */
int bus_args_add(struct bus_args *a, const void *p, size_t len);
int bus_args_text(struct bus_args *a, const char *s);
int bus_args_number(struct bus_args *a, uint64_t n);
/* All of v in one argument, parted by commas; where all are the same, one. */
int bus_args_numbers(struct bus_args *a, const uint64_t *v, size_t n);
/* PREFIX, a fixed name and a variable one, in one argument. */
int bus_args_key(struct bus_args *a, const char *prefix, const char *name,
    struct sse_text rest);

/* Append the nth argument of another, or an empty one when that has none. */
int bus_args_nth(struct bus_args *to, const struct bus_args *from, size_t n);

/*
 * In place of what a holds: a producer's key and number; a relay's key, the
 * mark that it starts from and the next.  -1: ENOMEM, and a is empty.
 */
int bus_args_producer(struct bus_args *a, const char *prefix,
    const char *producer, uint64_t number);
int bus_args_mark(struct bus_args *a, const char *prefix, const char *relay,
    struct sse_text from, struct sse_text to);

/* Drop the arguments from the nth on. */
void bus_args_cut(struct bus_args *a, size_t n);
void bus_args_free(struct bus_args *a);

/*
 * A command of own's arguments, of which those from the nth on stand behind
 * middle (as many as n_middle) and before last (NULL: none).  It takes own's
 * memory, and borrows that of the others.  -1: ENOMEM; own is freed in any case.
 */
int bus_args_join(struct bus_args *own, size_t n,
    const struct bus_args *const *middle, size_t n_middle,
    const struct bus_args *last, struct bus_command *c);
int bus_args_command(struct bus_args *own, struct bus_command *c);

/* A script and the names by which Redis knows it. */
struct bus_script {
	const char *text;
	size_t len;
	const char *sha1;
};

/* EVALSHA or EVAL and the script; the count of keys follows.  -1: ENOMEM. */
int bus_args_script(
    struct bus_args *a, const struct bus_script *script, bool by_sha);

/* A text that a reply holds; empty when it is none. */
struct sse_text bus_reply_text(const redisReply *r);
struct place bus_reply_place(const redisReply *r);

#endif
