#include <inttypes.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "metrics.h"

/* One number of struct counters. */
struct figure {
	const char *name, *type, *help;
	size_t at; /* in struct counters */
};

#define FIGURE(name, type, member, help)              \
	{                                             \
		"sse_serve_" name, type, help,        \
		    offsetof(struct counters, member) \
	}

static const struct figure figures[] = {
	FIGURE("connections", "gauge", connections_now,
	    "Connections open, the one that asks included."),
	FIGURE("connections_accepted_total", "counter", accepted,
	    "Connections accepted."),
	FIGURE("accept_pauses_total", "counter", pauses,
	    "How often there were no descriptors for new connections."),
	FIGURE("streams", "gauge", streams_now, "Event streams open."),
	FIGURE("streams_stalled", "gauge", stalled_now,
	    "Event streams that do not take what is due to them."),
	FIGURE(
	    "streams_opened_total", "counter", streams, "Event streams begun."),
	FIGURE("received_bytes_total", "counter", bytes_in,
	    "Bytes received from clients."),
	FIGURE(
	    "sent_bytes_total", "counter", bytes_out, "Bytes sent to clients."),
	FIGURE("event_bytes_total", "counter", event_bytes,
	    "Bytes of the events that have come, as encoded."),
	FIGURE("input_faults_total", "counter", input_faults,
	    "What was passed over of standard input."),
	FIGURE("deliveries_total", "counter", deliveries,
	    "Events handed to connections."),
	FIGURE("gaps_total", "counter", gaps,
	    "Gaps that subscribers were told of."),
	FIGURE("access_log_lost_total", "counter", access_lost,
	    "Lines of the access log that could not be written."),
	FIGURE("channels", "gauge", channels_now,
	    "Channels that are known: read, or with a log."),
	FIGURE("log_events", "gauge", log_events,
	    "Events kept for those who come back."),
	FIGURE("log_bytes", "gauge", log_bytes, "Memory that they take."),
};

static const struct figure redis_figures[] = {
	FIGURE("redis_up", "gauge", redis_up,
	    "Whether both links to Redis are up."),
	FIGURE("redis_losses_total", "counter", redis_losses,
	    "How often Redis was lost."),
	FIGURE("redis_foreign_total", "counter", foreign,
	    "Messages of Redis that were dropped, for they are not ours."),
};

/* Numbers that differ by one label. */
struct family {
	const char *name, *label, *help;
	const char *const *values;
	size_t n, at;
};

static const struct family families[] = {
	{ "sse_serve_events_total", "source", "Events that have come.",
	    origin_kind_names, FROM_KINDS, offsetof(struct counters, events) },
	{ "sse_serve_connections_closed_total", "outcome",
	    "Connections closed, by what came of them.", outcome_names,
	    OUTCOMES, offsetof(struct counters, outcomes) },
	{ "sse_serve_streams_closed_total", "reason",
	    "Event streams ended, and why.", ending_names, ENDINGS,
	    offsetof(struct counters, endings) },
	{ "sse_serve_refusals_total", "reason", "Requests refused, and why.",
	    refusal_names, REFUSALS, offsetof(struct counters, refusals) },
};

__attribute__((format(printf, 2, 3))) static int
put(struct sse_buf *b, const char *fmt, ...)
{
	char line[320];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	return sse_buf_append(b, line, (size_t)n);
}

static int
put_head(
    struct sse_buf *b, const char *name, const char *type, const char *help)
{
	return put(b, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static uint64_t
number(const struct counters *sum, size_t at)
{
	uint64_t n;

	memcpy(&n, (const char *)sum + at, sizeof(n));
	return n;
}

static int
put_figures(struct sse_buf *b, const struct counters *sum,
    const struct figure *f, size_t n)
{
	for (; n-- > 0; f++)
		if (put_head(b, f->name, f->type, f->help) == -1 ||
		    put(b, "%s %" PRIu64 "\n", f->name, number(sum, f->at)) ==
			-1)
			return -1;
	return 0;
}

static int
put_family(
    struct sse_buf *b, const struct counters *sum, const struct family *f)
{
	if (put_head(b, f->name, "counter", f->help) == -1)
		return -1;
	for (size_t i = 0; i < f->n; i++)
		if (put(b, "%s{%s=\"%s\"} %" PRIu64 "\n", f->name, f->label,
			f->values[i],
			number(sum, f->at + i * sizeof(uint64_t))) == -1)
			return -1;
	return 0;
}

static int
put_delays(struct sse_buf *b, const char *name, const char *help,
    const struct delays *d)
{
	uint64_t n = 0;

	if (put_head(b, name, "histogram", help) == -1)
		return -1;
	for (size_t i = 0; i < DELAYS; i++) {
		n += d->n[i];
		if (put(b, "%s_bucket{le=\"%g\"} %" PRIu64 "\n", name,
			(double)delay_bounds_us[i] / 1e6, n) == -1)
			return -1;
	}
	n += d->n[DELAYS];
	return put(b,
	    "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum %.6f\n"
	    "%s_count %" PRIu64 "\n",
	    name, n, name, (double)d->sum_us / 1e6, name, n);
}

static int
put_value(struct sse_buf *b, const char *name, const char *type,
    const char *help, double value)
{
	return put_head(b, name, type, help) == -1 ||
		put(b, "%s %.15g\n", name, value) == -1
	    ? -1
	    : 0;
}

static int
put_process(struct sse_buf *b, const struct process *p)
{
	return put_value(b, "process_cpu_seconds_total", "counter",
		   "Processor time used.", p->cpu_s) == -1 ||
		put_value(b, "process_resident_memory_bytes", "gauge",
		    "Resident memory.", (double)p->resident_bytes) == -1 ||
		put_value(b, "process_open_fds", "gauge", "Descriptors open.",
		    (double)p->open_fds) == -1 ||
		put_value(b, "process_max_fds", "gauge",
		    "Descriptors there may be.", (double)p->max_fds) == -1 ||
		put_value(b, "process_start_time_seconds", "gauge",
		    "Unix time of the start.", p->started_s) == -1
	    ? -1
	    : 0;
}

static int
put_all(struct sse_buf *b, const struct metrics *m)
{
	static const char build[] = "sse_serve_build_info";

	if (put_head(b, build, "gauge", "The version, as a label.") == -1 ||
	    put(b, "%s{version=\"%s\"} 1\n", build, m->version) == -1 ||
	    put_figures(
		b, m->sum, figures, sizeof(figures) / sizeof(figures[0])) == -1)
		return -1;
	if (m->redis &&
	    put_figures(b, m->sum, redis_figures,
		sizeof(redis_figures) / sizeof(redis_figures[0])) == -1)
		return -1;
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (put_family(b, m->sum, &families[i]) == -1)
			return -1;
	return 0;
}

int
metrics_append(struct sse_buf *b, const struct metrics *m)
{
	return put_all(b, m) == -1 ||
		put_delays(b, "sse_serve_lag_seconds",
		    "How old the oldest event of a write was, to a stream "
		    "that had all before.",
		    &m->sum->lag) == -1 ||
		put_value(b, "sse_serve_lag_largest_seconds", "gauge",
		    "How old the oldest event is that a stream has yet to "
		    "take.",
		    (double)m->lag_max_ms / 1000) == -1 ||
		put_delays(b, "sse_serve_loop_seconds",
		    "How long the turns of all event loops took, without "
		    "waiting.",
		    &m->sum->turns) == -1 ||
		put_process(b, &m->process) == -1
	    ? -1
	    : 0;
}
