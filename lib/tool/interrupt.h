/*
 * SIGINT and SIGTERM: a program finishes what it holds and then dies by that
 * signal, so that its shell sees why it ended.  Other signals only wake it.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

#include <stdbool.h>

/*
 * Catch them from now on, except one that was ignored when the program began
 * (nohup, a shell's background).  The first is noted; a second one ends the
 * program where it stands.  It exits on failure: call it once, first.
 */
void interrupt_catch(void);

int interrupt_signal(void); /* the one noted, or 0 */

/*
 * Becomes readable once there is one, or one that is watched: to be polled
 * beside what is awaited.
 */
int interrupt_fd(void);

/*
 * Watch a signal that does not end the program (SIGCHLD, SIGUSR1): it wakes.
 * Has it come since this was asked last?  Asking makes interrupt_fd() wait for
 * the next.
 */
void interrupt_watch(int sig);
bool interrupt_woken(int sig);

/* End by the signal that was noted. */
_Noreturn void interrupt_die(void);

#endif
