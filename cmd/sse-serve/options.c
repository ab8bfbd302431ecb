#include <ctype.h>
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sysexits.h>
#include <unistd.h>

#include "keyring.h"
#include "options.h"
#include "options_bound.h"
#include "origin.h"
#include "redis_auth.h"
#include "request.h"
#include "table.h"

static void
add_listen(struct options *o, const char *text, bool admin)
{
	if (o->nlistens == LISTENS_MAX)
		opt_fault("more than %d listen addresses", LISTENS_MAX);
	o->listens[o->nlistens].text = text;
	o->listens[o->nlistens++].admin = admin;
}

/* The administration alone serves nobody. */
static void
add_default_listen(struct options *o)
{
	for (size_t i = 0; i < o->nlistens; i++)
		if (!o->listens[i].admin)
			return;
	add_listen(o, "8080", false);
	o->listens[o->nlistens - 1].implied = true;
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
	c->retentions.base = (struct retention){ 1000, 3600000, 0 };
	c->history_bytes = (size_t)64 << 20;
	c->lag = LAG_GAP;
	c->pending = PENDING_ALL;
	c->read_stdin = input_is_ours();
	c->speed = 1;
	c->terminal = isatty(STDERR_FILENO);
	c->linger_ms = 5000;
	c->keepalive_ms = 15000;
	c->stall_ms = 60000;
	c->send_buffer = (size_t)64 << 10;
	c->retry_ms = 2000;
	c->header_ms = 10000;
	c->drain_ms = 5000;
	c->max_event = (size_t)1 << 20;
	c->once_bytes = (size_t)16 << 20;
	c->max_head = 8192;
	c->max_body = (size_t)1 << 20;
	c->max_connections = descriptors();
	c->max_channels = ROUTE_CHANNELS_MAX;
	c->redis_timeout_ms = 15000;
	c->workers = cpus < 1    ? 1
	    : cpus > WORKERS_MAX ? WORKERS_MAX
				 : (unsigned int)cpus;
	snprintf(c->instance, sizeof(c->instance), "%08x%04x", arc4random(),
	    arc4random_uniform(1 << 16));
	c->bus = BUS_CONF_DEFAULT;
	if (prefix != NULL)
		c->bus.prefix = prefix;
}

static void
set_channel(struct conf *c)
{
	c->channel = text_of(optarg);
	if (!channel_valid(c->channel))
		opt_fault("--channel \"%s\" is no channel name (1 to %d bytes "
			  "without white space and * ? [ ] \\ ,)",
		    optarg, CHANNEL_MAX);
}

static void
add_origin(struct conf *c)
{
	if (!origin_valid(optarg))
		opt_fault("--allow-origin %s is no origin "
			  "(https://www.example.org, with a port or without; "
			  "* for any)",
		    optarg);
	if (c->norigins == ORIGINS_MAX)
		opt_fault("more than %d origins", ORIGINS_MAX);
	c->origins[c->norigins++] = optarg;
}

static void
add_proxy(struct conf *c)
{
	const char *fault;

	if (trust_add(&c->trust, optarg, &fault) == -1)
		opt_fault("--trust-proxy %s: %s", optarg, fault);
}

/* Who says how it is written wants it. */
static void
set_log_format(struct options *o)
{
	if (strcmp(optarg, "combined") == 0)
		o->access_format = ACCESS_COMBINED;
	else if (strcmp(optarg, "json") == 0)
		o->access_format = ACCESS_JSON;
	else
		opt_fault(
		    "--log-format %s is neither combined nor json", optarg);
	o->access_log = true;
}

static void
set_lag(struct conf *c)
{
	if (strcmp(optarg, "gap") == 0)
		c->lag = LAG_GAP;
	else if (strcmp(optarg, "close") == 0)
		c->lag = LAG_CLOSE;
	else if (strcmp(optarg, "wait") == 0)
		c->lag = LAG_WAIT;
	else
		opt_fault("--lag %s is none of gap, close, wait", optarg);
}

static void
set_pending(struct conf *c)
{
	static const char *const words[] = { [PENDING_OFF] = "off",
		[PENDING_CLIENT] = "client",
		[PENDING_ALL] = "all" };

	for (int i = PENDING_OFF; i <= PENDING_ALL; i++)
		if (strcmp(optarg, words[i]) == 0) {
			c->pending = (enum pending)i;
			return;
		}
	opt_fault("--pending %s is none of off, client, all", optarg);
}

static void
set_refuse(struct conf *c)
{
	c->refuse_hard = strcmp(optarg, "hard") == 0;
	if (!c->refuse_hard && strcmp(optarg, "soft") != 0)
		opt_fault("--refuse %s is neither soft nor hard", optarg);
}

static void
set_fsync(struct conf *c)
{
	if (strcmp(optarg, "always") == 0)
		c->journal_sync = JOURNAL_SYNC_ALWAYS;
	else if (strcmp(optarg, "1s") == 0)
		c->journal_sync = JOURNAL_SYNC_SECOND;
	else if (strcmp(optarg, "never") == 0)
		c->journal_sync = JOURNAL_SYNC_NEVER;
	else
		opt_fault("--fsync %s is none of always, 1s, never", optarg);
}

static void
set_speed(struct conf *c)
{
	char *end;

	c->speed = strtod(optarg, &end);
	if (*optarg < '0' || *optarg > '9' || *end != '\0' ||
	    c->speed < 0.001 || c->speed > 1000000)
		opt_fault(
		    "--speed %s is no number from 0.001 to 1000000", optarg);
}

static void
set_mode(struct options *o)
{
	char *end;
	unsigned long mode = strtoul(optarg, &end, 8);

	if (*optarg < '0' || *optarg > '7' || *end != '\0' || mode > 0777)
		opt_fault("--socket-mode %s is not octal, 0 to 777", optarg);
	o->socket_mode = (mode_t)mode;
}

/* The name of a field or cookie: a token of RFC 9110. */
static const char *
header_name(const char *what)
{
	static const char marks[] = "!#$%&'*+-.^_`|~";

	for (const char *p = optarg; *p != '\0'; p++)
		if (!isalnum((unsigned char)*p) && strchr(marks, *p) == NULL)
			opt_fault("%s \"%s\" is no name (letters, digits "
				  "and -)",
			    what, optarg);
	if (*optarg == '\0')
		opt_fault("%s has no name", what);
	return optarg;
}

/* What says who a client is, taken together. */
static void
set_auth(struct options *o)
{
	struct auth_conf *a = &o->conf.auth;
	const struct trust *t = &o->conf.trust;
	char fault[KEYRING_FAULT_MAX];

	a->trust = t;
	if (a->identity_header != NULL && t->n == 0 && !t->unix_sockets)
		opt_fault("--identity-header is believed only from proxies "
			  "that --trust-proxy names");
	if (a->identity_header == NULL &&
	    (a->groups_header != NULL || a->labels_header != NULL))
		opt_fault("--groups-header and --labels-header go with "
			  "--identity-header");
	if (a->cookie != NULL && o->jwt_key == NULL)
		opt_fault("--jwt-cookie goes with --jwt-key");
	if (a->required && a->identity_header == NULL && o->jwt_key == NULL)
		opt_fault("--require-identity wants a way to tell who a "
			  "client is: --jwt-key or --identity-header");
	if (o->jwt_key == NULL)
		return;
	o->conf.keyring = keyring_open(o->jwt_key, fault);
	if (o->conf.keyring == NULL)
		errx(EX_CONFIG, "%s", fault);
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
			opt_fault("--format %s is none of line, nul, whole, "
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
	case OPT_ACCESS_LOG:
		o->access_log = true;
		o->access_path = strcmp(optarg, "-") == 0 ? NULL : optarg;
		break;
	case OPT_LOG_FORMAT:
		set_log_format(o);
		break;
	case OPT_ALLOW_ORIGIN:
		add_origin(c);
		break;
	case OPT_EXIT_ON_EOF:
		c->exit_on_eof = true;
		break;
	case OPT_FSYNC:
		set_fsync(c);
		o->has_fsync = true;
		break;
	case OPT_JOURNAL:
		c->journal = optarg;
		break;
	case OPT_LAG:
		set_lag(c);
		break;
	case OPT_GROUPS_HEADER:
		c->auth.groups_header = header_name("--groups-header");
		break;
	case OPT_IDENTITY_HEADER:
		c->auth.identity_header = header_name("--identity-header");
		break;
	case OPT_JWT_COOKIE:
		c->auth.cookie = header_name("--jwt-cookie");
		break;
	case OPT_JWT_KEY:
		o->jwt_key = optarg;
		break;
	case OPT_LABELS_HEADER:
		c->auth.labels_header = header_name("--labels-header");
		break;
	case OPT_OPEN_PUBLISH:
		c->open_publish = true;
		break;
	case OPT_PENDING:
		set_pending(c);
		break;
	case OPT_PRESENCE_EVENTS:
		c->presence_events = true;
		break;
	case OPT_PREFIX:
		c->bus.prefix = optarg;
		break;
	case OPT_PROXY_PROTOCOL:
		c->proxy_protocol = true;
		break;
	case OPT_REDIS_AUTH:
		o->redis_auth = optarg;
		break;
	case OPT_READY_FILE:
		o->ready_file = optarg;
		break;
	case OPT_REFUSE:
		set_refuse(c);
		break;
	case OPT_REQUIRE_IDENTITY:
		c->auth.required = true;
		break;
	case OPT_SHARE_PORT:
		o->share_port = true;
		break;
	case OPT_REPLAY:
		c->replay = optarg;
		c->read_stdin = false;
		break;
	case OPT_SPEED:
		set_speed(c);
		o->has_speed = true;
		break;
	case OPT_SOCKET_MODE:
		set_mode(o);
		break;
	case OPT_TRUST_PROXY:
		add_proxy(c);
		break;
	default:
		break;
	}
}

static void
set_redis(struct conf *c, const char *url, const char *auth)
{
	const char *fault, *base = getenv("SSE_REDIS_URL");
	char *password;

	if (*url == '\0' && base == NULL)
		opt_fault("-r \"\" asks for SSE_REDIS_URL, which is not set");
	if (*url == '\0')
		url = base;
	password = redis_auth_get(auth, c->verbose < 0);
	if (redis_url_parse(&c->redis, url, base, password, &fault) == -1)
		opt_fault("Redis URL: %s", fault);
	redis_url_forget(password);
	if (c->redis.nchannels > 0 || c->redis.stream != NULL)
		opt_fault("Redis URL: sse-serve reads the channels that its "
			  "clients ask for; name none");
	c->use_redis = true;
	c->bus.log_count = (unsigned int)c->retentions.base.count;
	c->bus.log_age_ms = c->retentions.base.age_ms;
	c->bus.families = &c->retentions;
}

void
options_parse(struct options *o, int argc, char **argv)
{
	const char *redis = NULL;
	int letter;

	memset(o, 0, sizeof(*o));
	set_defaults(&o->conf);
	o->socket_mode = 0660;
	while ((letter = opt_next(&table_opts, argc, argv)) != -1)
		if (!options_bound_set(&o->conf, letter))
			set(o, letter, &redis);
	if (optind < argc)
		opt_fault("unexpected operand %s (events come on standard "
			  "input)",
		    argv[optind]);
	if (redis != NULL && o->conf.lag == LAG_WAIT)
		opt_fault("--lag wait is for standard input without Redis, "
			  "which is never dropped with it");
	if (redis != NULL && o->conf.journal != NULL)
		opt_fault("--journal is for a server without Redis, which "
			  "keeps the events with it");
	if (o->has_fsync && o->conf.journal == NULL)
		opt_fault("--fsync goes with --journal");
	if (o->has_speed && o->conf.replay == NULL)
		opt_fault("--speed goes with --replay");
	if (o->share_port && redis == NULL)
		opt_fault("--share-port goes with --redis, or each process "
			  "would serve streams of its own");
	if (redis != NULL)
		set_redis(&o->conf, redis, o->redis_auth);
	if (o->conf.proxy_protocol && o->conf.trust.n == 0 &&
	    !o->conf.trust.unix_sockets)
		opt_fault("--proxy-protocol is for proxies that --trust-proxy "
			  "names");
	set_auth(o);
	add_default_listen(o);
}

void
options_clear(struct options *o)
{
	if (o->conf.use_redis)
		redis_url_free(&o->conf.redis);
	keyring_close(o->conf.keyring);
}
