/*
 * The servers that are compared, each a child of this process, on a port of
 * its own, fed from here: sse-serve, nginx with nchan, and a bare loop of
 * send() over all connections, which is what one system call a delivery costs.
 */
#ifndef SERVER_H
#define SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct server {
	const char *name;
	pid_t pid;
	pid_t publisher; /* sse-pub, when that feeds it; or 0 */
	uint16_t port;
	const char *path;  /* of its event stream */
	int feed;          /* its standard input, or what POSTs go through */
	bool posts;        /* the feed speaks HTTP */
	unsigned int open; /* POSTs not yet answered */
	uint32_t next;     /* number of the next event */
	char *dir;         /* owned: what it writes lies here; or NULL */
};

/*
 * Start it and wait until it listens; exits with a message when it does not.
 * options ends with NULL; "-l" and what feeds it are added.
 */
void server_sse(struct server *s, const char *const *options);
void server_sse_on(struct server *s, uint16_t port, const char *const *options);
void server_bare(struct server *s);

/* sse-serve on that Redis, fed by an sse-pub that publishes there. */
void server_sse_redis(
    struct server *s, const char *url, const char *const *options);

/*
 * nginx in dir, with more as its settings beside the channel's.  Returns false
 * when Debian's nginx or nchan is not installed, having said so.
 */
bool server_nchan(struct server *s, const char *dir, const char *more);

/*
 * Publish one event of size bytes of data, stamped.  Blocks while the server
 * does not take it.
 */
void server_publish(struct server *s, size_t size);

/*
 * Publish for about that long, as fast as it is taken.  Returns the number of
 * events.
 */
uint32_t server_flood(struct server *s, size_t size, double seconds);

/*
 * Publish so many a second, each in its time.  Returns the number of events.
 */
uint32_t server_pace(struct server *s, size_t size, int rate, double seconds);

/* CPU time of all its threads and children so far, by the scheduler. */
uint64_t server_cpu_ns(const struct server *s);

/* Its resident memory that is shared with nobody else's file, in bytes. */
uint64_t server_rss(const struct server *s);

void server_stop(struct server *s);

/* A port that was free a moment ago. */
uint16_t server_free_port(void);

/* Wait until somebody listens there; exits after ten seconds. */
void server_await(uint16_t port, const char *name);

#endif
