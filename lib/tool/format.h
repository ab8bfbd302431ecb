/*
 * A format of -f, as typed: what is to be written of each event, as a row of
 * pieces.
 */
#ifndef FORMAT_H
#define FORMAT_H

#include <stdbool.h>
#include <stddef.h>

#include "sse.h"

enum piece_what {
	PIECE_LITERAL, /* what the template itself says */
	PIECE_CHANNEL,
	PIECE_COUNT,
	PIECE_DATA,
	PIECE_ID,
	PIECE_JSON,
	PIECE_SSE,
	PIECE_TIME,
	PIECE_TYPE,
	PIECE_URL,
};

struct piece {
	enum piece_what what;
	/* PIECE_LITERAL: itself; PIECE_TIME: the format, NUL behind it, or empty. */
	struct sse_text text;
};

struct format {
	struct piece *pieces; /* owned */
	size_t n;             /* at least one */
	char *mem;            /* owned: what the pieces' texts lie in */
	bool data_only; /* data and a literal, which is what most output is */
};

/*
 * Read typed: a name (line, nul, sse, json), or what output.h says of braces.
 * -1 with *fault a constant that says what is wrong with it; f is to be freed
 * all the same.
 */
int format_read(struct format *f, const char *typed, const char **fault);
void format_free(struct format *f);

/* Is there such a piece? */
bool format_has(const struct format *f, enum piece_what what);

#endif
