#include <string.h>
#include <unistd.h>

#include "options_bound.h"
#include "request.h"
#include "table.h"

#define DAY_MS INT64_C(86400000)

/* A number for all channels, or with a pattern for some (repeatable). */
static void
set_history(struct retentions *r)
{
	const char *fault;

	if (strchr(optarg, '=') == NULL) {
		r->base.count = (size_t)opt_number(
		    "--history", 1, RETENTION_COUNT_MAX);
		return;
	}
	if ((fault = retentions_add(r, optarg)) != NULL)
		opt_fault("--history %s: %s", optarg, fault);
}

bool
options_bound_set(struct conf *c, int letter)
{
	switch (letter) {
	case 'n':
		set_history(&c->retentions);
		break;
	case 'w':
		c->workers = (unsigned int)opt_number(
		    "--workers", 1, WORKERS_MAX);
		break;
	case OPT_DRAIN:
		c->drain_ms = opt_time_ms("--drain", 1000, 0, DAY_MS);
		break;
	case OPT_HEADER_TIMEOUT:
		c->header_ms = opt_time_ms(
		    "--header-timeout", 1000, 100, DAY_MS);
		break;
	case OPT_HISTORY_AGE:
		c->retentions.base.age_ms = opt_time_ms(
		    "--history-age", 1000, 1000, RETENTION_AGE_MAX_MS);
		break;
	case OPT_HISTORY_BYTES:
		c->history_bytes = (size_t)opt_size(
		    "--history-bytes", 4096, (unsigned long long)1 << 40);
		break;
	case OPT_KEEPALIVE:
		c->keepalive_ms = opt_time_ms("--keepalive", 1000, 0, DAY_MS);
		break;
	case OPT_LINGER:
		c->linger_ms = opt_time_ms("--linger", 1000, 0, DAY_MS);
		break;
	case OPT_MAX_BODY:
		c->max_body = (size_t)opt_size("--max-body", 1, 1u << 30);
		break;
	case OPT_MAX_CHANNELS:
		c->max_channels = (size_t)opt_number(
		    "--max-channels", 1, ROUTE_CHANNELS_MAX);
		break;
	case OPT_MAX_CONNECTIONS:
		c->max_connections = (size_t)opt_number(
		    "--max-connections", 1, 10000000);
		break;
	case OPT_MAX_EVENT:
		c->max_event = (size_t)opt_size("--max-event", 1, 1u << 30);
		break;
	case OPT_MAX_LIFETIME:
		c->max_lifetime_ms = opt_time_ms(
		    "--max-lifetime", 1000, 0, 30 * DAY_MS);
		break;
	case OPT_ONCE_FOR:
		c->bus.once_ms = opt_time_ms(
		    "--once-for", 1000, 1000, 3650 * DAY_MS);
		break;
	case OPT_ONCE_MEMORY:
		c->once_bytes = (size_t)opt_size(
		    "--once-memory", 4096, 1u << 30);
		break;
	case OPT_MAX_PER_ADDRESS:
		c->max_per_address = (size_t)opt_number(
		    "--max-per-address", 0, 10000000);
		break;
	case OPT_MAX_PER_CLIENT:
		c->max_per_client = (size_t)opt_number(
		    "--max-per-client", 0, 10000000);
		break;
	case OPT_MAX_RATE:
		c->max_rate = (unsigned int)opt_number(
		    "--max-rate", 0, 1000000);
		break;
	case OPT_MAX_HEAD:
		c->max_head = (size_t)opt_size("--max-head", 256, 1u << 20);
		break;
	case OPT_REDIS_TIMEOUT:
		c->redis_timeout_ms = opt_time_ms(
		    "--redis-timeout", 1000, 100, DAY_MS);
		break;
	case OPT_SEND_BUFFER:
		c->send_buffer = (size_t)opt_size("--send-buffer", 0, 1u << 30);
		break;
	case OPT_STALL_TIMEOUT:
		c->stall_ms = opt_time_ms("--stall-timeout", 1000, 0, DAY_MS);
		break;
	case OPT_RETRY:
		c->retry_ms = opt_time_ms("--retry", 1, 0, DAY_MS);
		break;
	default:
		return false;
	}
	return true;
}
