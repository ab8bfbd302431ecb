/*
 * What the command line said; constant once main() has filled it.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "auth.h"
#include "bus.h"
#include "conn_id.h"
#include "input.h"
#include "redis_url.h"
#include "retention.h"
#include "trust.h"

#define ORIGINS_MAX 32

struct keyring;

enum lag {
	LAG_GAP,   /* who falls behind what is kept is told of a gap */
	LAG_CLOSE, /* the stream ends; coming back, it is told */
	LAG_WAIT,  /* standard input is held for the slowest */
};

/* When the journal is synced. */
enum journal_sync {
	JOURNAL_SYNC_ALWAYS, /* before anything is delivered or answered */
	JOURNAL_SYNC_SECOND, /* once a second */
	JOURNAL_SYNC_NEVER,  /* when the kernel does */
};

enum pending {
	PENDING_OFF,
	PENDING_CLIENT, /* what was sent to the client itself */
	PENDING_ALL,    /* and to its groups */
};

struct conf {
	struct sse_text channel; /* of input that names none */
	enum input_format format;
	struct retentions retentions; /* what is kept of a channel */
	size_t history_bytes;         /* and bytes in all channels */
	const char *journal;          /* NULL: none */
	enum journal_sync journal_sync;
	enum lag lag;
	bool read_stdin;
	const char *replay; /* a capture, in place of standard input; or NULL */
	double speed;       /* how much faster it is played */
	bool exit_on_eof;
	int64_t linger_ms;
	int64_t keepalive_ms;
	int64_t stall_ms;        /* how long one may take nothing; 0: ever */
	int64_t max_lifetime_ms; /* of a stream; 0: any */
	size_t send_buffer;      /* of a connection; 0: the kernel's affair */
	int64_t retry_ms;        /* what streams open with */
	int64_t header_ms;       /* time to send a request */
	int64_t drain_ms;        /* time to flush at the end */
	size_t max_event;
	size_t once_bytes; /* what repeats are known by, without Redis */
	size_t max_head;
	size_t max_body;
	size_t max_connections;
	size_t max_per_address; /* 0: any number */
	size_t max_per_client;  /* streams of a client ID; 0: any number */
	unsigned int max_rate;  /* new ones a second an address; 0: any */
	size_t max_channels;    /* that a stream may ask for */
	bool refuse_hard;       /* streams too are refused by status */
	bool open_publish;
	const char *origins[ORIGINS_MAX]; /* of pages that may read and post */
	size_t norigins;
	struct trust trust;  /* proxies whose word is taken */
	bool proxy_protocol; /* which begin with a header of that protocol */
	struct auth_conf auth;
	enum pending pending; /* is had by who comes without an ID */
	bool presence_events;
	struct keyring *keyring; /* NULL: tokens are not looked at */
	bool use_redis;
	struct redis_url redis;
	int64_t redis_timeout_ms;
	struct bus_conf bus;
	unsigned int workers;
	char instance[INSTANCE_LEN]; /* this process's, in IDs; by chance */
	bool looked_at;              /* somebody may ask about connections */
	int verbose;                 /* -1: quiet */
	bool terminal;               /* somebody sits before it: service.h */
};

#endif
