#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "http_url.h"
#include "opt.h"
#include "options_http.h"

static void
set_url(struct options_http *h)
{
	const char *fault = http_base_fault(optarg);

	if (fault != NULL)
		opt_fault("--url: %s", fault);
	h->url = optarg;
}

static void
add_header(struct options_http *h)
{
	const char **grown = reallocarray(
	    h->headers, h->nheaders + 1, sizeof(*grown));

	if (grown == NULL)
		err(EX_SOFTWARE, NULL);
	h->headers = grown;
	h->headers[h->nheaders++] = optarg;
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
		h->bearer = optarg;
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
	free(h->headers);
}
