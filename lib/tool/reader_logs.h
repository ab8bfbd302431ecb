/*
 * The logs of all channels of a reader, merged in the order of places: what
 * attaching gave of them and the pages behind that, of which the next one is
 * asked for while this one is handed out.  Of use to reader.c alone.
 */
#ifndef READER_LOGS_H
#define READER_LOGS_H

#include "bus.h"
#include "reader_links.h"

struct reader_logs;

/* Of the n channels, over links; all are borrowed.  NULL with ENOMEM. */
struct reader_logs *reader_logs_new(const struct bus_conf *conf,
    struct reader_links *links, const struct sse_text *channels, size_t n);
void reader_logs_free(struct reader_logs *l);

/* They are to be read again; what was handed out of them stays known. */
void reader_logs_forget(struct reader_logs *l);
/* And now that may come again, too. */
void reader_logs_rewind(struct reader_logs *l);

/*
 * Attach: *a is what Redis says, good until they are forgotten.  With read they
 * are handed out from after on, else only what comes live will be.
 */
enum redis_link_state reader_logs_attach(struct reader_logs *l,
    struct place after, bool read, struct bus_attached *a);

/*
 * After that: is anything missing between after and what the logs gave?  *next
 * is the first event there is; zero: none.
 */
bool reader_logs_gap(
    struct reader_logs *l, struct place after, struct place *next);

/* An entry of one of them. */
struct reader_logged {
	const struct bus_entry *e; /* NULL: that was all */
	struct place known; /* nothing of its channel is missing from here */
	struct place *had;  /* as reader_logs_had() */
};

/* The next entry up to limit, good until the next call. */
enum redis_link_state reader_logs_next(
    struct reader_logs *l, struct place limit, struct reader_logged *next);

/* The event of a channel that was handed out last; the caller sets it. */
struct place *reader_logs_had(struct reader_logs *l, struct sse_text channel);

#endif
