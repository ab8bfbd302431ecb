/*
 * What -l and -a name: where to listen, as typed.  Pure.
 */
#ifndef LISTENER_ADDR_H
#define LISTENER_ADDR_H

enum listener_kind {
	LISTENER_PORT, /* both loopback addresses */
	LISTENER_HOST, /* host:port, [v6]:port, *:port for all addresses */
	LISTENER_UNIX, /* unix:PATH */
};

/* A value of -l or -a, taken apart. */
struct listener_addr {
	enum listener_kind kind;
	const char *text; /* as typed; borrowed */
	char host[256];   /* LISTENER_HOST; "*": all */
	char port[6];     /* decimal, "0": any that is free */
	const char *path; /* LISTENER_UNIX; in text */
};

/*
 * Read text, which is to outlive a.  Returns 0, or -1 with *fault a constant
 * that fits behind "listen address TEXT: ".
 */
int listener_addr_parse(
    struct listener_addr *a, const char *text, const char **fault);

#endif
