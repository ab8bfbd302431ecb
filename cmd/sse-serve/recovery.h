/*
 * What a journal holds, taken back into the archive when the server starts.
 */
#ifndef RECOVERY_H
#define RECOVERY_H

#include "journal_file.h"

struct hub;

/*
 * Read f into h's archive, places included; say what was found.  A file that is
 * new, or was never begun, gets its first block.  Returns 0 or an exit status
 * with fault set.
 */
int recovery_read(struct hub *h, struct journal_file *f,
    char fault[static JOURNAL_FAULT_MAX]);

#endif
