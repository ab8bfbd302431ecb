#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "opt.h"
#include "options.h"
#include "origin.h"
#include "request.h"

#define DAY_MS INT64_C(86400000)
#define WORKERS_MAX 64 /* as many as bits in history.followers */

enum {
	OPT_ALLOW_ORIGIN = 256,
	OPT_EXIT_ON_EOF,
	OPT_HEADER_TIMEOUT,
	OPT_HISTORY_AGE,
	OPT_HISTORY_BYTES,
	OPT_KEEPALIVE,
	OPT_LAG,
	OPT_LINGER,
	OPT_MAX_BODY,
	OPT_MAX_CONNECTIONS,
	OPT_MAX_EVENT,
	OPT_MAX_HEAD,
	OPT_OPEN_PUBLISH,
	OPT_PREFIX,
	OPT_READY_FILE,
	OPT_RETRY,
	OPT_SOCKET_MODE,
	OPT_DRAIN,
};

static const struct opt table[] = {
	{ 'a', "admin", "ADDRESS",
	    "administration: loopback or unix:PATH; none" },
	{ OPT_ALLOW_ORIGIN, "allow-origin", "ORIGIN",
	    "whose pages may read and publish, or * (repeatable)" },
	{ 'c', "channel", "NAME",
	    "channel of input that names none; broadcast" },
	{ OPT_DRAIN, "drain", "TIME", "time to flush when it is stopped; 5s" },
	{ OPT_EXIT_ON_EOF, "exit-on-eof", NULL,
	    "end once standard input has ended and is delivered" },
	{ 'f', "format", "FORMAT",
	    "of standard input: line, nul, whole, sse, json; line" },
	{ OPT_HEADER_TIMEOUT, "header-timeout", "TIME",
	    "time to send a request, and to take its answer; 10s" },
	{ 'h', "help", NULL, "show this" },
	{ 'n', "history", "N", "events kept a channel; 1000" },
	{ OPT_HISTORY_AGE, "history-age", "TIME",
	    "how long events are kept; 1h" },
	{ OPT_HISTORY_BYTES, "history-bytes", "SIZE",
	    "bytes kept in all channels; 64m" },
	{ OPT_KEEPALIVE, "keepalive", "TIME",
	    "comment to streams idle so long, 0 for none; 15s" },
	{ OPT_LAG, "lag", "gap|wait",
	    "who falls behind has a gap, or holds the input; gap" },
	{ OPT_LINGER, "linger", "TIME",
	    "with --exit-on-eof, how long to answer 204; 5s" },
	{ 'l', "listen", "ADDRESS",
	    "[HOST:]PORT or unix:PATH (repeatable); 8080" },
	{ OPT_MAX_BODY, "max-body", "SIZE", "of a POST; 1m" },
	{ OPT_MAX_CONNECTIONS, "max-connections", "N",
	    "at a time; as many as there are descriptors" },
	{ OPT_MAX_EVENT, "max-event", "SIZE", "of an event; 1m" },
	{ OPT_MAX_HEAD, "max-head", "SIZE", "of a request's head; 8k" },
	{ OPT_OPEN_PUBLISH, "open-publish", NULL,
	    "let anyone publish by POST on every listener" },
	{ OPT_PREFIX, "prefix", "TEXT",
	    "of all names in Redis; SSE_PREFIX, else sse:" },
	{ 'q', "quiet", NULL, "say nothing but errors" },
	{ OPT_READY_FILE, "ready-file", "FILE",
	    "write the URLs there once they are listened on" },
	{ 'r', "redis", "URL",
	    "share events through Redis; \"\" for SSE_REDIS_URL" },
	{ OPT_RETRY, "retry", "MS",
	    "reconnection time told to clients, in ms; 2000" },
	{ OPT_SOCKET_MODE, "socket-mode", "MODE",
	    "of Unix sockets, octal; 660" },
	{ 'v', "verbose", NULL, "say more (repeatable)" },
	{ 'V', "version", NULL, "show the version" },
	{ 'w', "workers", "N", "threads that serve; one a processor" },
};

static const struct opts options = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options]",
	.summary = "Serve event streams over HTTP, fed by standard input, "
		   "POST and Redis.",
};

static void
add_listen(struct options *o, const char *text, bool admin)
{
	if (o->nlistens == LISTENS_MAX)
		opt_fault("more than %d listen addresses", LISTENS_MAX);
	o->listens[o->nlistens].text = text;
	o->listens[o->nlistens++].admin = admin;
}

/* A terminal in the background would stop whoever reads it. */
static bool
input_is_ours(void)
{
	return !isatty(STDIN_FILENO) || tcgetpgrp(STDIN_FILENO) == getpgrp();
}

/* As many connections as descriptors, less those for everything else. */
static size_t
descriptors(void)
{
	struct rlimit rl;

	if (getrlimit(RLIMIT_NOFILE, &rl) == -1)
		return 1000;
	rl.rlim_cur = rl.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &rl);
	if (getrlimit(RLIMIT_NOFILE, &rl) == -1 || rl.rlim_cur < 200)
		return 100;
	return rl.rlim_cur > 1000000 ? 1000000 : (size_t)rl.rlim_cur - 100;
}

static void
set_defaults(struct conf *c)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	const char *prefix = getenv("SSE_PREFIX");

	c->channel = TEXT("broadcast");
	c->format = INPUT_LINE;
	c->history_count = 1000;
	c->history_bytes = (size_t)64 << 20;
	c->history_age_ms = 3600000;
	c->lag = LAG_GAP;
	c->read_stdin = input_is_ours();
	c->linger_ms = 5000;
	c->keepalive_ms = 15000;
	c->retry_ms = 2000;
	c->header_ms = 10000;
	c->drain_ms = 5000;
	c->max_event = (size_t)1 << 20;
	c->max_head = 8192;
	c->max_body = (size_t)1 << 20;
	c->max_connections = descriptors();
	c->workers = cpus < 1    ? 1
	    : cpus > WORKERS_MAX ? WORKERS_MAX
				 : (unsigned int)cpus;
	c->bus = BUS_CONF_DEFAULT;
	if (prefix != NULL)
		c->bus.prefix = prefix;
}

static void
set_channel(struct conf *c)
{
	c->channel = text_of(optarg);
	if (!channel_valid(c->channel))
		opt_fault("channel \"%s\" is no channel name (1 to %d bytes "
			  "without white space and * ? [ ] \\ ,)",
		    optarg, CHANNEL_MAX);
}

static void
add_origin(struct conf *c)
{
	if (!origin_valid(optarg))
		opt_fault("origin %s is none (https://www.example.org, with a "
			  "port or without; * for any)",
		    optarg);
	if (c->norigins == ORIGINS_MAX)
		opt_fault("more than %d origins", ORIGINS_MAX);
	c->origins[c->norigins++] = optarg;
}

static void
set_lag(struct conf *c)
{
	if (strcmp(optarg, "gap") == 0)
		c->lag = LAG_GAP;
	else if (strcmp(optarg, "wait") == 0)
		c->lag = LAG_WAIT;
	else
		opt_fault("lag %s is neither gap nor wait", optarg);
}

static void
set_mode(struct options *o)
{
	char *end;
	unsigned long mode = strtoul(optarg, &end, 8);

	if (*optarg < '0' || *optarg > '7' || *end != '\0' || mode > 0777)
		opt_fault("socket mode %s is not octal, 0 to 777", optarg);
	o->socket_mode = (mode_t)mode;
}

/* Options that set a number, a time or a size.  False: it is none of them. */
static bool
set_bound(struct conf *c, int letter)
{
	switch (letter) {
	case 'n':
		c->history_count = (size_t)opt_number("history", 1, 10000000);
		break;
	case 'w':
		c->workers = (unsigned int)opt_number(
		    "workers", 1, WORKERS_MAX);
		break;
	case OPT_DRAIN:
		c->drain_ms = opt_time_ms("drain", 1000, 0, DAY_MS);
		break;
	case OPT_HEADER_TIMEOUT:
		c->header_ms = opt_time_ms("header timeout", 1000, 100, DAY_MS);
		break;
	case OPT_HISTORY_AGE:
		c->history_age_ms = opt_time_ms(
		    "history age", 1000, 1000, 3650 * DAY_MS);
		break;
	case OPT_HISTORY_BYTES:
		c->history_bytes = (size_t)opt_size(
		    "history bytes", 4096, (unsigned long long)1 << 40);
		break;
	case OPT_KEEPALIVE:
		c->keepalive_ms = opt_time_ms("keepalive", 1000, 0, DAY_MS);
		break;
	case OPT_LINGER:
		c->linger_ms = opt_time_ms("linger", 1000, 0, DAY_MS);
		break;
	case OPT_MAX_BODY:
		c->max_body = (size_t)opt_size("max body", 1, 1u << 30);
		break;
	case OPT_MAX_CONNECTIONS:
		c->max_connections = (size_t)opt_number(
		    "max connections", 1, 10000000);
		break;
	case OPT_MAX_EVENT:
		c->max_event = (size_t)opt_size("max event", 1, 1u << 30);
		break;
	case OPT_MAX_HEAD:
		c->max_head = (size_t)opt_size("max head", 256, 1u << 20);
		break;
	case OPT_RETRY:
		c->retry_ms = opt_number("retry", 0, DAY_MS);
		break;
	default:
		return false;
	}
	return true;
}

static void
set(struct options *o, int letter, const char **redis)
{
	struct conf *c = &o->conf;

	switch (letter) {
	case 'a':
		add_listen(o, optarg, true);
		break;
	case 'c':
		set_channel(c);
		break;
	case 'f':
		if (input_format_parse(optarg, &c->format) == -1)
			opt_fault("format %s is none of line, nul, whole, "
				  "sse, json",
			    optarg);
		break;
	case 'l':
		add_listen(o, optarg, false);
		break;
	case 'q':
		c->verbose = -1;
		break;
	case 'r':
		*redis = optarg;
		break;
	case 'v':
		c->verbose++;
		break;
	case OPT_ALLOW_ORIGIN:
		add_origin(c);
		break;
	case OPT_EXIT_ON_EOF:
		c->exit_on_eof = true;
		break;
	case OPT_LAG:
		set_lag(c);
		break;
	case OPT_OPEN_PUBLISH:
		c->open_publish = true;
		break;
	case OPT_PREFIX:
		c->bus.prefix = optarg;
		break;
	case OPT_READY_FILE:
		o->ready_file = optarg;
		break;
	case OPT_SOCKET_MODE:
		set_mode(o);
		break;
	default:
		break;
	}
}

static void
set_redis(struct conf *c, const char *url)
{
	const char *fault, *base = getenv("SSE_REDIS_URL");
	char *password;
	bool lax;

	if (*url == '\0' && base == NULL)
		opt_fault("-r \"\" asks for SSE_REDIS_URL, which is not set");
	if (*url == '\0')
		url = base;
	if (redis_url_env_password(&password, &lax) == -1)
		err(EX_CONFIG, "SSE_REDIS_PASSWORD_FILE %s",
		    getenv("SSE_REDIS_PASSWORD_FILE"));
	if (lax)
		warnx("SSE_REDIS_PASSWORD_FILE can be read by others: "
		      "chmod 600 %s",
		    getenv("SSE_REDIS_PASSWORD_FILE"));
	if (redis_url_parse(&c->redis, url, base, password, &fault) == -1)
		opt_fault("Redis URL: %s", fault);
	redis_url_forget(password);
	if (c->redis.nchannels > 0 || c->redis.stream != NULL)
		opt_fault("Redis URL: sse-serve reads the channels that its "
			  "clients ask for; name none");
	c->use_redis = true;
	c->bus.log_count = (unsigned int)c->history_count;
	c->bus.log_age_ms = c->history_age_ms;
}

void
options_parse(struct options *o, int argc, char **argv)
{
	const char *redis = NULL;
	int letter;

	memset(o, 0, sizeof(*o));
	set_defaults(&o->conf);
	o->socket_mode = 0660;
	while ((letter = opt_next(&options, argc, argv)) != -1)
		if (!set_bound(&o->conf, letter))
			set(o, letter, &redis);
	if (optind < argc)
		opt_fault("unexpected operand %s (events come on standard "
			  "input)",
		    argv[optind]);
	if (redis != NULL && o->conf.lag == LAG_WAIT)
		opt_fault("--lag wait is for standard input without Redis, "
			  "which is never dropped with it");
	if (redis != NULL)
		set_redis(&o->conf, redis);
	if (o->nlistens == 0)
		add_listen(o, "8080", false);
}

void
options_clear(struct options *o)
{
	if (o->conf.use_redis)
		redis_url_free(&o->conf.redis);
}
