#include <err.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "file.h"
#include "opt.h"
#include "options_http.h"
#include "secret.h"

#define CONNECT_MAX_MS 600000

/* What a file holds is not for a message, hence only its name is told. */
static _Noreturn void
file_fault(const char *what, const char *fault)
{
	if (*optarg != '@')
		opt_fault("%s: %s", what, fault);
	if (fault != NULL)
		errx(EX_NOINPUT, "%s %s: %s", what, optarg, fault);
	err(EX_NOINPUT, "%s", optarg + 1);
}

/* It holds a secret, or it would not be a file. */
static void
note_file(struct options_http *h, const char *path)
{
	if (secret_lax(path))
		h->lax = path;
}

static void
add_header(struct options_http *h, struct transfer *t, const char *what)
{
	const char *fault = NULL;

	if (transfer_add_header(t, optarg, &fault) == -1)
		file_fault(what, fault);
	if (*optarg == '@')
		note_file(h, optarg + 1);
	else
		secret_hide(optarg);
}

static void
take_secret(char **secret)
{
	secret_keep(secret, strdup(optarg));
	secret_hide(optarg);
}

static void
read_bearer(struct options_http *h, struct transfer *t, const char *what)
{
	const char *fault = NULL;
	char *token;

	if (*optarg != '@') {
		take_secret(&t->bearer);
		return;
	}
	if ((token = file_line(optarg + 1, &fault)) == NULL)
		file_fault(what, fault);
	secret_keep(&t->bearer, token);
	if (*token == '\0')
		errx(EX_NOINPUT, "%s: the token is empty", what);
	note_file(h, optarg + 1);
}

static void
read_user(struct transfer *t)
{
	if (strchr(optarg, ':') == NULL)
		opt_fault("--user %s: it is user:password", optarg);
	take_secret(&t->user);
}

static void
add_resolve(struct transfer *t)
{
	if (transfer_append(&t->resolve, optarg) == -1)
		err(EX_SOFTWARE, NULL);
}

bool
options_http_take(struct options_http *h, int letter)
{
	struct transfer *t = &h->from;

	switch (letter) {
	case OPT_CACERT:
		t->cacert = optarg;
		break;
	case OPT_CERT:
		t->cert = optarg;
		break;
	case OPT_CONNECT_TIMEOUT:
		h->connect_ms = opt_time_ms(
		    "--connect-timeout", 1000, 1, CONNECT_MAX_MS);
		break;
	case 'H':
		add_header(h, t, "--header");
		break;
	case 'k':
		t->insecure = true;
		break;
	case OPT_KEY:
		t->key = optarg;
		note_file(h, optarg);
		break;
	case OPT_NETRC:
		t->netrc = true;
		break;
	case OPT_BEARER:
		read_bearer(h, t, "--oauth2-bearer");
		break;
	case OPT_PROXY:
		t->proxy = optarg;
		break;
	case OPT_RESOLVE:
		add_resolve(t);
		break;
	case OPT_SINK_BEARER:
		h->to_given = true;
		read_bearer(h, &h->to, "--sink-oauth2-bearer");
		break;
	case OPT_SINK_HEADER:
		h->to_given = true;
		add_header(h, &h->to, "--sink-header");
		break;
	case OPT_UNIX_SOCKET:
		t->unix_socket = optarg;
		break;
	case OPT_USER:
		read_user(t);
		break;
	default:
		return false;
	}
	h->given = true;
	return true;
}

/* Whom to trust and by which way is the same for both. */
static void
share(struct options_http *h)
{
	h->to.cacert = h->from.cacert;
	h->to.cert = h->from.cert;
	h->to.key = h->from.key;
	h->to.insecure = h->from.insecure;
	h->to.proxy = h->from.proxy;
	h->to.netrc = h->from.netrc;
	for (const struct curl_slist *l = h->from.resolve; l != NULL;
	     l = l->next)
		if (transfer_append(&h->to.resolve, l->data) == -1)
			err(EX_SOFTWARE, NULL);
}

void
options_http_finish(struct options_http *h, bool source, bool sink)
{
	if (h->given && !source && !sink)
		opt_fault("options of requests are for a URL, which is neither "
			  "source nor sink here");
	if (h->to_given && (!sink || !source))
		opt_fault("--sink-header and --sink-oauth2-bearer are for when "
			  "both sides are URLs; for one, they are --header and "
			  "--oauth2-bearer");
	if (source && sink)
		share(h);
	if (transfer_finish(&h->from) == -1 || transfer_finish(&h->to) == -1)
		err(EX_SOFTWARE, NULL);
}

struct transfer *
options_http_sink(struct options_http *h, bool source)
{
	return source ? &h->to : &h->from;
}

void
options_http_free(struct options_http *h)
{
	transfer_free(&h->from);
	transfer_free(&h->to);
}
