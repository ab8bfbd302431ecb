#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "opt.h"
#include "options.h"
#include "sink.h"
#include "units.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS (3650 * DAY_MS)
#define MAX_EVENT_DEFAULT ((size_t)1 << 20)
#define MAX_EVENT_MAX ((size_t)256 << 20)
#define PRODUCER_MORE_MS 60000
#define HISTORY_MAX 10000000

#define BATCH_MAX 10000
#define ONCE_MIN_MS 1000
#define SPOOL_DEFAULT ((size_t)64 << 20)
#define SPOOL_MAX ((size_t)1 << 40)
#define REPLICAS_MAX 100

enum long_only {
	OPT_EXPIRES = 256,
	OPT_FLUSH,
	OPT_HISTORY_AGE,
	OPT_MATCH,
	OPT_MAX_BATCH,
	OPT_MAX_EVENT,
	OPT_ONCE,
	OPT_ONCE_FOR,
	OPT_PREFIX,
	OPT_PRIORITY,
	OPT_RAW,
	OPT_REDIS_AUTH,
	OPT_REPLICAS,
	OPT_RETRY,
	OPT_SPOOL,
	OPT_SPOOL_MAX,
	OPT_SPOOL_OK,
	OPT_TIMEOUT,
	OPT_WAIT
};

static const struct opt table[] = {
	{ OPT_CACERT, "cacert", "FILE",
	    "with -u: trust these authorities (PEM)" },
	{ OPT_CERT, "cert", "FILE", "with -u: the client's certificate (PEM)" },
	{ 'e', "event", "TYPE", "event type (message)" },
	{ 'x', "exec", NULL,
	    "run a command, publish its lines and how it ends" },
	{ OPT_EXPIRES, "expires", "TIME", "not delivered later than this" },
	{ OPT_FLUSH, "flush", NULL, "publish what is in the spool, no more" },
	{ 'f', "format", "FORMAT",
	    "standard input: line, nul, whole, sse, json (line)" },
	{ 'H', "header", "LINE", "with -u: a header, or @FILE of them" },
	{ 'h', "help", NULL, "print this" },
	{ 'n', "history", "COUNT", "events Redis keeps of a channel (1000)" },
	{ OPT_HISTORY_AGE, "history-age", "TIME", "and for how long (1h)" },
	{ 'i', "id", "ID", "event ID, for one event only" },
	{ 'k', "insecure", NULL,
	    "with -u: do not check the server's certificate" },
	{ OPT_KEY, "key", "FILE", "with -u: the client's key (PEM)" },
	{ OPT_MATCH, "match", "LABELS",
	    "only to subscribers with all of 'k=v k=v'" },
	{ OPT_MAX_BATCH, "max-batch", "COUNT", "events sent at once (512)" },
	{ OPT_MAX_EVENT, "max-event", "SIZE", "refuse larger events (1m)" },
	{ OPT_BEARER, "oauth2-bearer", "TOKEN", "with -u: a token, or @FILE" },
	{ OPT_ONCE, "once", "KEY", "only if none had this key, for one event" },
	{ OPT_ONCE_FOR, "once-for", "TIME", "... within this time (1d)" },
	{ OPT_PREFIX, "prefix", "TEXT", "of names in Redis (sse:)" },
	{ OPT_PRIORITY, "priority", "LEVEL", "high or normal (default)" },
	{ 'q', "quiet", NULL, "with -x: do not pass the output through" },
	{ OPT_RAW, "raw", NULL, "plain PUBLISH: live only, no log, no ID" },
	{ 'r', "redis", "URL",
	    "Redis (SSE_REDIS_URL, redis://127.0.0.1:6379)" },
	{ OPT_REDIS_AUTH, "redis-auth-file", "FILE",
	    "whose first line is the password of Redis" },
	{ OPT_REPLICAS, "replicas", "N", "until so many replicas have it (0)" },
	{ OPT_RETRY, "retry", "MS", "reconnection time to tell, milliseconds" },
	{ 'K', "split", "SEP", "lines are CHANNEL SEP DATA" },
	{ OPT_SPOOL, "spool", "DIR",
	    "keep there what cannot be published now" },
	{ OPT_SPOOL_MAX, "spool-max", "SIZE", "of the spool (64m)" },
	{ OPT_SPOOL_OK, "spool-ok", NULL, "exit with 0 when it is kept there" },
	{ OPT_TIMEOUT, "timeout", "TIME", "wait for each answer (10s)" },
	{ 'u', "url", "URL", "an sse-serve instead of Redis: http://, unix:" },
	{ 'v', "verbose", NULL, "print the IDs of the events" },
	{ 'V', "version", NULL, "print the version" },
	{ OPT_WAIT, "wait", "N",
	    "exit with 1 unless N subscribers are reached" },
};

static const struct opts opts = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options] [channel [message]] | -x channel command ...",
	.summary = "Publish message, or each line of standard input, as an "
		   "event of channel.",
};

/* Data, and names too, are UTF-8 when they leave. */
static struct sse_text
argument(const char *what, const char *s)
{
	struct sse_text t = text_of(s);

	if (sse_utf8_valid(t.ptr, t.len) != t.len)
		opt_fault("%s is not UTF-8", what);
	return t;
}

static void
add_match(struct conf *c)
{
	struct sse_text all, labels = argument("--match", optarg);
	struct event scratch = EVENT_NONE;

	if (labels.len == 0 ||
	    event_set_field(&scratch, TEXT("match"), labels) != 1)
		opt_fault("--match %s is not of the form 'k=v k=v'", optarg);
	if ((c->match.len > 0 && sse_buf_append(&c->match, " ", 1) == -1) ||
	    sse_buf_append(&c->match, labels.ptr, labels.len) == -1)
		err(EX_SOFTWARE, NULL);
	all = (struct sse_text){ c->match.ptr, c->match.len };
	c->defaults.ev.match = all;
}

static void
set_id(struct conf *c)
{
	c->defaults.ev.id = argument("--id", optarg);
	c->defaults.ev.has_id = true;
	if (*optarg == '\0')
		opt_fault("--id is empty");
}

static void
set_once(struct conf *c)
{
	c->once = argument("--once", optarg);
	c->field = "--once";
	if (*optarg == '\0')
		opt_fault("--once is empty");
}

static void
set_priority(struct conf *c)
{
	if (strcmp(optarg, "high") != 0 && strcmp(optarg, "normal") != 0)
		opt_fault("--priority %s is neither high nor normal", optarg);
	c->defaults.ev.high = strcmp(optarg, "high") == 0;
}

static void
set_format(struct conf *c)
{
	if (input_format_parse(optarg, &c->format) == -1)
		opt_fault("--format %s is none of line, nul, whole, sse, json",
		    optarg);
	c->format_given = true;
}

/* As in C, since a tab is hard to type: \t, \0 and the backslash itself. */
static void
set_split(struct conf *c)
{
	struct sse_text sep = argument("--split", optarg);

	c->split.len = 0;
	for (size_t i = 0; i < sep.len; i++) {
		char ch = sep.ptr[i];

		if (ch == '\\' && i + 1 < sep.len) {
			ch = sep.ptr[++i];
			if (ch != 't' && ch != '\\')
				opt_fault("--split %s: only \\t and \\\\ are "
					  "escapes",
				    optarg);
			ch = ch == 't' ? '\t' : ch;
		}
		if (sse_buf_append(&c->split, &ch, 1) == -1)
			err(EX_SOFTWARE, NULL);
	}
	if (c->split.len == 0)
		opt_fault("--split is empty");
}

/* Options of what an event is published with, and where. */
static bool
read_way(struct conf *c, int letter)
{
	switch (letter) {
	case OPT_FLUSH:
		c->flush = true;
		break;
	case OPT_MAX_BATCH:
		c->max_batch = (size_t)opt_number("--max-batch", 1, BATCH_MAX);
		break;
	case OPT_ONCE_FOR:
		c->bus.once_ms = opt_time_ms(
		    "--once-for", 1000, ONCE_MIN_MS, TIME_MAX_MS);
		c->redis_only = "--once-for";
		break;
	case 'q':
		c->quiet = true;
		break;
	case OPT_RAW:
		c->raw = true;
		c->redis_only = "--raw";
		break;
	case OPT_REDIS_AUTH:
		c->redis_auth = optarg;
		c->redis_only = "--redis-auth-file";
		break;
	case OPT_REPLICAS:
		c->replicas = (unsigned int)opt_number(
		    "--replicas", 0, REPLICAS_MAX);
		c->redis_only = c->field = "--replicas";
		break;
	case 'K':
		set_split(c);
		break;
	case OPT_SPOOL:
		c->spool = optarg;
		c->field = "--spool";
		break;
	case OPT_SPOOL_MAX:
		c->spool_max = opt_size("--spool-max", 4096, SPOOL_MAX);
		break;
	case OPT_SPOOL_OK:
		c->spool_ok = true;
		break;
	case OPT_WAIT:
		c->wait = (uint64_t)opt_number("--wait", 1, INT32_MAX);
		break;
	default:
		return false;
	}
	return true;
}

static void
read_option(struct conf *c, int letter)
{
	if (options_http_take(&c->http, letter) || read_way(c, letter))
		return;
	switch (letter) {
	case 'x':
		c->exec = true;
		break;
	case 'e':
		c->defaults.ev.type = argument("--event", optarg);
		c->field = "--event";
		break;
	case OPT_EXPIRES:
		c->defaults.expires_in_ms = opt_time_ms(
		    "--expires", 1000, 1, TIME_MAX_MS);
		c->field = "--expires";
		break;
	case 'f':
		set_format(c);
		break;
	case 'n':
		c->bus.log_count = (unsigned int)opt_number(
		    "--history", 0, HISTORY_MAX);
		c->redis_only = c->field = "--history";
		break;
	case OPT_HISTORY_AGE:
		c->bus.log_age_ms = opt_time_ms(
		    "--history-age", 1000, 0, TIME_MAX_MS);
		c->redis_only = c->field = "--history-age";
		break;
	case 'i':
		set_id(c);
		c->field = "--id";
		break;
	case OPT_MATCH:
		add_match(c);
		c->field = "--match";
		break;
	case OPT_MAX_EVENT:
		c->max_event = opt_size("--max-event", 1, MAX_EVENT_MAX);
		break;
	case OPT_ONCE:
		set_once(c);
		break;
	case OPT_PREFIX:
		c->bus.prefix = optarg;
		c->redis_only = "--prefix";
		break;
	case OPT_PRIORITY:
		set_priority(c);
		c->field = "--priority";
		break;
	case 'r':
		c->redis = optarg;
		break;
	case OPT_RETRY:
		c->defaults.ev.retry_ms = opt_time_ms(
		    "--retry", 1, 0, SSE_RETRY_MAX_MS);
		c->field = "--retry";
		break;
	case OPT_TIMEOUT:
		c->timeout_ms = opt_time_ms("--timeout", 1000, 1, 7 * DAY_MS);
		break;
	case 'v':
		c->verbose = true;
		break;
	}
}

static void
read_operands(struct conf *c, int argc, char **argv)
{
	if (c->flush && argc > 0)
		opt_fault("--flush publishes what is in the spool, and there "
			  "are operands");
	if (c->exec && argc < 2)
		opt_fault("--exec needs a channel and a command");
	if (!c->exec && argc > 2)
		opt_fault("%d operands, not 2: options go before them, the "
			  "message in quotes",
		    argc);
	if (argc > 0 && !channel_valid(text_of(argv[0])))
		opt_fault("\"%.*s\" is not the name of a channel (1 to %d "
			  "bytes of UTF-8, no white space, none of *?[]\\,)",
		    CHANNEL_MAX, argv[0], CHANNEL_MAX);
	if (argc > 0)
		c->defaults.ev.channel = text_of(argv[0]);
	if (c->exec)
		c->command = argv + 1;
	else if (argc > 1)
		c->message = argv[1];
}

static void
check_places(const struct conf *c)
{
	if (!bus_prefix_valid(c->bus.prefix))
		opt_fault("prefix %s is not 1 to %d printable characters "
			  "without space and *?[]\\,",
		    c->bus.prefix, BUS_PREFIX_MAX);
	if (c->redis != NULL && c->http.url != NULL)
		opt_fault("--redis and --url are two places to publish to");
	if (c->http.url != NULL && c->redis_only != NULL)
		opt_fault("%s is for Redis, and --url is none", c->redis_only);
	options_http_check(&c->http);
	if (c->flush && c->spool == NULL)
		opt_fault("--flush needs --spool");
	if (c->spool_ok && c->spool == NULL)
		opt_fault("--spool-ok needs --spool");
	if (c->spool != NULL && c->wait > 0)
		opt_fault("--wait asks who is reached now, and what is in a "
			  "spool reaches nobody");
}

static void
check_raw(const struct conf *c)
{
	if (c->field != NULL)
		opt_fault("--raw is a plain PUBLISH, %s is for events that "
			  "are more than data",
		    c->field);
	if (c->format == INPUT_SSE || c->format == INPUT_JSON)
		opt_fault("--raw is a plain PUBLISH of data: -f line, nul or "
			  "whole");
	if (c->verbose)
		opt_fault("--raw mints no ID that --verbose could print");
	if (c->command != NULL)
		opt_fault("--raw bears no types, and --exec needs some");
}

/* What goes with one event only, or with none. */
static void
check_input(const struct conf *c)
{
	bool one = c->message != NULL ||
	    (c->command == NULL && c->format == INPUT_WHOLE);
	bool names = c->split.len > 0 ||
	    (c->format_given &&
		(c->format == INPUT_SSE || c->format == INPUT_JSON));

	if ((c->message != NULL || c->command != NULL) &&
	    (c->format_given || c->split.len > 0))
		opt_fault("--%s is for standard input, and there is a %s",
		    c->format_given ? "format" : "split",
		    c->message != NULL ? "message" : "command");
	if (c->split.len > 0 && c->format != INPUT_LINE &&
	    c->format != INPUT_NUL)
		opt_fault("--split is for -f line and nul");
	if (c->defaults.ev.channel.len == 0 && !names && !c->flush)
		opt_fault("which channel? (only -K, -f sse and -f json may "
			  "name it)");
	if (!one && c->defaults.ev.has_id)
		opt_fault("--id is for one event: a message, or -f whole");
	if (!one && c->once.len > 0)
		opt_fault("--once is for one event: a message, or -f whole");
	if (c->command != NULL && c->defaults.ev.type.len > 0)
		opt_fault("--exec has event types of its own");
	if (c->quiet && c->command == NULL)
		opt_fault("--quiet is for --exec");
	if (c->verbose && c->command != NULL)
		opt_fault("--verbose would mix IDs with the command's output");
}

/* What each alone may be, and together may not. */
static void
check(const struct conf *c)
{
	const char *fault;

	check_places(c);
	check_input(c);
	if (c->raw)
		check_raw(c);
	if ((fault = event_fault(&c->defaults.ev)) != NULL)
		opt_fault("%s", fault);
}

void
options_read(struct conf *c, int argc, char **argv)
{
	int letter;

	*c = (struct conf){
		.defaults = DEFAULTS_NONE,
		.bus = BUS_CONF_DEFAULT,
		.format = INPUT_LINE,
		.max_event = MAX_EVENT_DEFAULT,
		.max_batch = SINK_BATCH_EVENTS,
		.spool_max = SPOOL_DEFAULT,
		.timeout_ms = 10000,
	};
	if (getenv("SSE_PREFIX") != NULL)
		c->bus.prefix = getenv("SSE_PREFIX");
	while ((letter = opt_next(&opts, argc, argv)) != -1)
		read_option(c, letter);
	read_operands(c, argc - optind, argv + optind);
	check(c);
	/*
	 * A batch is sent again within the time-out or not at all, so what
	 * Redis remembers of this run need not stay there much longer.
	 */
	c->bus.producer_ms = c->timeout_ms + PRODUCER_MORE_MS;
}

void
options_free(struct conf *c)
{
	sse_buf_free(&c->match);
	sse_buf_free(&c->split);
	options_http_free(&c->http);
}
