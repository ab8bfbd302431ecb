/*
 * The alarm of a worker: one timer for whatever is due next.  Deadlines that are
 * close to each other are one, and with nothing due the loop sleeps until it is
 * woken.
 */
#ifndef ALARM_H
#define ALARM_H

#include <ev.h>
#include <stdint.h>

struct worker;

/* Of a worker, which has one; times are those of clock_mono_ms(). */
struct alarm {
	ev_timer timer;
	int64_t at_ms;   /* when it rings; -1: nothing is due */
	int64_t rung_ms; /* when deadlines were looked at last */
};

void alarm_open(struct worker *w);
void alarm_close(struct worker *w);

/* Once a turn: see what is due next. */
void alarm_set(struct worker *w);

#endif
