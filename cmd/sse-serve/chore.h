/*
 * A chore: what would hold an event loop up, done by a thread of its own.  One
 * at a time; the loop is told when it is done.
 */
#ifndef CHORE_H
#define CHORE_H

#include <ev.h>
#include <pthread.h>
#include <stdbool.h>

struct chore {
	struct ev_loop *loop;
	ev_async done;
	pthread_t thread;
	int (*run)(void *arg);
	void (*finished)(void *arg, int result);
	void *arg;
	int result;
	bool busy;
};

void chore_init(struct chore *c, struct ev_loop *loop);

/*
 * Have run(arg) run in a thread, which blocks all signals; the loop then calls
 * finished() with what it returned.  -1 with errno: it does not run.
 */
int chore_start(struct chore *c, int (*run)(void *arg),
    void (*finished)(void *arg, int result), void *arg);

/* Wait until it is done, if it runs; finished() is not called. */
void chore_stop(struct chore *c);

#endif
