/*
 * A batch for a plain Redis stream, one that other software reads: as bus.h's
 * batch for channels, but nothing is minted, logged or sent.
 */
#ifndef BUS_APPEND_H
#define BUS_APPEND_H

#include "bus.h"

struct bus_append;

/*
 * For the stream key, of which entries are kept (about; 0: all).  conf and key
 * are borrowed.  NULL with ENOMEM.
 */
struct bus_append *bus_append_new(
    const struct bus_conf *conf, const char *key, unsigned int entries);
void bus_append_free(struct bus_append *b);
void bus_append_clear(struct bus_append *b);

/*
 * Append a copy of ev, whose fields become the entry's: channel, id, match,
 * priority, expires, origin, via, event, retry, data, each that is set.
 * -1: ENOMEM, and the batch is as before.
 */
int bus_append_add(struct bus_append *b, const struct event *ev);
size_t bus_append_count(const struct bus_append *b);
size_t bus_append_bytes(const struct bus_append *b);

/* As bus_batch_set_producer(), bus_batch_set_mark() and bus_batch_command(). */
int bus_append_set_producer(
    struct bus_append *b, const char *producer, uint64_t number);
int bus_append_set_mark(struct bus_append *b, const char *relay,
    struct sse_text from, struct sse_text to);
int bus_append_command(
    const struct bus_append *b, bool by_sha, struct bus_command *c);

/* As bus_batch_answer(). */
enum bus_answer bus_append_answer(const redisReply *r, struct sse_text *mark);

#endif
