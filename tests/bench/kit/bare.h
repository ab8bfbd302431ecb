/*
 * The bare loop: accept, read, answer; and for each line of standard input one
 * send() of one event to each connection.  It checks nothing and keeps nothing,
 * so it is what the kernel alone costs, at one system call a delivery.
 */
#ifndef BARE_H
#define BARE_H

#include <stdint.h>

/* Serve on 127.0.0.1:port until standard input ends. */
void bare_run(uint16_t port);

#endif
