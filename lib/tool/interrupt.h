/*
 * SIGINT and SIGTERM: a program finishes what it holds and then dies by that
 * signal, so that its shell sees why it ended.
 */
#ifndef INTERRUPT_H
#define INTERRUPT_H

/*
 * Catch them from now on, except one that was ignored when the program began
 * (nohup, a shell's background).  The first is noted; a second one ends the
 * program where it stands.  It exits on failure: call it once, first.
 */
void interrupt_catch(void);

int interrupt_signal(void); /* the one noted, or 0 */

/* Becomes readable once there is one: to be polled beside what is awaited. */
int interrupt_fd(void);

/* End by the signal that was noted. */
_Noreturn void interrupt_die(void);

#endif
