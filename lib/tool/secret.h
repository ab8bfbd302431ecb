/*
 * What an option says that others are not to see.
 */
#ifndef SECRET_H
#define SECRET_H

#include <stdbool.h>

/* The list of processes shows argv: take this argument from there. */
void secret_hide(char *arg);

/*
 * text, taken from the heap, in place of what *secret owns, which goes by
 * freezero().  NULL ends the program: memory ran out.
 */
void secret_keep(char **secret, char *text);

/* Can others read this file?  Not a pipe, nor "-". */
bool secret_lax(const char *path);

#endif
