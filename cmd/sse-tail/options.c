#include <err.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "file.h"
#include "options.h"
#include "options_curl.h"
#include "say.h"
#include "secret.h"
#include "table.h"
#include "target.h"

#define SECOND_MS INT64_C(1000)
#define HOUR_MS (3600 * SECOND_MS)
#define DAY_MS (24 * HOUR_MS)
#define URLS_MAX 10000

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

/* Which of three words it is. */
static int
read_word(const char *what, const char *const words[static 3])
{
	for (int i = 0; i < 3; i++)
		if (strcmp(optarg, words[i]) == 0)
			return i;
	opt_fault("%s %s is none of %s, %s, %s", what, optarg, words[0],
	    words[1], words[2]);
}

static void
read_grep(struct options *o)
{
	char fault[256];

	if (select_add_grep(&o->select, optarg, fault, sizeof(fault)) == -1)
		opt_fault("--grep %s: %s", optarg, fault);
}

static void
read_id(struct options *o)
{
	if (strpbrk(optarg, "\r\n") != NULL)
		opt_fault("an ID has no line break");
	o->last_id = optarg;
}

static void read_words(struct options *o, int argc, char **argv);

/* As if the file's options stood where -K does. */
static void
read_config(struct options *o)
{
	const struct transfer *t = &o->transfer, had = *t;
	struct config *c = &o->configs[o->nconfigs];
	const char *path = optarg, *fault = NULL, *stood_in;
	struct sse_buf b = { 0 };
	int before = optind;
	size_t line;

	if (o->nconfigs == CONFIGS_MAX)
		opt_fault("-K is given more than %d times", CONFIGS_MAX);
	if (file_read(path, &b, &fault) == -1) {
		if (fault != NULL)
			errx(EX_NOINPUT, "%s: %s", path, fault);
		err(EX_NOINPUT, "%s", path);
	}
	if (config_read(c, getprogname(), b.len > 0 ? b.ptr : "", b.len, &fault,
		&line) == -1)
		opt_fault("%s, line %zu: %s", path, line, fault);
	explicit_bzero(b.ptr, b.len);
	sse_buf_free(&b);
	o->nconfigs++;
	optind = 0;
	stood_in = opt_stand_in(path);
	read_words(o, c->n, c->words);
	(void)opt_stand_in(stood_in);
	optind = before;
	if ((t->user != had.user || t->bearer != had.bearer ||
		t->proxy_user != had.proxy_user) &&
	    secret_lax(path))
		o->lax = path;
}

static int64_t
read_time(const char *what, int64_t min_ms, int64_t max_ms)
{
	return opt_time_ms(what, SECOND_MS, min_ms, max_ms);
}

/* Which events there are, and when it is enough. */
static bool
read_selection(struct options *o, int letter)
{
	switch (letter) {
	case 'e':
		if (*optarg == '\0')
			opt_fault("-e is empty: events that name no type are "
				  "of type message");
		if (select_add_type(&o->select, optarg) == -1)
			err(EX_SOFTWARE, NULL);
		break;
	case 'i':
		read_id(o);
		break;
	case 'm':
		o->max_time_ms = read_time("-m", 1, 365 * DAY_MS);
		break;
	case 'n':
		o->count = (unsigned long long)opt_number("-n", 1, LLONG_MAX);
		break;
	case OPT_GREP:
		read_grep(o);
		break;
	case OPT_IDLE_EXIT:
		o->idle_exit_ms = read_time("--idle-exit", 1, 365 * DAY_MS);
		break;
	case OPT_LAST:
		o->last = (unsigned long long)opt_number(
		    "--last", 1, LLONG_MAX);
		break;
	case OPT_UNTIL:
		o->select.until = optarg;
		break;
	default:
		return false;
	}
	return true;
}

/* When a connection is given up, and when it is made again. */
static bool
read_patience(struct options *o, int letter)
{
	switch (letter) {
	case OPT_CONNECT_TIMEOUT:
		o->connect_ms = read_time("--connect-timeout", 1, HOUR_MS);
		break;
	case OPT_FAIL_EARLY:
		o->fail_early = true;
		break;
	case OPT_IDLE_TIMEOUT:
		o->idle_ms = read_time("--idle-timeout", SECOND_MS, DAY_MS);
		break;
	case OPT_NO_RECONNECT:
		o->no_reconnect = true;
		break;
	case OPT_RETRY:
		o->retry = (int)opt_number("--retry", 0, 1000000);
		break;
	case OPT_RETRY_FIRST:
		o->retry_first = true;
		break;
	case OPT_RETRY_MAX:
		o->retry_max_ms = read_time("--retry-max", 100, DAY_MS);
		break;
	case OPT_RETRY_POST:
		o->retry_post = true;
		break;
	default:
		return false;
	}
	return true;
}

/* What becomes of the events, and what is said. */
static bool
read_output(struct options *o, int letter)
{
	static const char *const gaps[] = { "warn", "fail", "ignore" };
	static const char *const colors[] = { "auto", "always", "never" };

	switch (letter) {
	case 'f':
		read_format(o);
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
		o->verbose++;
		break;
	case OPT_CAPTURE:
		o->capture = optarg;
		break;
	case OPT_COLOR:
		o->color = (enum color)read_word("--color", colors);
		break;
	case OPT_EXEC:
		o->exec = optarg;
		break;
	case OPT_EXEC_RETRIES:
		o->exec_retries = (unsigned int)opt_number(
		    "--exec-retries", 0, 1000000);
		break;
	case OPT_EXEC_TIMEOUT:
		o->exec_ms = read_time("--exec-timeout", 1, 365 * DAY_MS);
		break;
	case OPT_GAP:
		o->gap = (enum gap_action)read_word("--gap", gaps);
		break;
	case OPT_JSON_DATA:
		o->json_data = true;
		break;
	case OPT_STATE:
		o->state = optarg;
		break;
	case OPT_STATS:
		o->stats = true;
		break;
	default:
		return false;
	}
	return true;
}

static void
read_option(struct options *o, int letter)
{
	switch (letter) {
	case OPT_OPERAND:
	case OPT_URL:
		if (o->noperands == URLS_MAX)
			opt_fault("more than %d urls", URLS_MAX);
		add_text(&o->operands, &o->noperands, optarg);
		break;
	case 'c':
		read_channel(o);
		break;
	case 'K':
		read_config(o);
		break;
	case 'L':
	case 'N':
		break;
	case OPT_MAX_EVENT:
		o->max_event = opt_size("--max-event", 1, (size_t)1 << 30);
		break;
	case OPT_SHOW:
		o->show = optarg;
		break;
	default:
		if (!read_selection(o, letter) && !read_patience(o, letter) &&
		    !read_output(o, letter))
			options_curl(o, letter);
	}
}

static void
read_words(struct options *o, int argc, char **argv)
{
	int letter;

	while ((letter = opt_next(&table_opts, argc, argv)) != -1)
		read_option(o, letter);
	for (; optind < argc; optind++)
		add_text(&o->operands, &o->noperands, argv[optind]);
}

/* The format's own wish and that of --show, as one list. */
static void
join_shows(struct options *o)
{
	/* A command is told the channel. */
	const char *needed = o->exec != NULL ? "channel"
					     : output_show(o->output);

	if (o->show == NULL || *needed == '\0') {
		o->show = o->show != NULL ? o->show : needed;
		return;
	}
	if (asprintf(&o->shows, "%s,%s", needed, o->show) == -1)
		err(EX_SOFTWARE, NULL);
	o->show = o->shows;
}

static void
make_urls(struct options *o)
{
	const char *fault;

	o->urls = calloc(o->noperands, sizeof(*o->urls));
	o->names = calloc(o->noperands, sizeof(*o->names));
	if (o->urls == NULL || o->names == NULL)
		err(EX_SOFTWARE, NULL);
	for (; o->nurls < o->noperands; o->nurls++) {
		const char *url = o->operands[o->nurls];

		if (strcmp(url, "-") == 0)
			opt_fault("standard input (-) is read alone");
		o->urls[o->nurls] = target_url(
		    url, o->channels, o->nchannels, o->last, &fault);
		if (o->urls[o->nurls] == NULL)
			opt_fault("url %s: %s", url, fault);
		o->names[o->nurls] = target_url(
		    url, o->channels, o->nchannels, 0, &fault);
		if (o->names[o->nurls] == NULL)
			err(EX_SOFTWARE, NULL);
	}
}

static void
check_operands(struct options *o)
{
	if (o->noperands == 0)
		opt_fault("there is no url (- is standard input)");
	if (o->noperands > 1 || strcmp(o->operands[0], "-") != 0) {
		make_urls(o);
		if (o->capture != NULL && o->nurls > 1)
			opt_fault("--capture is for one url");
		return;
	}
	if (o->nchannels > 0 || o->last_id != NULL || o->last > 0 ||
	    o->state != NULL || o->capture != NULL)
		opt_fault("-c, -i, --last, --state and --capture are for a "
			  "server, and there is none behind standard input");
}

static void
check(const struct options *o)
{
	if (o->exec == NULL && (o->exec_retries > 0 || o->exec_ms > 0))
		opt_fault("--exec-retries and --exec-timeout are for --exec");
	if (o->retry_first && (o->retry == 0 || o->no_reconnect))
		opt_fault("--retry-first, and nothing to be tried again");
	if (o->transfer.bearer != NULL && o->transfer.user != NULL)
		opt_fault("-u and --oauth2-bearer: one of them will do");
}

void
options_read(struct options *o, int argc, char **argv)
{
	const char *fault;

	*o = (struct options){ .retry = -1 };
	read_words(o, argc, argv);
	if (o->output == NULL &&
	    (o->output = output_new("line", &fault)) == NULL)
		err(EX_SOFTWARE, NULL);
	check_operands(o);
	check(o);
	if (transfer_finish(&o->transfer) == -1)
		err(EX_SOFTWARE, NULL);
	join_shows(o);
	if (o->lax != NULL)
		say_warning(o, SECRET_LAX, o->lax);
}

void
options_free(struct options *o)
{
	for (size_t i = 0; i < o->nurls; i++) {
		free(o->urls[i]);
		free(o->names[i]);
	}
	free(o->urls);
	free(o->names);
	free(o->operands);
	free(o->channels);
	free(o->shows);
	select_free(&o->select);
	output_free(o->output);
	transfer_free(&o->transfer);
	for (size_t i = 0; i < o->nconfigs; i++)
		config_free(&o->configs[i]);
}
