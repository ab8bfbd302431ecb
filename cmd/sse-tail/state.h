/*
 * The file of --state: for each URL the last event ID where the next run goes
 * on.  Each line is a JSON object with the members url and id.
 */
#ifndef STATE_H
#define STATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sse.h"

#define STATE_EVERY_MS 1000

struct state;

/*
 * Open and lock it for the n URLs, as messages show them (borrowed).  Those it
 * knows besides stay in it.  It ends the program: 75 when another one holds it,
 * 78 when all that it knows is of other URLs, 65 when it is no such file, 73
 * when it cannot be made, 74 when it cannot be read.
 */
struct state *state_open(const char *path, const char *const *urls, size_t n);

/* Of the URL i; NULL: it is not known yet. */
const char *state_id(const struct state *s, size_t i);

/* From now on it is this one. */
void state_set(struct state *s, size_t i, struct sse_text id);

/*
 * When it wants to be saved, clock_mono_ms(); INT64_MAX: all is.  state_save()
 * writes another file, syncs it and renames it; ends the program with 74 when
 * it cannot.
 */
int64_t state_due_ms(const struct state *s);
void state_save(struct state *s);

/* Save what is not, and unlock.  NULL is let pass. */
void state_close(struct state *s);

#endif
