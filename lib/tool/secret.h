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

/* Can others read this file, or what is open as fd?  Not a pipe, nor "-". */
bool secret_lax(const char *path);
bool secret_lax_fd(int fd);

/* What is then said of its name, by all programs. */
#define SECRET_LAX "%s: others can read the secret in it: chmod 600"

#endif
