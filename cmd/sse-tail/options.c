#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "opt.h"
#include "options.h"
#include "target.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define PASSWORD_MAX 1024

/* Options without a letter. */
enum {
	OPT_CACERT = 256,
	OPT_CERT,
	OPT_COMPRESSED,
	OPT_CONNECT_TIMEOUT,
	OPT_GAP,
	OPT_IDLE,
	OPT_KEY,
	OPT_MAX_EVENT,
	OPT_NETRC,
	OPT_RESOLVE,
	OPT_RETRY,
	OPT_SHOW,
	OPT_UNIX_SOCKET,
};

static const struct opt table[] = {
	{ OPT_CACERT, "cacert", "file", "trust these authorities (PEM)" },
	{ OPT_CERT, "cert", "file", "client certificate (PEM)" },
	{ 'c', "channel", "name",
	    "read this channel of sse-serve; repeatable" },
	{ OPT_COMPRESSED, "compressed", NULL, "ask for a compressed answer" },
	{ OPT_CONNECT_TIMEOUT, "connect-timeout", "time",
	    "for each connection (30s)" },
	{ 'b', "cookie", "cookies", "send name=value; or those of a file" },
	{ 'n', "count", "count", "end after so many events (no end)" },
	{ 'd', "data", "data", "POST this; @file, @-; repeatable" },
	{ 'e', "event", "type", "only events of this type; repeatable" },
	{ 'f', "format", "format",
	    "line, nul, sse, json or a template (line)" },
	{ OPT_GAP, "gap", "what", "when events are lost: warn or fail (warn)" },
	{ 'H', "header", "line", "send this header; @file; repeatable" },
	{ 'h', "help", NULL, "print this" },
	{ 'i', "id", "id", "begin behind the event with this ID" },
	{ OPT_IDLE, "idle", "time", "silence that means a lost connection" },
	{ 'k', "insecure", NULL, "do not check the server's certificate" },
	{ '4', "ipv4", NULL, "use IPv4 only" },
	{ '6', "ipv6", NULL, "use IPv6 only" },
	{ OPT_KEY, "key", "file", "private key of --cert (PEM)" },
	{ 'L', "location", NULL,
	    "taken, as curl's (redirections are followed)" },
	{ OPT_MAX_EVENT, "max-event", "size", "drop larger events (16m)" },
	{ 'm', "max-time", "time", "end when it is up (no end)" },
	{ OPT_NETRC, "netrc", NULL, "user and password from ~/.netrc" },
	{ 'N', "no-buffer", NULL, "taken, as curl's (nothing is held back)" },
	{ 'o', "output", "file", "write there (standard output)" },
	{ 'x', "proxy", "url", "connect by this proxy" },
	{ 'q', "quiet", NULL, "no warnings" },
	{ 'X', "request", "method", "method of the request (GET)" },
	{ OPT_RESOLVE, "resolve", "address",
	    "host:port:address of a host; repeatable" },
	{ OPT_RETRY, "retry", "count",
	    "failures in a row to bear (first none, later any)" },
	{ OPT_SHOW, "show", "list", "what sse-serve is to show besides" },
	{ 'S', "show-error", NULL, "with -s, still say what ends the program" },
	{ 's', "silent", NULL, "nothing on standard error" },
	{ OPT_UNIX_SOCKET, "unix-socket", "path", "connect to this socket" },
	{ 'u', "user", "user", "user:password, or user to be asked for it" },
	{ 'A', "user-agent", "text", "the User-Agent to send" },
	{ 'v', "verbose", NULL, "tell of connections made and lost" },
	{ 'V', "version", NULL, "print the version" },
};

static const struct opts opts = {
	.table = table,
	.n = sizeof(table) / sizeof(table[0]),
	.synopsis = "[options] url",
	.summary = "Read an event stream the way curl reads a page, and keep "
		   "at it.  The url -\nis standard input.",
	.permute = true,
};

static void
add_text(const char ***list, size_t *n, const char *text)
{
	const char **longer = reallocarray(*list, *n + 1, sizeof(**list));

	if (longer == NULL)
		err(EX_SOFTWARE, NULL);
	*list = longer;
	(*list)[(*n)++] = text;
}

static void
read_channel(struct options *o)
{
	if (!channel_valid(text_of(optarg)))
		opt_fault("channel \"%s\": a name is 1 to %d bytes of UTF-8 "
			  "without white space and *?[]\\,",
		    optarg, CHANNEL_MAX);
	add_text(&o->channels, &o->nchannels, optarg);
}

static void
read_format(struct options *o)
{
	const char *fault;

	output_free(o->output);
	if ((o->output = output_new(optarg, &fault)) == NULL)
		opt_fault("format %s: %s", optarg, fault);
}

static void
read_gap(struct options *o)
{
	o->gap_fails = strcmp(optarg, "fail") == 0;
	if (!o->gap_fails && strcmp(optarg, "warn") != 0)
		opt_fault("--gap %s is neither warn nor fail", optarg);
}

static void
read_id(struct options *o)
{
	if (strpbrk(optarg, "\r\n") != NULL)
		opt_fault("an ID has no line break");
	o->last_id = optarg;
}

/* What a file holds is not for a message, hence only its name is told. */
static void
add_to_request(struct options *o, const char *what,
    int (*add)(struct transfer *, const char *, const char **))
{
	const char *fault = NULL;

	if (add(&o->transfer, optarg, &fault) == 0)
		return;
	if (*optarg != '@')
		opt_fault("%s: %s", what, fault);
	if (fault != NULL)
		errx(EX_NOINPUT, "%s %s: %s", what, optarg, fault);
	err(EX_NOINPUT, "%s", optarg + 1);
}

static void
ask_password(char *password, size_t cap, const char *user)
{
	char prompt[256];

	snprintf(prompt, sizeof(prompt), "Password of %.200s: ", user);
	if (readpassphrase(prompt, password, cap, RPP_REQUIRE_TTY) == NULL)
		opt_fault("-u %s needs a password (user:password), and there "
			  "is no terminal to ask for it",
		    user);
}

/* The list of processes shows argv, so the password goes from there. */
static void
read_user(struct options *o)
{
	char password[PASSWORD_MAX] = "";

	if (o->transfer.user != NULL)
		freezero(o->transfer.user, strlen(o->transfer.user));
	if (strchr(optarg, ':') != NULL) {
		o->transfer.user = strdup(optarg);
		explicit_bzero(optarg, strlen(optarg));
	} else {
		ask_password(password, sizeof(password), optarg);
		if (asprintf(&o->transfer.user, "%s:%s", optarg, password) ==
		    -1)
			o->transfer.user = NULL;
		explicit_bzero(password, sizeof(password));
	}
	if (o->transfer.user == NULL)
		err(EX_SOFTWARE, NULL);
}

/* What follow.h and the output are told; false: it is one of curl's letters. */
static bool
read_option(struct options *o, int letter)
{
	switch (letter) {
	case 'c':
		read_channel(o);
		break;
	case 'e':
		add_text(&o->types, &o->ntypes, optarg);
		break;
	case 'f':
		read_format(o);
		break;
	case 'i':
		read_id(o);
		break;
	case 'L':
	case 'N':
		break;
	case 'm':
		o->max_time_ms = opt_time_ms("-m", SECOND_MS, 1, 365 * DAY_MS);
		break;
	case 'n':
		o->count = (unsigned long long)opt_number("-n", 1, LLONG_MAX);
		break;
	case 'o':
		o->file = optarg;
		break;
	case 'q':
		o->quiet = true;
		break;
	case 'S':
		o->show_error = true;
		break;
	case 's':
		o->silent = true;
		break;
	case 'v':
		o->verbose = true;
		break;
	case OPT_CONNECT_TIMEOUT:
		o->connect_ms = opt_time_ms(
		    "--connect-timeout", SECOND_MS, 1, HOUR_MS);
		break;
	case OPT_GAP:
		read_gap(o);
		break;
	case OPT_IDLE:
		o->idle_ms = opt_time_ms(
		    "--idle", SECOND_MS, SECOND_MS, DAY_MS);
		break;
	case OPT_MAX_EVENT:
		o->max_event = opt_size("--max-event", 1, (size_t)1 << 30);
		break;
	case OPT_RETRY:
		o->retry = (int)opt_number("--retry", 0, 1000000);
		break;
	case OPT_SHOW:
		o->show = optarg;
		break;
	default:
		return false;
	}
	return true;
}

static void
read_curl_option(struct options *o, int letter)
{
	struct transfer *t = &o->transfer;

	switch (letter) {
	case '4':
		t->ip = CURL_IPRESOLVE_V4;
		break;
	case '6':
		t->ip = CURL_IPRESOLVE_V6;
		break;
	case 'A':
		t->agent = optarg;
		break;
	case 'b':
		t->cookies = optarg;
		break;
	case 'd':
		add_to_request(o, "-d", transfer_add_data);
		break;
	case 'H':
		add_to_request(o, "-H", transfer_add_header);
		break;
	case 'k':
		t->insecure = true;
		break;
	case 'u':
		read_user(o);
		break;
	case 'X':
		t->method = optarg;
		break;
	case 'x':
		t->proxy = optarg;
		break;
	case OPT_CACERT:
		t->cacert = optarg;
		break;
	case OPT_CERT:
		t->cert = optarg;
		break;
	case OPT_COMPRESSED:
		t->compressed = true;
		break;
	case OPT_KEY:
		t->key = optarg;
		break;
	case OPT_NETRC:
		t->netrc = true;
		break;
	case OPT_RESOLVE:
		if (transfer_add_resolve(t, optarg) == -1)
			err(EX_SOFTWARE, NULL);
		break;
	case OPT_UNIX_SOCKET:
		t->unix_socket = optarg;
		break;
	}
}

/* The format's own wish and that of --show, as one list. */
static void
join_shows(struct options *o)
{
	const char *needed = output_show(o->output);

	if (o->show == NULL || *needed == '\0') {
		o->show = o->show != NULL ? o->show : needed;
		return;
	}
	if (asprintf(&o->shows, "%s,%s", needed, o->show) == -1)
		err(EX_SOFTWARE, NULL);
	o->show = o->shows;
}

static void
read_operand(struct options *o, int argc, char **argv)
{
	const char *fault;

	if (argc == 0)
		opt_fault("there is no url (- is standard input)");
	if (argc > 1)
		opt_fault("%d operands where one may be: %s and %s", argc,
		    argv[0], argv[1]);
	if (strcmp(argv[0], "-") == 0) {
		if (o->nchannels > 0 || o->last_id != NULL)
			opt_fault("-c and -i ask a server, and there is none "
				  "behind standard input");
		return;
	}
	o->url = target_url(argv[0], o->channels, o->nchannels, &fault);
	if (o->url == NULL)
		opt_fault("url %s: %s", argv[0], fault);
}

void
options_read(struct options *o, int argc, char **argv)
{
	const char *fault;
	int letter;

	*o = (struct options){ .retry = -1 };
	while ((letter = opt_next(&opts, argc, argv)) != -1)
		if (!read_option(o, letter))
			read_curl_option(o, letter);
	if (o->output == NULL &&
	    (o->output = output_new("line", &fault)) == NULL)
		err(EX_SOFTWARE, NULL);
	read_operand(o, argc - optind, argv + optind);
	join_shows(o);
}

void
options_free(struct options *o)
{
	free(o->url);
	free(o->types);
	free(o->channels);
	free(o->shows);
	output_free(o->output);
	transfer_free(&o->transfer);
}
