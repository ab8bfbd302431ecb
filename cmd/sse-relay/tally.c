#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "event.h"
#include "place.h"
#include "tally.h"

static const struct {
	enum tally_what what;
	const char *name, *help;
} counters[] = {
	{ TALLY_READ, "events_read_total", "Events that the source gave." },
	{ TALLY_BYTES, "data_bytes_read_total", "Bytes of data in them." },
	{ TALLY_TAKEN, "events_taken_total", "Events that the sink took." },
	{ TALLY_LOOPS, "events_looped_total",
	    "Events dropped, for they had been here before." },
	{ TALLY_EXPIRED, "events_expired_total",
	    "Events dropped, for they had expired." },
	{ TALLY_BAD, "events_refused_total",
	    "Events passed over, for they cannot be published." },
	{ TALLY_FILTERED, "events_filtered_total",
	    "Events for which the filter answered nothing." },
	{ TALLY_GAPS, "source_gaps_total", "Gaps that the source told of." },
	{ TALLY_SOURCE_OPENED, "source_connections_total",
	    "Connections to the source." },
	{ TALLY_SOURCE_LOST, "source_losses_total",
	    "Times the source went out of reach." },
	{ TALLY_REWINDS, "rewinds_total",
	    "Times the sink's mark stood elsewhere." },
};

void
tally_read(struct tally *t, const struct event *ev)
{
	struct place p;

	tally_add(t, TALLY_READ, 1);
	tally_add(t, TALLY_BYTES, ev->data.len);
	if (ev->has_id && place_parse(ev->id.ptr, ev->id.len, &p) &&
	    p.ms < INT64_MAX)
		atomic_store_explicit(
		    &t->newest_ms, (int64_t)p.ms, memory_order_relaxed);
}

/* How far behind the source's newest place is, in seconds; -1: unknown. */
static double
lag_s(struct tally *t, int64_t now_unix_ms)
{
	int64_t newest = atomic_load(&t->newest_ms);

	if (newest == 0)
		return -1;
	return newest < now_unix_ms ? (double)(now_unix_ms - newest) / 1000 : 0;
}

const char *
tally_line(struct tally *t, int64_t now_mono_ms, int64_t now_unix_ms, char *buf,
    size_t cap)
{
	double s = (double)(now_mono_ms - t->began_ms) / 1000;
	uint64_t read = tally_of(t, TALLY_READ);
	double lag = lag_s(t, now_unix_ms);
	char age[48] = "";

	if (lag >= 0)
		snprintf(age, sizeof(age), ", newest %.1f s old", lag);
	snprintf(buf, cap,
	    "%" PRIu64 " events read (%" PRIu64 " bytes), %" PRIu64
	    " taken, %" PRIu64 " waiting, %" PRIu64 " looped, %" PRIu64
	    " expired, %" PRIu64 " refused, %" PRIu64 " filtered, %" PRIu64
	    " gaps, %" PRIu64 " connections, in %.1f s, %.0f/s%s",
	    read, tally_of(t, TALLY_BYTES), tally_of(t, TALLY_TAKEN),
	    atomic_load(&t->waiting), tally_of(t, TALLY_LOOPS),
	    tally_of(t, TALLY_EXPIRED), tally_of(t, TALLY_BAD),
	    tally_of(t, TALLY_FILTERED), tally_of(t, TALLY_GAPS),
	    tally_of(t, TALLY_SOURCE_OPENED), s, s > 0 ? (double)read / s : 0,
	    age);
	return buf;
}

static int
put(struct sse_buf *b, const char *name, const char *type, const char *help,
    const char *relay, double value)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "# HELP sse_relay_%s %s\n# TYPE sse_relay_%s %s\n"
	    "sse_relay_%s{relay=\"%s\"} %.15g\n",
	    name, help, name, type, name, relay, value);

	return sse_buf_append(b, text, (size_t)len);
}

int
tally_metrics(
    struct tally *t, const char *name, int64_t now_unix_ms, struct sse_buf *b)
{
	double lag = lag_s(t, now_unix_ms);

	for (size_t i = 0; i < sizeof(counters) / sizeof(counters[0]); i++)
		if (put(b, counters[i].name, "counter", counters[i].help, name,
			(double)tally_of(t, counters[i].what)) == -1)
			return -1;
	if (lag >= 0 &&
	    put(b, "newest_age_seconds", "gauge",
		"How old the newest event was by its ID.", name, lag) == -1)
		return -1;
	if (put(b, "events_waiting", "gauge",
		"Events taken and not delivered yet.", name,
		(double)atomic_load(&t->waiting)) == -1 ||
	    put(b, "source_held", "gauge",
		"Is the source not read, for the sink has no room?", name,
		atomic_load(&t->held) ? 1 : 0) == -1)
		return -1;
	return put(b, "source_up", "gauge", "Is the source connected?", name,
	    atomic_load(&t->source_open) ? 1 : 0);
}
