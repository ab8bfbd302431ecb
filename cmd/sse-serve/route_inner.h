/*
 * What the parts of a route know of each other: route.c has what is asked for,
 * route_take.c takes the words of it out of the head.
 */
#ifndef ROUTE_INNER_H
#define ROUTE_INNER_H

#include "route.h"

/* A route while it is made. */
struct draft {
	struct route *r;
	const struct http_head *h;
	const struct route_conf *conf;
	char *free; /* where the next text goes in r->mem */
};

/* Every step returns 0 to go on, or -1 when this has refused the request. */
int route_refuse(struct draft *d, int status, const char *why);

/* -1 with ENOMEM. */
int route_make_room(struct draft *d);

/* A copy of t, in that room. */
struct sse_text route_keep(struct draft *d, struct sse_text t);

/* The names behind "/events". */
int route_take_path(struct draft *d);

struct route_param {
	const char *name;
	int (*take)(struct draft *d, struct sse_text value);
};

extern const struct route_param route_events_params[];
extern const struct route_param route_ack_params[];
extern const struct route_param route_publish_params[];

/* Parameters not in the table are others' (cache busters) and passed over. */
int route_take_query(struct draft *d, const struct route_param *params);

/* Parameters that may be header fields as well. */
int route_take_order(struct draft *d, struct sse_text order);
int route_take_show(struct draft *d, struct sse_text words);

#endif
