/*
 * What source_stream.c and source_stream_open.c share, and nobody else sees.
 */
#ifndef SOURCE_STREAM_INNER_H
#define SOURCE_STREAM_INNER_H

#include "ack.h"
#include "bus_entries.h"
#include "claim.h"
#include "outage.h"
#include "redis_link.h"
#include "source.h"

enum phase {
	PHASE_DOWN,    /* to connect */
	PHASE_READ,    /* a command is to be sent */
	PHASE_WAIT,    /* it was, and is to be answered */
	PHASE_ENTRIES, /* it is: entries are handed out */
};

struct source_stream {
	struct source source;
	const struct redis_url *url;
	struct redis_link *link;
	struct bus_read read;
	struct ack *ack; /* of a group; NULL: there is none */
	struct claim claim;
	enum phase phase;
	struct place at; /* handed out up to here */
	bool known;      /* at is where we are */
	bool all;        /* from the beginning, whatever is gone */
	bool opened;     /* it was, once */
	bool open_due;   /* SOURCE_OPEN is to be told */
	struct outage outage;
	int64_t sent_ms;
	redisReply *reply; /* owned: what is handed out */
	size_t n, i;
	struct sse_buf json; /* owned: of the entry at hand */
	struct sse_buf gap;  /* owned: a gap's data */
	char mark[PLACE_LEN];
	char once[PLACE_LEN + 512];
	int status;
	char shown[512];
	char say[640];
};

/* For good: why, and the exit status. */
enum source_what stream_fail(
    struct source_stream *ss, int status, const char *why);

enum source_what stream_nomem(struct source_stream *ss);

/* The link is gone, or as good as: try again, unless it never was there. */
enum source_what stream_lose(
    struct source_stream *ss, enum redis_link_state state);

/* The answer r is not what it should be. */
enum source_what stream_refused(
    struct source_stream *ss, enum bus_answer a, const redisReply *r);

/* *ev is a gap from where we are to oldest (zero: not known). */
enum source_what stream_make_gap(
    struct source_stream *ss, struct place oldest, struct event *ev);

/* Connect, when it is time to, and find where to go on. */
enum source_what stream_connect_link(
    struct source_stream *ss, struct event *ev);

#endif
