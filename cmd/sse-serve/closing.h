/*
 * How a worker closes when the server is stopped: its streams are told to end,
 * one after the other; who has not gone in time is cut off.
 */
#ifndef CLOSING_H
#define CLOSING_H

#include <ev.h>

#include "drain.h"
#include "sweep.h"

struct worker;

/* Of a worker, which has one. */
struct closing {
	struct drain drain;
	struct sweep_walk told; /* up to here they are */
	ev_timer closer;        /* tells the next ones */
	ev_timer forgoer;       /* waits for a first request no longer */
	ev_timer deadline;      /* nor for anything */
};

void closing_open(struct worker *w);
void closing_close(struct worker *w);

/* The server is stopped. */
void closing_begin(struct worker *w);

#endif
