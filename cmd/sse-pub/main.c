#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "command.h"
#include "destination.h"
#include "feed.h"
#include "interrupt.h"
#include "options.h"
#include "sink_spool.h"
#include "units.h"
#include "visible.h"

/* What finds faults of events: Redis does not take all that a server may. */
static const char *(*fault_of(const struct conf *c))(const struct event *)
{
	return c->http.url == NULL ? bus_event_fault : event_fault;
}

static int
publish_message(const struct conf *c, struct sink *s)
{
	struct event ev = EVENT_NONE;
	struct sse_buf data = { 0 };
	enum sink_state state;
	const char *fault;

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
	if ((fault = fault_of(c)(&ev)) != NULL)
		errx(EX_DATAERR, "the message: %s", fault);
	if (sink_add(s, &ev, c->once) == -1)
		err(EX_SOFTWARE, NULL);
	sse_buf_free(&data);
	state = sink_finish(s);
	if (state != SINK_FAILED && sink_tell_ids(s) == 0)
		return EX_OK;
	if (state != SINK_FAILED) {
		warn("the message is published, but standard output");
		return EX_IOERR;
	}
	warnx("%s%s", s->fault,
	    s->unsure ? "; the message may have been published" : "");
	return s->status;
}

static int
feed(const struct feed_conf *conf, struct sink *s)
{
	struct feed *f = feed_new(conf, s);
	int status;

	if (f == NULL)
		err(EX_SOFTWARE, NULL);
	status = feed_run(f);
	feed_free(f);
	return status;
}

static int
publish_input(const struct conf *c, struct sink *s, int fd)
{
	struct feed_conf conf = { .fd = fd,
		.stop_fd = interrupt_fd(),
		.format = c->format,
		.max_bytes = c->max_event,
		.split = { c->split.ptr, c->split.len },
		.once = c->once,
		.fault = fault_of(c),
		.defaults = &c->defaults };

	if (isatty(fd))
		warnx("reading standard input, %s; Ctrl-D ends it",
		    c->format == INPUT_LINE ? "a line is an event"
					    : "as --format says");
	return feed(&conf, s);
}

/* All is published; is it as many as were to be reached? */
static int
check_reached(const struct conf *c, const struct sink *s)
{
	const char *who = c->http.url != NULL ? "subscribers" : "servers";

	/* What had been published before reaches nobody now. */
	if (c->wait == 0 || (s->reached == UINT64_MAX && c->once.len > 0))
		return EX_OK;
	if (s->reached == UINT64_MAX || s->reached >= c->wait) {
		if (c->wait > 0 && s->reached == UINT64_MAX)
			warnx("published, but nobody says how many %s that "
			      "reached",
			    who);
		return c->wait > 0 && s->reached == UINT64_MAX ? EX_PROTOCOL
							       : EX_OK;
	}
	warnx("published, but it reached %" PRIu64 " %s, not %" PRIu64,
	    s->reached, who, c->wait);
	return 1;
}

/* Of IDs that are told the words say what they cannot: that they are of then. */
static void
tell_known(const struct conf *c, const struct sink *s)
{
	char key[200];

	if (!c->verbose || c->once.len == 0 || s->known == 0)
		return;
	visible_locale(); /* it costs, so not before it is needed */
	warnx("%sthe key %s is known%s; the ID is that of then",
	    s->known_by_us ? "" : "nothing is published: ",
	    visible_line(c->once, key, sizeof(key)),
	    s->known_by_us ? ", perhaps by a try whose answer was lost" : "");
}

static int
publish_all(const struct conf *c, struct sink *s, int fd)
{
	int status = c->message != NULL ? publish_message(c, s)
					: publish_input(c, s, fd);

	tell_known(c, s);
	if (status == EX_OK && s->refused > 0)
		return EX_PROTOCOL;
	return status == EX_OK ? check_reached(c, s) : status;
}

/* What is in the spool now is as good as published, if the user says so. */
static int
check_kept(const struct conf *c, const struct sink *s)
{
	unsigned long long kept = sink_spool_kept(s);
	const char *fault;

	(void)sink_spool_away(s, &fault);
	if (kept == 0 || c->spool_ok)
		return EX_OK;
	warnx("%s; %llu event%s wait%s in the spool %s", fault, kept,
	    kept == 1 ? "" : "s", kept == 1 ? "s" : "", c->spool);
	return EX_TEMPFAIL;
}

/* The sink, connected; NULL with *status, said. */
static struct sink *
open_sink(const struct destination *d, struct spool *spool,
    const volatile sig_atomic_t *stop, int *status)
{
	struct sink *s = spool == NULL
	    ? destination_sink(d)
	    : sink_spool_new(d, spool, d->conf->timeout_ms);
	enum sink_state state;

	if (s == NULL)
		err(EX_SOFTWARE, NULL);
	s->tell = d->conf->verbose;
	s->stop = stop;
	state = spool == NULL ? destination_open(d, s) : sink_spool_open(s);
	if (state != SINK_FAILED)
		return s;
	warnx("%s", s->fault);
	*status = s->status;
	sink_free(s);
	return NULL;
}

/* Publish what there is by what, and say what becomes of it. */
static int
run(const struct conf *c, const volatile sig_atomic_t *stop,
    int (*what)(const struct conf *, struct sink *, int), int fd)
{
	struct spool *spool = NULL;
	struct destination d;
	struct sink *s;
	int status = EX_OK;

	if (c->spool != NULL &&
	    (spool = spool_new(c->spool, c->spool_max, &status)) == NULL)
		return status;
	destination_init(&d, c);
	if ((s = open_sink(&d, spool, stop, &status)) != NULL) {
		status = what(c, s, fd);
		if (status == EX_OK && spool != NULL)
			status = check_kept(c, s);
	}
	sink_free(s);
	spool_free(spool);
	destination_clear(&d);
	return status;
}

/* The spool is all there is. */
static int
only_flush(const struct conf *c, struct sink *s, int fd)
{
	const char *fault;
	int status = sink_spool_away(s, &fault);

	(void)c;
	(void)fd;
	if (status != 0)
		warnx("%s", fault);
	return status == 0 && s->refused > 0 ? EX_PROTOCOL : status;
}

/* A handler has nothing else to reach it by. */
static volatile sig_atomic_t hurry;

static void
note_hurry(int sig)
{
	(void)sig;
	hurry = 1;
}

static int
publish_stream(const struct conf *c, struct sink *s, int fd)
{
	struct feed_conf conf = { .fd = fd,
		.stop_fd = -1,
		.unnumbered = true,
		.fault = fault_of(c),
		.format = INPUT_SSE,
		.max_bytes = 4 * c->max_event + 4096, /* the fields, too */
		.defaults = &c->defaults };

	return feed(&conf, s);
}

static int
publish_command(int fd, void *arg)
{
	struct sigaction sa = { .sa_handler = note_hurry };

	sigaction(SIGUSR1, &sa, NULL);
	return run(arg, &hurry, publish_stream, fd);
}

static int
run_command(struct conf *c)
{
	size_t fits = c->http.url == NULL ? BUS_MESSAGE_MAX / 2 : SIZE_MAX;
	struct command_conf conf = { .argv = c->command,
		.quiet = c->quiet,
		.max_line = c->max_event < fits ? c->max_event : fits,
		.publish = publish_command,
		.arg = c,
		.spooled = c->spool != NULL };

	return command_run(&conf);
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

/* Said before anything is published, lest the next try doubles it. */
static void
check_standard_descriptors(const struct conf *c)
{
	bool reads = c->message == NULL && !c->flush;

	if (c->verbose &&
	    (fcntl(STDOUT_FILENO, F_GETFL) & O_ACCMODE) == O_RDONLY)
		errx(EX_IOERR,
		    "standard output is closed, and --verbose prints IDs "
		    "there: nothing is published");
	if (reads && (fcntl(STDIN_FILENO, F_GETFL) & O_ACCMODE) == O_WRONLY)
		errx(EX_IOERR,
		    "standard input is closed, and there is no message");
}

int
main(int argc, char **argv)
{
	struct conf conf;
	int status;

	fill_standard_descriptors();
	options_read(&conf, argc, argv);
	if (conf.command != NULL)
		return run_command(&conf);
	check_standard_descriptors(&conf);
	interrupt_catch();
	signal(SIGPIPE, SIG_IGN); /* a write tells */
	status = run(
	    &conf, NULL, conf.flush ? only_flush : publish_all, STDIN_FILENO);
	options_free(&conf);
	if (interrupt_signal() != 0)
		interrupt_die();
	return status;
}
