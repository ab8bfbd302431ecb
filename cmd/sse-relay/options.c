#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "opt.h"
#include "options.h"
#include "redis_auth.h"
#include "secret.h"
#include "units.h"

#define DAY_MS INT64_C(86400000)
#define TIME_MAX_MS (3650 * DAY_MS)
#define MAX_EVENT_DEFAULT ((size_t)1 << 20)
#define MAX_EVENT_MAX ((size_t)256 << 20)
#define HISTORY_MAX 10000000

enum long_only {
	OPT_FILTER = 256,
	OPT_FROM,
	OPT_GAP,
	OPT_HISTORY_AGE,
	OPT_KEEP_ID,
	OPT_MAP,
	OPT_MAX_EVENT,
	OPT_METRICS,
	OPT_PREFIX,
	OPT_REDIS_AUTH,
	OPT_STATE,
	OPT_STATS,
	OPT_TIMEOUT
};

static const struct opt table[] = {
	{ OPT_CACERT, "cacert", "FILE", "trust these authorities (PEM)" },
	{ OPT_CERT, "cert", "FILE", "client certificate (PEM)" },
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "TIME",
	    "for each connection to a URL (30s)" },
	{ OPT_FILTER, "filter", "CMD", "events pass through it as JSON lines" },
	{ 'f', "format", "FORMAT",
	    "of - as source or sink: sse, json, line, ...; sse" },
	{ OPT_FROM, "from", "WHERE",
	    "start without a mark: now (default), start, an ID" },
	{ OPT_GAP, "gap", "WHAT",
	    "when events are lost: warn (default), fail" },
	{ 'H', "header", "LINE", "send this header; @FILE; repeatable" },
	{ 'h', "help", NULL, "print this" },
	{ 'n', "history", "COUNT", "events Redis keeps of a channel (1000)" },
	{ OPT_HISTORY_AGE, "history-age", "TIME", "and for how long (1h)" },
	{ 'k', "insecure", NULL, "do not check the server's certificate" },
	{ OPT_KEEP_ID, "keep-id", "WHAT",
	    "on (default); off: the sink makes new IDs" },
	{ OPT_KEY, "key", "FILE", "private key of --cert (PEM)" },
	{ OPT_MAP, "map", "FROM=TO",
	    "put channel FROM into TO, each with a *; repeatable" },
	{ OPT_MAX_EVENT, "max-event", "SIZE", "refuse larger events (1m)" },
	{ OPT_METRICS, "metrics", "ADDR",
	    "answer /metrics at PORT of the loopback or unix:PATH" },
	{ 'N', "name", "NAME", "whose mark it is (made from source and sink)" },
	{ OPT_NETRC, "netrc", NULL, "user and password from ~/.netrc" },
	{ OPT_BEARER, "oauth2-bearer", "TOKEN", "send this token; @FILE" },
	{ OPT_PREFIX, "prefix", "TEXT", "of names in Redis (sse:)" },
	{ OPT_PROXY, "proxy", "URL", "connect by this proxy" },
	{ 'q', "quiet", NULL, "say only what is lost and why it ends" },
	{ 'r', "redis", "URL",
	    "of redis:CHANNEL; SSE_REDIS_URL, else localhost" },
	{ OPT_REDIS_AUTH, "redis-auth-file", "FILE",
	    "whose first line is the password of Redis" },
	{ OPT_RESOLVE, "resolve", "ADDRESS",
	    "host:port:address of a host; repeatable" },
	{ OPT_SINK_HEADER, "sink-header", "LINE",
	    "the sink's, when both sides are URLs" },
	{ OPT_SINK_BEARER, "sink-oauth2-bearer", "TOKEN", "likewise" },
	{ OPT_STATE, "state", "FILE",
	    "keep the mark there, where the sink does not" },
	{ OPT_STATS, "stats", NULL, "say at the end what was done" },
	{ OPT_TIMEOUT, "timeout", "TIME",
	    "give up a sink that is away for so long (0: never)" },
	{ OPT_UNIX_SOCKET, "unix-socket", "PATH", "connect to this socket" },
	{ OPT_USER, "user", "USER:PASSWORD", "for the server" },
	{ 'v', "verbose", NULL, "say the name, the start, the connections" },
	{ 'V', "version", NULL, "print the version" },
};

static const struct opts opts = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options] source sink",
	.summary = "Carry events from source to sink without losing any: "
		   "http://..., redis:CHANNEL,\nredis://HOST/?channel=NAME, "
		   "stream:KEY or -.",
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
set_keep_id(struct conf *c)
{
	c->mint = strcmp(optarg, "off") == 0;
	if (!c->mint && strcmp(optarg, "on") != 0)
		opt_fault("--keep-id %s is neither on nor off", optarg);
}

static void
add_map(struct conf *c)
{
	struct map *longer = reallocarray(
	    c->maps, c->nmaps + 1, sizeof(*c->maps));
	const char *fault;

	if (longer == NULL)
		err(EX_SOFTWARE, NULL);
	c->maps = longer;
	if (map_parse(&c->maps[c->nmaps++], optarg, &fault) == -1)
		opt_fault("--map %s: %s", optarg, fault);
}

static void
set_option(struct conf *c, int letter)
{
	if (options_http_take(&c->http, letter))
		return;
	switch (letter) {
	case 'f':
		c->format = optarg;
		break;
	case OPT_FILTER:
		c->filter = optarg;
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
		c->trims = true;
		break;
	case OPT_HISTORY_AGE:
		c->bus.log_age_ms = opt_time_ms(
		    "--history-age", 1000, 0, TIME_MAX_MS);
		break;
	case OPT_KEEP_ID:
		set_keep_id(c);
		break;
	case OPT_MAP:
		add_map(c);
		break;
	case OPT_MAX_EVENT:
		c->max_event = opt_size("--max-event", 1, MAX_EVENT_MAX);
		break;
	case OPT_METRICS:
		c->metrics = optarg;
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
	case OPT_REDIS_AUTH:
		c->redis_auth = optarg;
		break;
	case OPT_STATE:
		c->state = optarg;
		break;
	case OPT_STATS:
		c->stats = true;
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
	char *password = redis_auth_get(c->redis_auth, c->verbose < 0);

	if (base == NULL)
		base = environment("SSE_REDIS_URL");
	read_endpoint(&c->source, "source", operands[0], base, password);
	read_endpoint(&c->sink, "sink", operands[1], base, password);
	redis_url_forget(password);
	if (endpoint_join(
		&c->pair, &c->source, &c->sink, c->maps, c->nmaps, &fault) == 0)
		return;
	if (fault == NULL)
		err(EX_SOFTWARE, NULL);
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

/* A Redis keeps the mark itself, and a group of it is one. */
static void
check_state(const struct conf *c)
{
	if (c->state == NULL)
		return;
	if (c->sink.kind == ENDPOINT_REDIS || c->sink.kind == ENDPOINT_STREAM)
		opt_fault("--state is not for a sink in Redis, which keeps the "
			  "mark itself");
	if (c->source.kind == ENDPOINT_STANDARD)
		opt_fault("--state is not for standard input, which cannot be "
			  "read again");
	if (c->source.kind == ENDPOINT_STREAM && c->source.redis.group != NULL)
		opt_fault("--state is not for a source with a group, which "
			  "keeps the mark itself");
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
warn_of_secrets(const struct conf *c)
{
	if (c->http.lax != NULL && c->verbose >= 0)
		warnx(SECRET_LAX, c->http.lax);
}

void
options_read(struct conf *c, int argc, char **argv)
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
	check_state(c);
	options_http_finish(&c->http, c->source.kind == ENDPOINT_HTTP,
	    c->sink.kind == ENDPOINT_HTTP);
	warn_of_secrets(c);
	if (!bus_prefix_valid(c->bus.prefix))
		opt_fault("--prefix \"%s\" is not 1 to %d printable characters "
			  "without space, *, ?, [, ], \\ and ,",
		    c->bus.prefix, BUS_PREFIX_MAX);
	if (c->name == NULL)
		make_names(c);
	else
		c->via = c->name;
}

void
options_free(struct conf *c)
{
	endpoint_free(&c->source);
	endpoint_free(&c->sink);
	options_http_free(&c->http);
	free(c->maps);
}
