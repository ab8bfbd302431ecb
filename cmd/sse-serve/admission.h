/*
 * Who may come in: the bounds on connections, in all and of everyone.  What
 * the workers count together is here; all else is each one's own.
 */
#ifndef ADMISSION_H
#define ADMISSION_H

#include <stdatomic.h>

#include "census.h"
#include "conf.h"
#include "refusal.h"
#include "request.h"

struct tally {
	atomic_size_t connections;
	struct census *addresses;            /* owned */
	struct census *clients;              /* owned: by their ID */
	const struct access_log *access_log; /* NULL: there is none */
};

/* -1 with ENOMEM. */
int tally_open(struct tally *t, const struct conf *conf);
void tally_close(struct tally *t);

/* A connection's part of it. */
struct admission {
	uint8_t refused;  /* why, from the first moment; REFUSAL_NONE */
	bool counted : 1; /* among the address's */
	bool known : 1;   /* among the client's */
};

/*
 * A connection has been accepted from peer.  Trusted proxies, Unix sockets and
 * the administration listener are not counted for their own address.
 */
struct admission admission_accept(
    struct tally *t, const struct conf *conf, const struct peer *peer);

/*
 * It asks for r, whose head is read.  Returns why it is refused, or
 * REFUSAL_NONE.  Behind a proxy it is here that the client is counted: its
 * streams, and its other requests by their pace.
 */
enum refusal admission_request(struct tally *t, const struct conf *conf,
    struct admission *a, const struct peer *peer, const struct request *r);

/* Its stream is over; client is the ID that it was counted for. */
void admission_end(
    struct tally *t, struct admission *a, struct sse_text client);

/* It closes; addr is what it was counted for. */
void admission_leave(
    struct tally *t, struct admission *a, const struct addr *addr);

#endif
