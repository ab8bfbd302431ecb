/*
 * Who sent a request: each way in, tried in turn.  Pure, of bytes, structs and
 * the time.
 *
 * A proxy that is trusted may name the client in a field (its word goes first);
 * else a token does, in the field Authorization or in a cookie.  A way that is
 * not configured is not looked at.
 * Spec: RFC 6750, "Authorization Request Header Field", "The WWW-Authenticate
 * Response Header Field"; RFC 6265, "Cookie".
 */
#ifndef AUTH_H
#define AUTH_H

#include "identity.h"
#include "token.h"
#include "trust.h"

/* Constant; texts borrowed, NULL: not configured. */
struct auth_conf {
	const char *cookie;          /* that may bear the token */
	const char *identity_header; /* of a trusted proxy: the client's ID */
	const char *groups_header;   /* its groups, a comma list */
	const char *labels_header;   /* its labels, likewise */
	bool required;               /* no streams for who is nobody */
	const struct trust *trust;
};

/* Why nobody is let in by what a request bears. */
struct auth_refusal {
	int status; /* 0: it is not refused; 400, 401 or 403 */
	const char *why;
};

/*
 * Who sent h over a connection of peer?  key: NULL when tokens are not looked
 * at.  Returns 0 with *id, to be freed, who is nobody in particular where no way
 * in says anything, and also when *no is a refusal; -1 with ENOMEM.
 */
int auth(const struct auth_conf *conf, const struct token_key *key,
    const struct peer *peer, const struct http_head *h, int64_t now_ms,
    const struct identity **id, struct auth_refusal *no);

#endif
