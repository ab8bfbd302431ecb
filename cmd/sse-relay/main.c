#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <curl/curl.h>

#include "interrupt.h"
#include "mark.h"
#include "metrics.h"
#include "notify.h"
#include "opt.h"
#include "options.h"
#include "relay.h"
#include "stdout.h"
#include "units.h"
#include "visible.h"

#define POST_BYTES ((size_t)512 << 10) /* sse-serve takes 1m, by default */
#define FILTER_TIMES 7 /* an event as JSON may be so much larger */

static bool
is_grouped(const struct conf *c)
{
	return c->source.kind == ENDPOINT_STREAM &&
	    c->source.redis.group != NULL;
}

static struct sink *
open_redis_sink(const struct conf *c)
{
	struct sink_redis_conf conf = { .to = &c->sink,
		.cargo = { .make = cargo_channels_new, .bus = &c->bus },
		.name = c->name,
		.timeout_ms = c->timeout_ms,
		.verbose = c->verbose };
	struct sink *k;
	int status;

	if (c->sink.kind == ENDPOINT_STREAM) {
		conf.cargo.make = cargo_stream_new;
		conf.cargo.key = c->sink.redis.stream;
		conf.cargo.entries = c->trims ? c->bus.log_count : 0;
	}
	if (c->source.kind == ENDPOINT_STANDARD || is_grouped(c))
		conf.name = NULL;
	if ((status = sink_redis_new(&k, &conf)) == 0)
		return k;
	if (k == NULL)
		err(status, NULL);
	errx(status, "%s", k->ops->say(k));
}

static struct state *
open_state(const struct conf *c)
{
	struct state *s;
	char *why;
	int status = state_open(&s, c->state, c->name, &why);

	if (status == 0)
		return s;
	if (why == NULL)
		err(status, NULL);
	errx(status, "%s", why);
}

/* Do gaps stand out among what it writes? */
static bool
shows_gaps(const struct conf *c)
{
	return c->format == NULL || strcmp(c->format, "sse") == 0 ||
	    strcmp(c->format, "json") == 0;
}

static struct sink *
open_sink(
    const struct conf *c, const struct follow_conf *http, struct state *state)
{
	struct sink_http_conf conf = { .to = &c->sink,
		.http = http,
		.state = state,
		.name = c->name,
		.batch_bytes = POST_BYTES,
		.timeout_ms = c->timeout_ms,
		.verbose = c->verbose };
	struct sink *k;

	if (c->sink.kind == ENDPOINT_REDIS || c->sink.kind == ENDPOINT_STREAM)
		return open_redis_sink(c);
	if (c->sink.kind == ENDPOINT_HTTP)
		k = sink_http_new(&conf);
	else
		k = sink_output_new(
		    c->output, c->source.shown, shows_gaps(c), state);
	if (k == NULL)
		err(EX_SOFTWARE, NULL);
	return k;
}

static void
say_start(const struct conf *c, const struct sink *k, struct sse_text mark)
{
	char shown[SHOWN_BYTES];

	if (c->verbose > 0 && k->marked)
		warnx("relay %s from %s to %s, mark %s", c->name,
		    c->source.shown, c->sink.shown,
		    mark.len > 0 ? visible_line(mark, shown, sizeof(shown))
				 : "none yet");
	else if (c->verbose > 0)
		warnx("relay %s from %s to %s", c->name, c->source.shown,
		    c->sink.shown);
}

static struct source *
open_source(
    const struct conf *c, const struct follow_conf *http, struct sse_text mark)
{
	/* The mark wins over --from; neither is now, which is empty. */
	bool from = mark.len == 0 && c->from != NULL &&
	    strcmp(c->from, "now") != 0;
	bool all = from && strcmp(c->from, "start") == 0;
	struct sse_text at = mark;
	struct place p;
	struct source *s;

	if (from)
		at = text_of(all ? SOURCE_REDIS_START : c->from);
	switch (c->source.kind) {
	case ENDPOINT_STANDARD:
		if (isatty(STDIN_FILENO) && c->verbose >= 0)
			warnx("reading standard input; Ctrl-D ends it");
		s = source_input_new(c->input, c->max_event);
		break;
	case ENDPOINT_HTTP:
		s = source_http_new(&c->source, http, at, c->max_event);
		break;
	case ENDPOINT_STREAM:
		s = source_stream_new(&c->source, c->name, at, all);
		break;
	default:
		if (at.len > 0 && !place_parse(at.ptr, at.len, &p))
			errx(EX_DATAERR,
			    "the mark of %s is no place in Redis: "
			    "was the name another relay's?",
			    c->name);
		s = source_redis_new(&c->source, &c->pair, &c->bus, at, all);
	}
	if (s == NULL)
		err(EX_SOFTWARE, NULL);
	return s;
}

static struct filter *
start_filter(const struct conf *c)
{
	struct filter *f;

	if (c->filter == NULL)
		return NULL;
	f = filter_new(c->filter, FILTER_TIMES * c->max_event + 4096);
	if (f == NULL)
		err(EX_SOFTWARE, "filter");
	return f;
}

static struct metrics *
open_metrics(const struct conf *c, struct tally *t)
{
	struct metrics *m;
	char why[256];
	int status;

	if (c->metrics == NULL)
		return NULL;
	status = metrics_open(&m, c->metrics, t, c->name, why, sizeof(why));
	if (status == EX_USAGE)
		opt_fault("--metrics %s: %s", c->metrics, why);
	if (status != 0)
		errx(status, "--metrics %s: %s", c->metrics, why);
	if (c->verbose > 0)
		warnx("metrics at %s", metrics_where(m));
	return m;
}

static void
announce(bool ready)
{
	notify_send(ready ? "READY=1" : "STOPPING=1");
}

static void
alive(void)
{
	notify_send("WATCHDOG=1");
}

static struct follow_conf
request_of(const struct conf *c, const struct transfer *t)
{
	return (struct follow_conf){ .headers = t->headers,
		.setup = transfer_setup,
		.arg = t,
		.connect_ms = c->http.connect_ms };
}

/* Both sides, and what is between them. */
static int
run(struct conf *c, struct tally *t)
{
	bool asks = c->source.kind == ENDPOINT_HTTP;
	struct follow_conf from = request_of(c, &c->http.from);
	struct follow_conf to = request_of(
	    c, options_http_sink(&c->http, asks));
	struct carry carry = { .name = c->via,
		.channel = c->pair.channel,
		.maps = c->maps,
		.nmaps = c->nmaps,
		.mint = c->mint,
		.routed = c->sink.kind == ENDPOINT_REDIS ||
		    (c->sink.kind == ENDPOINT_HTTP && c->sink.serve),
		.fault = c->sink.kind == ENDPOINT_REDIS ? bus_event_fault
							: event_fault };
	struct relay r = { .carry = &carry,
		.tally = t,
		.channels = c->pair.channels,
		.nchannels = c->pair.nchannels,
		.gap_fail = c->gap_fail,
		.strict = c->source.kind == ENDPOINT_STANDARD,
		.stats = c->stats,
		.verbose = c->verbose,
		.announce = announce,
		.alive = alive,
		.alive_ms = notify_watchdog_ms() / 2 };
	struct state *state = c->state != NULL ? open_state(c) : NULL;
	struct sse_text mark = { NULL, 0 };
	int status;

	r.sink = open_sink(c, &to, state);
	if (r.sink->marked)
		mark = r.sink->ops->mark(r.sink);
	say_start(c, r.sink, mark);
	r.source = open_source(c, &from, mark);
	r.filter = start_filter(c);
	status = relay_run(&r);
	filter_free(r.filter);
	r.source->ops->free(r.source);
	r.sink->ops->free(r.sink);
	state_free(state);
	carry_free(&carry);
	return status;
}

int
main(int argc, char **argv)
{
	struct tally tally = { .began_ms = 0 };
	struct metrics *metrics;
	struct conf c;
	int status;

	visible_locale();
	options_read(&c, argc, argv);
	stdout_open();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		errx(EX_SOFTWARE, "libcurl does not start");
	metrics = open_metrics(&c, &tally);
	interrupt_catch();
	relay_catch_usr1();
	status = run(&c, &tally);
	metrics_close(metrics);
	options_free(&c);
	curl_global_cleanup();
	if (status == EX_OK && interrupt_signal() != 0)
		interrupt_die();
	return status;
}
