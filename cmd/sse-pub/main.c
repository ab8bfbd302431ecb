#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "bus.h"
#include "feed.h"
#include "http.h"
#include "interrupt.h"
#include "opt.h"
#include "redis_url.h"
#include "sink_http.h"
#include "sink_redis.h"
#include "units.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS (3650 * DAY_MS)
#define MAX_EVENT_DEFAULT ((size_t)1 << 20)
#define MAX_EVENT_MAX ((size_t)256 << 20)
#define PRODUCER_MORE_MS 60000
#define HISTORY_MAX 10000000

enum long_only {
	OPT_EXPIRES = 256,
	OPT_HISTORY_AGE,
	OPT_MATCH,
	OPT_MAX_EVENT,
	OPT_ONCE,
	OPT_PREFIX,
	OPT_PRIORITY,
	OPT_RETRY,
	OPT_TIMEOUT
};

static const struct opt table[] = {
	{ 'e', "event", "TYPE", "event type (message)" },
	{ OPT_EXPIRES, "expires", "TIME", "not delivered later than this" },
	{ 'f', "format", "FORMAT",
	    "standard input: line, nul, whole, sse, json (line)" },
	{ 'h', "help", NULL, "print this" },
	{ 'n', "history", "COUNT", "events Redis keeps of a channel (1000)" },
	{ OPT_HISTORY_AGE, "history-age", "TIME", "and for how long (1h)" },
	{ 'i', "id", "ID", "event ID, for one event only" },
	{ OPT_MATCH, "match", "LABELS",
	    "only to subscribers with all of 'k=v k=v'" },
	{ OPT_MAX_EVENT, "max-event", "SIZE", "refuse larger events (1m)" },
	{ OPT_ONCE, "once", "KEY",
	    "only if none had this key within 24h, for one event" },
	{ OPT_PREFIX, "prefix", "TEXT", "of names in Redis (sse:)" },
	{ OPT_PRIORITY, "priority", "LEVEL", "high or normal (default)" },
	{ 'r', "redis", "URL",
	    "Redis (SSE_REDIS_URL, redis://127.0.0.1:6379)" },
	{ OPT_RETRY, "retry", "MS", "reconnection time to tell, milliseconds" },
	{ OPT_TIMEOUT, "timeout", "TIME", "wait for each answer (10s)" },
	{ 'u', "url", "URL", "an sse-serve instead of Redis: http://, unix:" },
	{ 'v', "verbose", NULL, "print the IDs of the events" },
	{ 'V', "version", NULL, "print the version" },
};

static const struct opts opts = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options] [channel [message]]",
	.summary = "Publish message, or each line of standard input, as an "
		   "event of channel.",
};

/* The command line; constant once it is read. */
struct conf {
	struct defaults defaults;
	struct sse_buf match; /* labels of all --match, joined */
	struct bus_conf bus;
	struct sse_text once;
	const char *message; /* NULL: standard input */
	enum input_format format;
	bool format_given;
	const char *redis_only; /* an option given that is for Redis alone */
	const char *redis;      /* NULL: not given */
	const char *url;        /* NULL: not given */
	size_t max_event;
	int64_t timeout_ms;
	bool verbose;
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
	c->redis_only = "--once";
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

static void
set_url(struct conf *c)
{
	const char *fault = http_base_fault(optarg);

	if (fault != NULL)
		opt_fault("--url: %s", fault);
	c->url = optarg;
}

static void
read_option(struct conf *c, int letter)
{
	switch (letter) {
	case 'e':
		c->defaults.ev.type = argument("--event", optarg);
		break;
	case OPT_EXPIRES:
		c->defaults.expires_in_ms = opt_time_ms(
		    "--expires", 1000, 1, TIME_MAX_MS);
		break;
	case 'f':
		set_format(c);
		break;
	case 'n':
		c->bus.log_count = (unsigned int)opt_number(
		    "--history", 0, HISTORY_MAX);
		c->redis_only = "--history";
		break;
	case OPT_HISTORY_AGE:
		c->bus.log_age_ms = opt_time_ms(
		    "--history-age", 1000, 0, TIME_MAX_MS);
		c->redis_only = "--history-age";
		break;
	case 'i':
		set_id(c);
		break;
	case OPT_MATCH:
		add_match(c);
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
		break;
	case 'r':
		c->redis = optarg;
		break;
	case OPT_RETRY:
		c->defaults.ev.retry_ms = opt_time_ms(
		    "--retry", 1, 0, SSE_RETRY_MAX_MS);
		break;
	case OPT_TIMEOUT:
		c->timeout_ms = opt_time_ms("--timeout", 1000, 1, 7 * DAY_MS);
		break;
	case 'u':
		set_url(c);
		break;
	case 'v':
		c->verbose = true;
		break;
	}
}

static void
read_operands(struct conf *c, int argc, char **argv)
{
	if (argc > 2)
		opt_fault(
		    "%d operands, not 2: options go before them, the message in quotes",
		    argc);
	if (argc > 0 && !channel_valid(text_of(argv[0])))
		opt_fault("\"%.*s\" is not the name of a channel (1 to %d "
			  "bytes of UTF-8, no white space, none of *?[]\\,)",
		    CHANNEL_MAX, argv[0], CHANNEL_MAX);
	if (argc > 0)
		c->defaults.ev.channel = text_of(argv[0]);
	if (argc > 1)
		c->message = argv[1];
}

/* What each alone may be, and together may not. */
static void
check(const struct conf *c)
{
	bool one = c->message != NULL || c->format == INPUT_WHOLE;
	bool names = c->format_given &&
	    (c->format == INPUT_SSE || c->format == INPUT_JSON);
	const char *fault;

	if (!bus_prefix_valid(c->bus.prefix))
		opt_fault("prefix %s is not 1 to %d printable characters "
			  "without space and *?[]\\,",
		    c->bus.prefix, BUS_PREFIX_MAX);
	if (c->redis != NULL && c->url != NULL)
		opt_fault("--redis and --url are two places to publish to");
	if (c->url != NULL && c->redis_only != NULL)
		opt_fault("%s is for Redis, and --url is none", c->redis_only);
	if (c->message != NULL && c->format_given)
		opt_fault("--format is for standard input, and there is a "
			  "message");
	if (c->defaults.ev.channel.len == 0 && !names)
		opt_fault("which channel? (only -f sse and -f json may name "
			  "it)");
	if (!one && c->defaults.ev.has_id)
		opt_fault("--id is for one event: a message, or -f whole");
	if (!one && c->once.len > 0)
		opt_fault("--once is for one event: a message, or -f whole");
	if ((fault = event_fault(&c->defaults.ev)) != NULL)
		opt_fault("%s", fault);
}

static void
read_command_line(struct conf *c, int argc, char **argv)
{
	int letter;

	*c = (struct conf){
		.defaults = DEFAULTS_NONE,
		.bus = BUS_CONF_DEFAULT,
		.format = INPUT_LINE,
		.max_event = MAX_EVENT_DEFAULT,
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

/* Where Redis is.  The password, if it comes from elsewhere, is copied. */
static void
read_redis_url(struct redis_url *u, const struct conf *c)
{
	const char *url = c->redis, *fault;
	const char *from = url != NULL ? "--redis" : "SSE_REDIS_URL";
	char *password;
	bool lax = false;

	if (url == NULL && (url = getenv("SSE_REDIS_URL")) == NULL)
		url = "redis://127.0.0.1:6379";
	if (redis_url_env_password(&password, &lax) == -1)
		err(EX_CONFIG, "SSE_REDIS_PASSWORD_FILE %s",
		    getenv("SSE_REDIS_PASSWORD_FILE"));
	if (lax)
		warnx("SSE_REDIS_PASSWORD_FILE can be read by others: "
		      "chmod 600 %s",
		    getenv("SSE_REDIS_PASSWORD_FILE"));
	if (redis_url_parse(u, url, NULL, password, &fault) == -1)
		opt_fault("%s: %s", from, fault);
	redis_url_forget(password);
	if (u->nchannels > 0 || u->stream != NULL)
		opt_fault("%s names a channel, which is an operand", from);
}

static struct sink *
new_sink(const struct conf *c, const struct redis_url *u)
{
	const char *fault = "out of memory";
	struct sink *s;

	if (c->url != NULL)
		s = sink_http_new(c->url, c->timeout_ms, &fault);
	else
		s = sink_redis_new(u, &c->bus, c->once, c->timeout_ms);
	if (s == NULL)
		errx(EX_SOFTWARE, "%s", fault);
	s->tell = c->verbose;
	return s;
}

static int
publish_message(const struct conf *c, struct sink *s)
{
	struct event ev = EVENT_NONE;
	struct sse_buf data = { 0 };
	enum sink_state state;

	if (sse_utf8_append(&data, c->message, strlen(c->message)) == -1)
		err(EX_SOFTWARE, NULL);
	ev.data = (struct sse_text){ data.ptr, data.len };
	ev.has_data = true;
	if (data.len > c->max_event)
		errx(EX_DATAERR,
		    "a message of more than %zu bytes is refused "
		    "(--max-event)",
		    c->max_event);
	defaults_fill(&c->defaults, &ev, clock_unix_ms());
	if (sink_add(s, &ev) == -1)
		err(EX_SOFTWARE, NULL);
	sse_buf_free(&data);
	state = sink_send(s);
	if (state == SINK_SENT)
		state = sink_receive(s);
	if (state != SINK_FAILED && sink_tell_ids(s) == 0)
		return EX_OK;
	if (state != SINK_FAILED) {
		warn("standard output");
		return EX_IOERR;
	}
	warnx("%s%s", s->fault,
	    s->unsure ? "; the message may have been published" : "");
	return s->status;
}

static int
publish_input(const struct conf *c, struct sink *s)
{
	struct feed *f = feed_new(STDIN_FILENO, interrupt_fd(), c->format,
	    c->max_event, &c->defaults, s);
	int status;

	if (f == NULL)
		err(EX_SOFTWARE, NULL);
	if (isatty(STDIN_FILENO))
		warnx("reading standard input, %s; Ctrl-D ends it",
		    c->format == INPUT_LINE ? "a line is an event"
					    : "as --format says");
	status = feed_run(f);
	feed_free(f);
	return status;
}

/*
 * A socket that got the number of a closed standard descriptor would be read
 * as input, or be sent messages.  What stands there instead fails when used.
 */
static void
fill_standard_descriptors(void)
{
	for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
		if (fcntl(fd, F_GETFD) == -1 &&
		    open("/dev/null",
			fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) == -1)
			exit(EX_SOFTWARE);
}

int
main(int argc, char **argv)
{
	struct redis_url redis = { 0 };
	struct conf conf;
	struct sink *sink;
	int status = EX_OK;

	fill_standard_descriptors();
	read_command_line(&conf, argc, argv);
	if (conf.url == NULL)
		read_redis_url(&redis, &conf);
	interrupt_catch();
	signal(SIGPIPE, SIG_IGN); /* a write tells */
	sink = new_sink(&conf, &redis);
	if (conf.url == NULL && sink_redis_open(sink) == SINK_FAILED) {
		warnx("%s", sink->fault);
		status = sink->status;
	} else if (conf.message != NULL)
		status = publish_message(&conf, sink);
	else
		status = publish_input(&conf, sink);
	sink_free(sink);
	redis_url_free(&redis);
	sse_buf_free(&conf.match);
	if (interrupt_signal() != 0)
		interrupt_die();
	return status;
}
