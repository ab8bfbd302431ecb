/*
 * What has happened, in numbers.  Each worker and the hub have counters of
 * their own, which nobody else touches, so that counting is one addition.  Who
 * wants to know sends an inquiry (inquiry.h) to them in turn, and each adds
 * what it has: nothing is shared between threads.
 */
#ifndef COUNTERS_H
#define COUNTERS_H

#include <stdint.h>

/* Why a request was refused; its names are in counters.c. */
enum refusal {
	REFUSAL_MALFORMED,   /* 400, 417, 501, 505: no HTTP, or not for us */
	REFUSAL_HEAD,        /* 414, 431: --max-head */
	REFUSAL_BODY,        /* 413: --max-body, --max-event */
	REFUSAL_LATE,        /* 408: --header-timeout */
	REFUSAL_FORBIDDEN,   /* 401, 403, 421 */
	REFUSAL_NOT_FOUND,   /* 404, 405 */
	REFUSAL_TYPE,        /* 406, 415 */
	REFUSAL_CONNECTIONS, /* --max-connections */
	REFUSAL_ADDRESS,     /* --max-per-address */
	REFUSAL_CLIENT,      /* --max-per-client */
	REFUSAL_RATE,        /* --max-rate */
	REFUSAL_STOPPING,
	REFUSAL_CHANNELS, /* they did not come in time: Redis is awaited */
	REFUSAL_MEMORY,
	REFUSAL_UNAVAILABLE, /* 503 to a publication */
	REFUSALS,
};

/* Why a stream ended. */
enum ending {
	ENDING_PEER,      /* the client closed it, or its network did */
	ENDING_END,       /* the input has ended: sse:end */
	ENDING_STOPPED,   /* we were stopped, and all was written */
	ENDING_CUT,       /* we were stopped, and it did not take the rest */
	ENDING_DISMISSED, /* by DELETE /connections/ID */
	ENDING_STALLED,   /* --stall-timeout */
	ENDING_LAGGED,    /* --lag close */
	ENDING_LIFETIME,  /* --max-lifetime */
	ENDING_EXPIRED,   /* its token did */
	ENDING_MEMORY,
	ENDINGS,
};

/* What came of a connection. */
enum outcome {
	OUTCOME_NOTHING, /* no request was complete */
	OUTCOME_REFUSED, /* the last one was */
	OUTCOME_ANSWERED,
	OUTCOME_STREAM,
	OUTCOMES,
};

/* Where events come from. */
enum origin_kind {
	FROM_INPUT, /* standard input */
	FROM_POST,
	FROM_REDIS, /* its live messages, one's own come back included */
	FROM_KINDS,
};

/* How long something took, or how late it is. */
#define DELAYS 12 /* buckets, see delay_bounds_us; and one for the rest */

struct delays {
	uint64_t n[DELAYS + 1];
	uint64_t sum_us;
};

/* Nothing but uint64_t, for two are added member by member. */
struct counters {
	/* A worker's. */
	uint64_t accepted;           /* connections */
	uint64_t pauses;             /* of accepting, without descriptors */
	uint64_t streams;            /* begun */
	uint64_t endings[ENDINGS];   /* and ended */
	uint64_t outcomes[OUTCOMES]; /* of those closed */
	uint64_t refusals[REFUSALS];
	uint64_t bytes_in;    /* of requests */
	uint64_t bytes_out;   /* of streams and answers */
	uint64_t deliveries;  /* events handed to connections */
	uint64_t gaps;        /* told */
	uint64_t access_lost; /* lines of the access log */
	struct delays lag;    /* of each write to one that had kept up */
	struct delays turns;  /* of the loop, the hub's as well */

	/* The hub's. */
	uint64_t events[FROM_KINDS];
	uint64_t event_bytes; /* as encoded */
	uint64_t input_faults;
	uint64_t foreign; /* messages of Redis that were dropped */
	uint64_t redis_losses;

	/* As it is now: looked up when an inquiry comes, else 0. */
	uint64_t connections_now;
	uint64_t streams_now;
	uint64_t stalled_now; /* streams that do not take what is due */
	uint64_t channels_now;
	uint64_t log_events;
	uint64_t log_bytes;
	uint64_t redis_up;
};

extern const char *const refusal_names[REFUSALS];
extern const char *const ending_names[ENDINGS];
extern const char *const outcome_names[OUTCOMES];
extern const char *const origin_kind_names[FROM_KINDS];
extern const uint64_t delay_bounds_us[DELAYS];

/* What a refusal by this status is about. */
enum refusal refusal_of(int status);

void counters_add(struct counters *to, const struct counters *from);
void delays_add(struct delays *d, uint64_t us);
/* A turn of a loop, from and to as its clock has it, which may step. */
void delays_turn(struct delays *d, double from_s, double to_s);

#endif
