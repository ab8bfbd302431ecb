/*
 * What the command line said; constant once main() has filled it.
 */
#ifndef CONF_H
#define CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "bus.h"
#include "input.h"
#include "redis_url.h"

#define ORIGINS_MAX 32

enum lag {
	LAG_GAP,  /* who falls behind what is kept is told of a gap */
	LAG_WAIT, /* standard input is held for the slowest */
};

struct conf {
	struct sse_text channel; /* of input that names none */
	enum input_format format;
	size_t history_count; /* events kept a channel */
	size_t history_bytes; /* and bytes in all channels */
	int64_t history_age_ms;
	enum lag lag;
	bool read_stdin;
	bool exit_on_eof;
	int64_t linger_ms;
	int64_t keepalive_ms;
	int64_t retry_ms;  /* what streams open with */
	int64_t header_ms; /* time to send a request */
	int64_t drain_ms;  /* time to flush at the end */
	size_t max_event;
	size_t max_head;
	size_t max_body;
	size_t max_connections;
	bool open_publish;
	const char *origins[ORIGINS_MAX]; /* of pages that may read and post */
	size_t norigins;
	bool use_redis;
	struct redis_url redis;
	struct bus_conf bus;
	unsigned int workers;
	int verbose; /* -1: quiet */
};

#endif
