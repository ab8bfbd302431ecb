#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "http_url.h"
#include "opt.h"
#include "options_http.h"
#include "secret.h"

static void
set_url(struct options_http *h)
{
	const char *fault = http_base_fault(optarg);

	if (fault != NULL)
		opt_fault("--url: %s", fault);
	h->url = optarg;
}

/* A file may be named where all can see it. */
static void
take_secret(char **secret)
{
	secret_keep(secret, strdup(optarg));
	if (*optarg != '@')
		secret_hide(optarg);
}

static void
add_header(struct options_http *h)
{
	char **grown = reallocarray(
	    h->headers, h->nheaders + 1, sizeof(*grown));

	if (grown == NULL)
		err(EX_SOFTWARE, NULL);
	h->headers = grown;
	h->headers[h->nheaders] = NULL;
	take_secret(&h->headers[h->nheaders++]);
}

bool
options_http_take(struct options_http *h, int letter)
{
	switch (letter) {
	case 'u':
		set_url(h);
		return true;
	case 'H':
		add_header(h);
		h->given = "--header";
		return true;
	case 'k':
		h->tls.insecure = true;
		h->given = "--insecure";
		return true;
	case OPT_BEARER:
		take_secret(&h->bearer);
		h->given = "--oauth2-bearer";
		return true;
	case OPT_CACERT:
		h->tls.cacert = optarg;
		h->given = "--cacert";
		return true;
	case OPT_CERT:
		h->tls.cert = optarg;
		h->given = "--cert";
		return true;
	case OPT_KEY:
		h->tls.key = optarg;
		if (secret_lax(optarg))
			warnx(SECRET_LAX, optarg);
		h->given = "--key";
		return true;
	}
	return false;
}

void
options_http_check(const struct options_http *h)
{
	if (h->url == NULL && h->given != NULL)
		opt_fault("%s is for --url", h->given);
	if (h->tls.key != NULL && h->tls.cert == NULL)
		opt_fault("--key is that of a certificate: --cert");
}

void
options_http_free(struct options_http *h)
{
	for (size_t i = 0; i < h->nheaders; i++)
		freezero(h->headers[i], strlen(h->headers[i]));
	free(h->headers);
	if (h->bearer != NULL)
		freezero(h->bearer, strlen(h->bearer));
}
