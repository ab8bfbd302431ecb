/*
 * How fast libsse decodes and encodes, beside what bounds it: a pass of memchr()
 * from line end to line end over the same memory, a memcpy() in pieces, and
 * npm's eventsource-parser.  All take turns, in one run; medians are told.
 *
 * usage: libsse [-n rounds] [-d directory] [-m mebibytes]
 * The directory takes the streams that node reads, and has its node_modules.
 */
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "sse.h"

#define PIECE ((size_t)16 << 10)
#define ROUNDS_MAX 99

/* A stream in memory and its events, whose texts point into it. */
struct stream {
	const char *name;
	struct sse_buf bytes;
	struct sse_event *events;
	size_t n;
	size_t data; /* bytes of data in all */
};

static uint64_t seed = 1;

static unsigned int
below(unsigned int n)
{
	seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
	return (unsigned int)(seed >> 33) % n;
}

static const char *const words[] = { "the", " stream", " of", " events", " is",
	" read", " line", " by", " line", ",", " and", " every", " one",
	" that", " has", " an", " identifier", " comes", " once", ".", " so we",
	" wait", " for", " the", " blank", " before", " it", "\\n\\n" };
static const char *const beyond_ascii[] = { " —", "’", " naïve", " Köln",
	" 東京", " 🙂" };

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

/* A word of English text: of forty words one has more than ASCII. */
static const char *
word(void)
{
	if (below(40) == 0)
		return beyond_ascii[below(nitems(beyond_ascii))];
	return words[below(nitems(words))];
}

/* About 150 bytes with its lines, as a language model sends them. */
static size_t
small_data(char *p, size_t size)
{
	return (size_t)snprintf(p, size,
	    "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":"
	    "{\"type\":\"text_delta\",\"text\":\"%s%s%s%s\"}}",
	    word(), word(), word(), word());
}

/* About 4 KB of JSON. */
static size_t
large_data(char *p, size_t size)
{
	size_t n = (size_t)snprintf(p, size, "{\"items\":[");

	while (n < 3900)
		n += (size_t)snprintf(p + n, size - n,
		    "{\"id\":%u,\"name\":\"sensor-%u\",\"value\":%u.%02u,"
		    "\"note\":\"%s\"},",
		    below(1u << 30), below(9999), below(1000), below(100),
		    below(8) == 0 ? word() : "within bounds");
	n += (size_t)snprintf(p + n, size - n, "{}]}");
	return n;
}

/* Where the texts point is known only when the buffer no longer grows. */
static void
find_events(struct stream *s)
{
	const char *p = s->bytes.ptr, *end = p + s->bytes.len, *eol;
	struct sse_event *ev = s->events;

	for (; p < end; p = eol + 1) {
		eol = memchr(p, '\n', (size_t)(end - p));
		if (eol == p)
			ev++;
		else if (*p == 'e')
			ev->type = (struct sse_text){ p + 7,
				(size_t)(eol - p - 7) };
		else {
			ev->data = (struct sse_text){ p + 6,
				(size_t)(eol - p - 6) };
			ev->has = SSE_HAS_DATA;
			s->data += ev->data.len;
		}
	}
	s->n = (size_t)(ev - s->events);
}

static void
make_stream(struct stream *s, const char *name, size_t size,
    size_t (*data)(char *, size_t))
{
	struct sse_event ev = { .has = SSE_HAS_DATA };
	char text[8192];

	*s = (struct stream){ .name = name };
	ev.data.ptr = text;
	if (data == small_data)
		ev.type = (struct sse_text){ "content_block_delta", 19 };
	while (s->bytes.len < size) {
		ev.data.len = data(text, sizeof(text));
		if (sse_encode_event(&s->bytes, &ev) == -1)
			err(1, "stream");
		s->n++;
	}
	if ((s->events = calloc(s->n + 1, sizeof(*s->events))) == NULL)
		err(1, NULL);
	find_events(s);
}

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* The contestants: each passes over the stream once and says the seconds. */

static double
pass_memchr(const struct stream *s)
{
	const char *p = s->bytes.ptr, *end = p + s->bytes.len;
	double start = now();
	volatile size_t sink;
	size_t lines = 0;

	while ((p = memchr(p, '\n', (size_t)(end - p))) != NULL) {
		p++;
		lines++;
	}
	sink = lines;
	(void)sink;
	return now() - start;
}

static double
pass_memcpy(const struct stream *s)
{
	static char piece[PIECE];
	double start = now();

	for (size_t at = 0; at + PIECE <= s->bytes.len; at += PIECE) {
		memcpy(piece, s->bytes.ptr + at, PIECE);
		__asm__ volatile("" : : "r"(piece) : "memory");
	}
	return now() - start;
}

static double
pass_decode(const struct stream *s)
{
	struct sse_decoder *d = sse_decoder_new(0);
	size_t at = 0, used, n = 0, data = 0, left;
	const struct sse_event *ev;
	double start = now();
	int got;

	if (d == NULL)
		err(1, NULL);
	for (size_t end = 0; at < s->bytes.len; at += used) {
		if (at == end)
			end += PIECE;
		left = (end < s->bytes.len ? end : s->bytes.len) - at;
		got = sse_decoder_feed(d, s->bytes.ptr + at, left, &used, &ev);
		if (got == -1)
			err(1, "decode");
		if (got == 1) {
			n++;
			data += ev->data.len;
		}
	}
	start = now() - start;
	if (n != s->n || data != s->data)
		errx(1, "%s: %zu of %zu events", s->name, n, s->n);
	sse_decoder_free(d);
	return start;
}

static double
pass_encode(const struct stream *s)
{
	struct sse_buf b = { NULL, 0, 0 };
	size_t bytes = 0;
	double start;

	if (sse_buf_reserve(&b, PIECE) == -1)
		err(1, NULL);
	start = now();
	for (size_t i = 0; i < s->n; i++) {
		if (sse_encode_event(&b, &s->events[i]) == -1)
			err(1, "encode");
		if (b.len > PIECE - 5000) {
			bytes += b.len;
			b.len = 0;
		}
	}
	start = now() - start;
	if (bytes + b.len != s->bytes.len)
		errx(1, "%s: encoded %zu of %zu bytes", s->name, bytes + b.len,
		    s->bytes.len);
	sse_buf_free(&b);
	return start;
}

/* A node that waits to be asked for a pass; to is NULL where there is none. */
struct node {
	FILE *to, *from;
	pid_t pid;
};

static void
node_start(struct node *nd, const struct stream *s, const char *dir)
{
	char file[4096], modules[4096];
	int in[2], out[2];
	FILE *f;

	*nd = (struct node){ NULL, NULL, -1 };
	snprintf(modules, sizeof(modules), "%s/node_modules", dir);
	if (access(modules, R_OK) == -1)
		return;
	snprintf(file, sizeof(file), "%s/%s.sse", dir, s->name);
	if ((f = fopen(file, "w")) == NULL ||
	    fwrite(s->bytes.ptr, 1, s->bytes.len, f) != s->bytes.len ||
	    fclose(f) != 0)
		err(1, "%s", file);
	if (pipe(in) == -1 || pipe(out) == -1 || (nd->pid = fork()) == -1)
		err(1, NULL);
	if (nd->pid == 0) {
		dup2(in[0], 0);
		dup2(out[1], 1);
		close(in[1]);
		close(out[0]);
		execlp("node", "node", "tests/bench/eventsource-parser.mjs",
		    file, modules, (char *)NULL);
		_exit(127);
	}
	close(in[0]);
	close(out[1]);
	if ((nd->to = fdopen(in[1], "w")) == NULL ||
	    (nd->from = fdopen(out[0], "r")) == NULL)
		err(1, NULL);
}

static double
pass_node(struct node *nd, const struct stream *s)
{
	char line[128], *rest;
	double seconds;

	if (nd->to == NULL)
		return 0;
	fputs("\n", nd->to);
	fflush(nd->to);
	if (fgets(line, sizeof(line), nd->from) == NULL ||
	    (seconds = strtod(line, &rest)) <= 0 ||
	    strtoull(rest, NULL, 10) != s->n) {
		warnx("node does not answer with %zu events; left out", s->n);
		nd->to = NULL;
		return 0;
	}
	return seconds;
}

static void
node_stop(struct node *nd)
{
	if (nd->pid == -1)
		return;
	if (nd->to != NULL)
		fclose(nd->to);
	waitpid(nd->pid, NULL, 0);
}

static int
compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *t, size_t n)
{
	qsort(t, n, sizeof(*t), compare);
	return t[n / 2];
}

enum { MEMCHR, MEMCPY, DECODE, ENCODE, NODE, PASSES };

static void
print_rates(const struct stream *s, const double *t)
{
	double gb = (double)s->bytes.len / 1e9;

	printf("%s: %zu events of %zu bytes, %zu MiB, GB/s\n", s->name, s->n,
	    s->bytes.len / s->n, s->bytes.len >> 20);
	printf("  memchr line by line %8.2f\n", gb / t[MEMCHR]);
	printf("  memcpy in 16 KB     %8.2f\n", gb / t[MEMCPY]);
	printf("  decode              %8.2f  %.2f of memchr, %.2f of memcpy\n",
	    gb / t[DECODE], t[MEMCHR] / t[DECODE], t[MEMCPY] / t[DECODE]);
	printf("  encode              %8.2f  %.2f of memcpy\n", gb / t[ENCODE],
	    t[MEMCPY] / t[ENCODE]);
	if (t[NODE] > 0)
		printf("  eventsource-parser  %8.2f  decode is %.1f times it\n",
		    gb / t[NODE], t[NODE] / t[DECODE]);
	else
		printf("  eventsource-parser  not measured: no node, or "
		       "\"make bench-deps\" was not run\n");
}

static void
measure(const struct stream *s, size_t rounds, const char *dir)
{
	static double t[PASSES][ROUNDS_MAX];
	double medians[PASSES];
	struct node nd;

	node_start(&nd, s, dir);
	/* The first round only warms up. */
	for (size_t i = 0; i <= rounds; i++) {
		size_t k = i > 0 ? i - 1 : 0;

		t[MEMCHR][k] = pass_memchr(s);
		t[DECODE][k] = pass_decode(s);
		t[MEMCPY][k] = pass_memcpy(s);
		t[ENCODE][k] = pass_encode(s);
		t[NODE][k] = pass_node(&nd, s);
	}
	node_stop(&nd);
	for (int i = 0; i < PASSES; i++)
		medians[i] = median(t[i], rounds);
	print_rates(s, medians);
}

int
main(int argc, char *argv[])
{
	const char *dir = "build/bench";
	size_t rounds = 9, size = (size_t)64 << 20;
	struct stream s;
	int ch;

	while ((ch = getopt(argc, argv, "d:m:n:")) != -1) {
		switch (ch) {
		case 'd':
			dir = optarg;
			break;
		case 'm':
			size = (size_t)strtoul(optarg, NULL, 10) << 20;
			break;
		case 'n':
			rounds = (size_t)strtoul(optarg, NULL, 10);
			break;
		default:
			errx(1,
			    "usage: %s [-d directory] [-m mebibytes] "
			    "[-n rounds]",
			    argv[0]);
		}
	}
	if (rounds < 1 || rounds > ROUNDS_MAX || size == 0)
		errx(1, "rounds or size out of bounds");
	signal(SIGPIPE, SIG_IGN);
	printf("Each pass %zu times in turns after a warming one, fed in %zu "
	       "KB pieces; medians.\n",
	    rounds, PIECE >> 10);
	make_stream(&s, "small", size, small_data);
	measure(&s, rounds, dir);
	sse_buf_free(&s.bytes);
	free(s.events);
	make_stream(&s, "large", size, large_data);
	measure(&s, rounds, dir);
	sse_buf_free(&s.bytes);
	free(s.events);
	return 0;
}
