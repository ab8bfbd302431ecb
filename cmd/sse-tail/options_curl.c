#include <err.h>
#include <readpassphrase.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include <getopt.h>

#include "file.h"
#include "options_curl.h"
#include "secret.h"
#include "table.h"

#define PASSWORD_MAX 1024

/* What a file holds is not for a message, hence only its name is told. */
static _Noreturn void
file_fault(const char *what, const char *arg, const char *fault)
{
	if (*arg != '@')
		opt_fault("%s: %s", what, fault);
	if (fault != NULL)
		errx(EX_NOINPUT, "%s %s: %s", what, arg, fault);
	err(EX_NOINPUT, "%s", arg + 1);
}

static void
note_file(struct options *o, const char *path)
{
	if (secret_lax(path))
		o->lax = path;
}

static void
add_header(struct options *o)
{
	const char *fault = NULL;

	if (transfer_add_header(&o->transfer, optarg, &fault) == -1)
		file_fault("-H", optarg, fault);
	if (*optarg == '@')
		note_file(o, optarg + 1);
	else
		secret_hide(optarg);
}

static void
add_data(struct options *o, const char *what, enum transfer_data how)
{
	const char *fault = NULL;

	if (transfer_add_data(&o->transfer, how, optarg, &fault) == -1)
		file_fault(what, optarg, fault);
}

static void
add(struct curl_slist **list)
{
	if (transfer_append(list, optarg) == -1)
		err(EX_SOFTWARE, NULL);
}

static void
ask_password(char *password, size_t cap, const char *what, const char *user)
{
	char prompt[256];

	snprintf(prompt, sizeof(prompt), "Password of %.200s: ", user);
	if (readpassphrase(prompt, password, cap, RPP_REQUIRE_TTY) == NULL)
		opt_fault("%s %s needs a password (user:password), and there "
			  "is no terminal to ask for it",
		    what, user);
}

static void
read_user(char **user, const char *what)
{
	char password[PASSWORD_MAX] = "", *both = NULL;

	if (strchr(optarg, ':') != NULL) {
		both = strdup(optarg);
		secret_hide(optarg);
	} else {
		ask_password(password, sizeof(password), what, optarg);
		if (asprintf(&both, "%s:%s", optarg, password) == -1)
			both = NULL;
		explicit_bzero(password, sizeof(password));
	}
	secret_keep(user, both);
}

static void
read_bearer(struct options *o)
{
	static const char variable[] = "env:";
	const char *fault = NULL, *value = optarg;
	char *token;

	if (strncmp(optarg, variable, sizeof(variable) - 1) == 0) {
		o->secret_name = optarg + sizeof(variable) - 1;
		if ((value = secure_getenv(o->secret_name)) == NULL)
			errx(EX_NOINPUT,
			    "--oauth2-bearer: no variable %s is set",
			    o->secret_name);
	}
	if (*optarg == '@') {
		token = file_line(optarg + 1, &fault);
		if (token == NULL)
			file_fault("--oauth2-bearer", optarg, fault);
		note_file(o, optarg + 1);
	} else {
		token = strdup(value);
		if (value == optarg)
			secret_hide(optarg);
	}
	secret_keep(&o->transfer.bearer, token);
	if (*token == '\0')
		errx(EX_NOINPUT, "--oauth2-bearer: the token is empty");
}

static void
read_cookies(struct options *o)
{
	secret_keep(&o->transfer.cookies, strdup(optarg));
	if (strchr(optarg, '=') == NULL)
		note_file(o, optarg);
	else
		secret_hide(optarg);
}

/* Those whose argument is kept as it is. */
static const char **
text_of_letter(struct transfer *t, int letter)
{
	switch (letter) {
	case 'A':
		return &t->agent;
	case 'X':
		return &t->method;
	case 'x':
		return &t->proxy;
	case OPT_CACERT:
		return &t->cacert;
	case OPT_CAPATH:
		return &t->capath;
	case OPT_CERT:
		return &t->cert;
	case OPT_INTERFACE:
		return &t->interface;
	case OPT_NOPROXY:
		return &t->noproxy;
	case OPT_UNIX_SOCKET:
		return &t->unix_socket;
	}
	return NULL;
}

void
options_curl(struct options *o, int letter)
{
	struct transfer *t = &o->transfer;
	const char **text = text_of_letter(t, letter);

	if (text != NULL)
		*text = optarg;
	switch (letter) {
	case '4':
		t->ip = CURL_IPRESOLVE_V4;
		break;
	case '6':
		t->ip = CURL_IPRESOLVE_V6;
		break;
	case 'b':
		read_cookies(o);
		break;
	case 'd':
		add_data(o, "-d", DATA_PLAIN);
		break;
	case 'H':
		add_header(o);
		break;
	case 'k':
		t->insecure = true;
		break;
	case 'U':
		read_user(&t->proxy_user, "-U");
		break;
	case 'u':
		read_user(&t->user, "-u");
		break;
	case OPT_COMPRESSED:
		t->compressed = true;
		break;
	case OPT_CONNECT_TO:
		add(&t->connect_to);
		break;
	case OPT_DATA_BINARY:
		add_data(o, "--data-binary", DATA_BINARY);
		break;
	case OPT_DATA_RAW:
		add_data(o, "--data-raw", DATA_RAW);
		break;
	case OPT_DIGEST:
		t->digest = true;
		break;
	case OPT_HTTP1_1:
		t->http = CURL_HTTP_VERSION_1_1;
		break;
	case OPT_HTTP2:
		t->http = CURL_HTTP_VERSION_2_0;
		break;
	case OPT_HTTP2_PRIOR:
		t->http = CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
		break;
	case OPT_JSON:
		add_data(o, "--json", DATA_JSON);
		break;
	case OPT_KEY:
		t->key = optarg;
		note_file(o, optarg);
		break;
	case OPT_NETRC:
		t->netrc = true;
		break;
	case OPT_NETRC_FILE:
		t->netrc_file = optarg;
		note_file(o, optarg);
		break;
	case OPT_OAUTH2_BEARER:
		read_bearer(o);
		break;
	case OPT_RESOLVE:
		add(&t->resolve);
		break;
	}
}
