#include <errno.h>
#include <string.h>

#include "auth.h"
#include "event.h"

/* Claims while they are gathered, and what their texts lie in. */
struct finding {
	struct claims claims;
	json_t *json; /* owned; NULL: none */
	struct auth_refusal no;
	bool found; /* a way in has spoken */
};

static int
refuse(struct finding *f, int status, const char *why)
{
	f->no = (struct auth_refusal){ status, why };
	return 0;
}

static bool
take(struct sse_text *v, size_t *n, struct sse_text t)
{
	if (*n == CLAIMS_MAX)
		return false;
	v[(*n)++] = t;
	return true;
}

static bool
take_label(struct claims *c, struct sse_text key, struct sse_text value)
{
	if (c->nlabels == CLAIMS_MAX)
		return false;
	c->labels[c->nlabels++] = (struct label){ key, value };
	return true;
}

/* "key=value"; false: it is none, or one too many. */
static bool
split_label(struct claims *c, struct sse_text t)
{
	const char *eq = t.len > 0 ? memchr(t.ptr, '=', t.len) : NULL;
	struct sse_text key = t, value;

	if (eq == NULL)
		return false;
	key.len = (size_t)(eq - t.ptr);
	value = (struct sse_text){ eq + 1, t.len - key.len - 1 };
	return take_label(c, key, value);
}

static struct sse_text
json_text(const json_t *j)
{
	return (struct sse_text){ json_string_value(j), json_string_length(j) };
}

/* A string, or an array of them.  False: it is neither, or they are too many. */
static bool
take_strings(const json_t *j, struct sse_text *v, size_t *n)
{
	size_t i;
	const json_t *one;

	if (json_is_string(j))
		return take(v, n, json_text(j));
	if (!json_is_array(j))
		return false;
	json_array_foreach(j, i, one)
		if (!json_is_string(one) || !take(v, n, json_text(one)))
			return false;
	return true;
}

/* {"key": "value", "key": ["value", ...]} or ["key=value", ...] */
static bool
take_labels(struct claims *c, json_t *j)
{
	const char *key;
	size_t i;
	json_t *one;

	if (json_is_array(j)) {
		json_array_foreach(j, i, one)
			if (!json_is_string(one) ||
			    !split_label(c, json_text(one)))
				return false;
		return true;
	}
	if (!json_is_object(j))
		return false;
	json_object_foreach(j, key, one) {
		struct sse_text values[CLAIMS_MAX];
		size_t n = 0;

		if (!take_strings(one, values, &n))
			return false;
		for (i = 0; i < n; i++)
			if (!take_label(c, text_of(key), values[i]))
				return false;
	}
	return true;
}

/* "sse.NAME", or NAME in an object "sse", as some issuers read the dot. */
static json_t *
claim_of_ours(const json_t *claims, const char *dotted)
{
	json_t *j = json_object_get(claims, dotted);

	return j != NULL ? j
			 : json_object_get(json_object_get(claims, "sse"),
			       dotted + sizeof("sse.") - 1);
}

static const char *
read_claims(struct claims *c, const json_t *from)
{
	json_t *sub = json_object_get(from, "sub");
	json_t *groups = json_object_get(from, "groups");
	json_t *labels = json_object_get(from, "labels");
	json_t *read = claim_of_ours(from, "sse.read");
	json_t *write = claim_of_ours(from, "sse.write");

	if (sub != NULL && json_string_length(sub) == 0)
		return "sub of the token is no string, or empty";
	if (sub != NULL)
		c->client = json_text(sub);
	if (groups != NULL && !take_strings(groups, c->groups, &c->ngroups))
		return "groups of the token are no strings, or more than 64";
	if (labels != NULL && !take_labels(c, labels))
		return "labels of the token are none, or more than 64";
	c->restricted = read != NULL;
	if (read != NULL && !take_strings(read, c->read, &c->nread))
		return "sse.read of the token is no list of patterns, or has "
		       "more than 64";
	if (write != NULL && !take_strings(write, c->write, &c->nwrite))
		return "sse.write of the token is no list of patterns, or has "
		       "more than 64";
	c->may_route = json_is_true(claim_of_ours(from, "sse.routing"));
	return NULL;
}

static struct sse_text
cookie_of(const struct http_head *h, const char *name)
{
	for (size_t i = 0; i < h->nfields; i++) {
		struct sse_text rest = h->fields[i].value;

		if (!http_same(h->fields[i].name, "Cookie"))
			continue;
		while (rest.len > 0) {
			struct sse_text value = text_cut(&rest, ';');

			while (value.len > 0 && *value.ptr == ' ') {
				value.ptr++;
				value.len--;
			}
			if (text_is(text_cut(&value, '='), name))
				return value;
		}
	}
	return (struct sse_text){ NULL, 0 };
}

/* The token that h bears; false: none. */
static bool
token_of(const struct auth_conf *conf, const struct http_head *h,
    struct sse_text *token)
{
	struct sse_text credentials = http_field(h, "Authorization");

	if (http_same(text_cut(&credentials, ' '), "Bearer")) {
		while (credentials.len > 0 && *credentials.ptr == ' ') {
			credentials.ptr++;
			credentials.len--;
		}
		*token = credentials;
		return true;
	}
	if (conf->cookie == NULL)
		return false;
	*token = cookie_of(h, conf->cookie);
	return token->ptr != NULL;
}

static int
by_token(struct finding *f, const struct auth_conf *conf,
    const struct token_key *key, const struct http_head *h, int64_t now_ms)
{
	struct sse_text token;
	const char *why;

	if (key == NULL || !token_of(conf, h, &token))
		return 0;
	f->found = true;
	switch (token_check(
	    key, token, now_ms, &f->json, &f->claims.expires_ms, &why)) {
	case 0:
		break;
	case 1:
		return refuse(f, 401, why);
	default:
		errno = ENOMEM;
		return -1;
	}
	if ((why = read_claims(&f->claims, f->json)) != NULL)
		return refuse(f, 403, why);
	return 0;
}

/* Every member of a list that a trusted proxy has set. */
static bool
by_list(const struct http_head *h, const char *name, struct claims *c,
    bool (*take_one)(struct claims *, struct sse_text))
{
	struct http_list it = { 0 };
	struct sse_text member;

	while (name != NULL && http_list_next(h, name, &it, &member))
		if (!take_one(c, member))
			return false;
	return true;
}

static bool
take_group(struct claims *c, struct sse_text t)
{
	return take(c->groups, &c->ngroups, t);
}

static int
by_proxy(struct finding *f, const struct auth_conf *conf,
    const struct peer *peer, const struct http_head *h)
{
	if (conf->identity_header == NULL ||
	    !trust_has(conf->trust, &peer->addr))
		return 0;
	/* Two might be the client's and the proxy's. */
	if (http_field_count(h, conf->identity_header) > 1) {
		f->found = true;
		return refuse(
		    f, 400, "the field that names the client is there twice");
	}
	f->claims.client = http_field(h, conf->identity_header);
	if (f->claims.client.len == 0)
		return 0;
	f->found = true;
	if (!by_list(h, conf->groups_header, &f->claims, take_group))
		return refuse(f, 403, "the client has more than 64 groups");
	if (!by_list(h, conf->labels_header, &f->claims, split_label))
		return refuse(f, 403,
		    "the client has a label without =, or more than 64");
	return 0;
}

static int
find(struct finding *f, const struct auth_conf *conf,
    const struct token_key *key, const struct peer *peer,
    const struct http_head *h, int64_t now_ms)
{
	const char *fault;

	if (by_proxy(f, conf, peer, h) == -1 ||
	    (!f->found && by_token(f, conf, key, h, now_ms) == -1))
		return -1;
	if (f->no.status == 0 && (fault = claims_fault(&f->claims)) != NULL)
		refuse(f, 403, fault);
	return 0;
}

int
auth(const struct auth_conf *conf, const struct token_key *key,
    const struct peer *peer, const struct http_head *h, int64_t now_ms,
    const struct identity **id, struct auth_refusal *no)
{
	struct finding f = { .claims = CLAIMS_NONE };
	int error = find(&f, conf, key, peer, h, now_ms);

	*no = f.no;
	*id = identity_anonymous(peer->admin);
	if (error == 0 && f.found && no->status == 0 &&
	    (*id = identity_new(&f.claims, peer->admin)) == NULL)
		error = -1;
	json_decref(f.json);
	return error;
}
