/*
 * Input in the formats of -f.  The first byte names the format, the second how
 * the input is cut; the rest is the input.  What must hold: it gives the same
 * whole and in pieces, and every event that can be published is the same after
 * a way as an event stream and as a JSON line.
 */
#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "input.h"
#include "json.h"

#define MAX_BYTES 4096

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
tell(FILE *to, struct input *in, int r, const struct event *ev)
{
	struct sse_buf b = { 0 };

	assert(r != -2);
	fprintf(to, "%llu: ", input_line(in));
	if (r == -1)
		fprintf(to, "%s\n", input_fault(in));
	else {
		assert(json_encode_event(&b, ev) == 0);
		fwrite(b.ptr, 1, b.len, to);
	}
	sse_buf_free(&b);
}

/* The only event of b, which is in format f, encoded once more as JSON. */
static void
come_back(enum input_format f, const struct sse_buf *b, struct sse_buf *json)
{
	struct input *in = input_new(f, 0);
	struct event ev;
	size_t used;

	assert(in != NULL);
	assert(input_feed(in, b->ptr, b->len, &used, &ev) == 1);
	assert(used == b->len);
	json->len = 0;
	assert(json_encode_event(json, &ev) == 0);
	input_free(in);
}

static bool
same(const struct sse_buf *a, const struct sse_buf *b)
{
	return a->len == b->len && memcmp(a->ptr, b->ptr, a->len) == 0;
}

/* A stream knows one kind of line break in data, so one way makes it that. */
static void
check_round_trips(const struct event *ev)
{
	struct sse_buf sse = { 0 }, json = { 0 }, again = { 0 };

	if (event_fault(ev) == NULL) {
		assert(event_encode(&sse, ev) == 0);
		come_back(INPUT_SSE, &sse, &json);
		come_back(INPUT_JSON, &json, &again);
		assert(same(&json, &again));
		if (ev->data.len == 0 ||
		    memchr(ev->data.ptr, '\r', ev->data.len) == NULL) {
			again.len = 0;
			assert(json_encode_event(&again, ev) == 0);
			assert(same(&json, &again));
		}
	}
	sse_buf_free(&sse);
	sse_buf_free(&json);
	sse_buf_free(&again);
}

/* Pieces of 1 to 2^(cut % 8) bytes, as chance has it; cut 0: whole. */
static char *
read_all(enum input_format f, const uint8_t *p, size_t len, unsigned int cut)
{
	struct input *in = input_new(f, MAX_BYTES);
	uint64_t chance = cut;
	size_t n, used, told_len;
	struct event ev;
	char *told;
	FILE *to = open_memstream(&told, &told_len);
	int r;

	assert(in != NULL && to != NULL);
	for (; len > 0; p += n, len -= n) {
		uint8_t *piece, *at;
		size_t left;

		chance = chance * UINT64_C(6364136223846793005) + 1;
		n = 1 + (size_t)(chance >> 40) % (1U << cut % 8);
		if (cut == 0 || n > len)
			n = len;
		piece = at = malloc(n);
		assert(piece != NULL);
		memcpy(piece, p, n);
		for (left = n; left > 0; at += used, left -= used) {
			r = input_feed(in, at, left, &used, &ev);
			assert(used <= left);
			if (r != 0)
				tell(to, in, r, &ev);
			if (r == 1)
				check_round_trips(&ev);
		}
		free(piece);
	}
	while ((r = input_end(in, &ev)) != 0)
		tell(to, in, r, &ev);
	fprintf(to, "%d\n", input_unfinished(in));
	input_free(in);
	fclose(to);
	return told;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *whole, *cut;

	if (size < 2)
		return 0;
	whole = read_all(data[0] % 5, data + 2, size - 2, 0);
	cut = read_all(data[0] % 5, data + 2, size - 2, data[1]);
	if (strcmp(whole, cut) != 0) {
		fprintf(stderr, "whole:\n%s\nin pieces:\n%s\n", whole, cut);
		abort();
	}
	free(whole);
	free(cut);
	return 0;
}
