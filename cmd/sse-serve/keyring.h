/*
 * The key that tokens are checked with, as it is at this moment: all workers
 * use it, and it is read again while they do.
 */
#ifndef KEYRING_H
#define KEYRING_H

#include "token.h"

struct keyring;

/*
 * Read the key from path, borrowed.  NULL with fault, one line; a file that
 * others can read is warned of.
 */
#define KEYRING_FAULT_MAX 256
struct keyring *keyring_open(
    const char *path, char fault[static KEYRING_FAULT_MAX]);
void keyring_close(struct keyring *k); /* lets NULL pass */

/* Read it again.  When that fails it is said, and the old one stays. */
void keyring_reload(struct keyring *k);

/* The key, until it is given back; NULL for a k of NULL. */
const struct token_key *keyring_hold(struct keyring *k);
void keyring_release(struct keyring *k);

#endif
