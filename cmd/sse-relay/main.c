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
#include "name.h"
#include "opt.h"
#include "relay.h"
#include "stdout.h"
#include "units.h"
#include "visible.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS (3650 * DAY_MS)
#define MAX_EVENT_DEFAULT ((size_t)1 << 20)
#define MAX_EVENT_MAX ((size_t)256 << 20)
#define HISTORY_MAX 10000000

enum long_only {
	OPT_FROM = 256,
	OPT_GAP,
	OPT_HISTORY_AGE,
	OPT_MAX_EVENT,
	OPT_PREFIX,
	OPT_TIMEOUT
};

static const struct opt table[] = {
	{ 'f', "format", "FORMAT",
	    "of - as source or sink: sse, json, line, ...; sse" },
	{ OPT_FROM, "from", "WHERE",
	    "start without a mark: now (default), start, an ID" },
	{ OPT_GAP, "gap", "WHAT",
	    "when events are lost: warn (default), fail" },
	{ 'h', "help", NULL, "print this" },
	{ 'n', "history", "COUNT", "events Redis keeps of a channel (1000)" },
	{ OPT_HISTORY_AGE, "history-age", "TIME", "and for how long (1h)" },
	{ OPT_MAX_EVENT, "max-event", "SIZE", "refuse larger events (1m)" },
	{ 'N', "name", "NAME", "whose mark it is (made from source and sink)" },
	{ OPT_PREFIX, "prefix", "TEXT", "of names in Redis (sse:)" },
	{ 'q', "quiet", NULL, "say only what is lost and why it ends" },
	{ 'r', "redis", "URL",
	    "of redis:CHANNEL; SSE_REDIS_URL, else localhost" },
	{ OPT_TIMEOUT, "timeout", "TIME",
	    "give up a sink that is away for so long (0: never)" },
	{ 'v', "verbose", NULL, "say the name, the start, the connections" },
	{ 'V', "version", NULL, "print the version" },
};

static const struct opts opts = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options] source sink",
	.summary =
	    "Carry events from source to sink without losing any: "
	    "http://..., redis:CHANNEL,\nredis://HOST/?channel=NAME or -.",
};

/* The command line; constant once it is read. */
struct conf {
	struct endpoint source;
	struct endpoint sink;
	struct endpoint_pair pair;
	struct bus_conf bus;
	const char *format; /* NULL: not given */
	enum input_format input;
	struct output *output; /* of a sink - */
	const char *from;      /* NULL: not given */
	const char *redis;     /* NULL: not given */
	const char *name;      /* NULL: not given */
	char made[NAME_MADE];
	const char *via; /* what events bear of it: the name given, or made */
	char made_via[NAME_MADE];
	size_t max_event;
	int64_t timeout_ms;
	bool gap_fail;
	int verbose; /* -1: quiet */
};

static const char *
environment(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value != '\0' ? value : NULL;
}

static void
set_gap(struct conf *c)
{
	c->gap_fail = strcmp(optarg, "fail") == 0;
	if (!c->gap_fail && strcmp(optarg, "warn") != 0)
		opt_fault("--gap %s is neither warn nor fail", optarg);
}

static void
set_name(struct conf *c)
{
	c->name = optarg;
	if (!name_valid(optarg))
		opt_fault("--name \"%s\" is not 1 to %d letters, digits, ., _ "
			  "and -",
		    optarg, NAME_MAX_BYTES);
}

static void
set_option(struct conf *c, int letter)
{
	switch (letter) {
	case 'f':
		c->format = optarg;
		break;
	case OPT_FROM:
		c->from = optarg;
		break;
	case OPT_GAP:
		set_gap(c);
		break;
	case 'n':
		c->bus.log_count = (unsigned int)opt_number(
		    "--history", 0, HISTORY_MAX);
		break;
	case OPT_HISTORY_AGE:
		c->bus.log_age_ms = opt_time_ms(
		    "--history-age", 1000, 0, TIME_MAX_MS);
		break;
	case OPT_MAX_EVENT:
		c->max_event = opt_size("--max-event", 1, MAX_EVENT_MAX);
		break;
	case 'N':
		set_name(c);
		break;
	case OPT_PREFIX:
		c->bus.prefix = optarg;
		break;
	case 'q':
		c->verbose = -1;
		break;
	case 'r':
		c->redis = optarg;
		break;
	case OPT_TIMEOUT:
		c->timeout_ms = opt_time_ms("--timeout", 1000, 0, TIME_MAX_MS);
		break;
	case 'v':
		c->verbose = 1;
		break;
	}
}

static void
read_endpoint(struct endpoint *e, const char *what, const char *s,
    const char *base, const char *password)
{
	const char *fault;

	if (endpoint_parse(e, s, base, password, &fault) == 0)
		return;
	if (fault == NULL)
		err(EX_SOFTWARE, NULL);
	/* It may hold a password. */
	opt_fault("%s %s: %s", what, strchr(s, '@') != NULL ? "URL" : s, fault);
}

static void
read_endpoints(struct conf *c, char **operands)
{
	const char *base = c->redis, *fault;
	char *password = NULL;
	bool lax = false;

	if (base == NULL)
		base = environment("SSE_REDIS_URL");
	if (redis_url_env_password(&password, &lax) == -1)
		err(EX_CONFIG, "%s", environment("SSE_REDIS_PASSWORD_FILE"));
	if (lax && c->verbose >= 0)
		warnx("%s: others can read the password",
		    environment("SSE_REDIS_PASSWORD_FILE"));
	read_endpoint(&c->source, "source", operands[0], base, password);
	read_endpoint(&c->sink, "sink", operands[1], base, password);
	redis_url_forget(password);
	if (endpoint_join(&c->pair, &c->source, &c->sink, &fault) == -1)
		opt_fault("%s", fault);
}

static void
check_format(struct conf *c)
{
	const char *format = c->format != NULL ? c->format : "sse", *fault;

	if (c->source.kind == ENDPOINT_STANDARD) {
		if (input_format_parse(format, &c->input) == -1)
			opt_fault("--format %s is none of sse, json, line, "
				  "nul, whole",
			    format);
	} else if (c->sink.kind == ENDPOINT_STANDARD) {
		if ((c->output = output_new(format, &fault)) == NULL)
			opt_fault("--format %s: %s", format, fault);
		output_set_terminal(c->output, isatty(STDOUT_FILENO) == 1);
	} else if (c->format != NULL)
		opt_fault("--format is for -, which is neither source nor "
			  "sink here");
}

static void
check_from(const struct conf *c)
{
	struct place p;

	if (c->from == NULL || strcmp(c->from, "now") == 0)
		return;
	if (c->source.kind == ENDPOINT_STANDARD)
		opt_fault("--from is not for standard input, which is read "
			  "from where it stands");
	if (c->source.kind == ENDPOINT_HTTP) {
		if (strcmp(c->from, "start") == 0)
			opt_fault("--from start is for Redis; ask an sse-serve "
				  "for ?last=N");
		if (strpbrk(c->from, "\r\n") != NULL)
			opt_fault("--from is no event ID");
	} else if (strcmp(c->from, "start") != 0 &&
	    !place_parse(c->from, strlen(c->from), &p))
		opt_fault("--from %s is neither now nor start nor a place in "
			  "Redis, as 1763630000000-0",
		    c->from);
}

/*
 * A mark is to be found again whatever the machine is called today.  In "via",
 * where the names of many machines' relays meet, what is local has to say of
 * which one it is.
 */
static void
make_names(struct conf *c)
{
	char host[256] = "";

	if (c->source.local || c->sink.local)
		(void)gethostname(host, sizeof(host) - 1);
	name_make(c->source.identity, c->sink.identity, "", c->made);
	name_make(c->source.identity, c->sink.identity, host, c->made_via);
	c->name = c->made;
	c->via = c->made_via;
}

static void
check_operands(int n, char **operands)
{
	if (n == 2)
		return;
	if (n > 2 && operands[2][0] == '-' && operands[2][1] != '\0')
		opt_fault(
		    "options stand before source and sink: %s", operands[2]);
	opt_fault("two operands are needed, source and sink; there %s %d",
	    n == 1 ? "is" : "are", n);
}

static void
read_command_line(struct conf *c, int argc, char **argv)
{
	int letter;

	*c = (struct conf){ .bus = BUS_CONF_DEFAULT,
		.max_event = MAX_EVENT_DEFAULT };
	if (environment("SSE_PREFIX") != NULL)
		c->bus.prefix = environment("SSE_PREFIX");
	while ((letter = opt_next(&opts, argc, argv)) != -1)
		set_option(c, letter);
	check_operands(argc - optind, argv + optind);
	read_endpoints(c, argv + optind);
	check_format(c);
	check_from(c);
	if (!bus_prefix_valid(c->bus.prefix))
		opt_fault("--prefix \"%s\" is not 1 to %d printable characters "
			  "without space, *, ?, [, ], \\ and ,",
		    c->bus.prefix, BUS_PREFIX_MAX);
	if (c->name == NULL)
		make_names(c);
	else
		c->via = c->name;
}

static struct sink *
open_sink(const struct conf *c)
{
	struct sink_redis_conf conf = { &c->sink, &c->bus, c->name,
		c->timeout_ms, c->verbose };
	struct sink *k;
	int status;

	if (c->sink.kind == ENDPOINT_REDIS) {
		if (c->source.kind == ENDPOINT_STANDARD)
			conf.name = NULL;
		if ((status = sink_redis_new(&k, &conf)) == 0)
			return k;
		if (k == NULL)
			err(status, NULL);
		errx(status, "%s", k->ops->say(k));
	}
	if ((k = sink_output_new(c->output, c->source.shown)) == NULL)
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
open_source(const struct conf *c, struct sse_text mark)
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
		s = source_http_new(&c->source, at, c->max_event);
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

int
main(int argc, char **argv)
{
	struct conf c;
	struct relay r = { 0 };
	struct carry carry = { 0 };
	struct sse_text mark = { NULL, 0 };
	int status;

	visible_locale();
	read_command_line(&c, argc, argv);
	stdout_open();
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		errx(EX_SOFTWARE, "libcurl does not start");
	carry.name = c.via;
	carry.channel = c.pair.channel;
	carry.mint = carry.routed = c.sink.kind == ENDPOINT_REDIS;
	r.carry = &carry;
	r.gap_fail = c.gap_fail;
	r.strict = c.source.kind == ENDPOINT_STANDARD;
	r.verbose = c.verbose;
	r.sink = open_sink(&c);
	if (r.sink->marked)
		mark = r.sink->ops->mark(r.sink);
	say_start(&c, r.sink, mark);
	r.source = open_source(&c, mark);
	interrupt_catch();
	status = relay_run(&r);
	r.source->ops->free(r.source);
	r.sink->ops->free(r.sink);
	carry_free(&carry);
	endpoint_free(&c.source);
	endpoint_free(&c.sink);
	curl_global_cleanup();
	if (status == EX_OK && interrupt_signal() != 0)
		interrupt_die();
	return status;
}
