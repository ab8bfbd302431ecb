#include <string.h>
#include <strings.h>
#include <sysexits.h>

#include <openssl/x509_vfy.h>

#include "verdict.h"

#define WAIT_MIN_MS INT64_C(100) /* "retry: 0" is no licence to spin */

bool
verdict_event_stream(const char *type)
{
	static const char name[] = "text/event-stream";
	const size_t len = sizeof(name) - 1;

	if (type == NULL)
		return false;
	type += strspn(type, " \t");
	if (strncasecmp(type, name, len) != 0)
		return false;
	type += len;
	type += strspn(type, " \t");
	return *type == '\0' || *type == ';';
}

struct verdict
verdict_of_response(long status, const char *type)
{
	switch (status) {
	case 200:
		if (verdict_event_stream(type))
			return (struct verdict){ VERDICT_GOOD, EX_OK };
		break;
	case 204:
		return (struct verdict){ VERDICT_END, EX_OK };
	case 401:
	case 403:
	case 407:
		return (struct verdict){ VERDICT_NEVER, EX_NOPERM };
	case 408:
	case 429:
		return (struct verdict){ VERDICT_LATER, EX_PROTOCOL };
	default:
		if (status >= 500 && status <= 599)
			return (struct verdict){ VERDICT_LATER, EX_PROTOCOL };
	}
	return (struct verdict){ VERDICT_NEVER, EX_PROTOCOL };
}

struct verdict
verdict_of_post(long status)
{
	struct verdict v = verdict_of_response(status, NULL);

	switch (status) {
	case 413:
		v.status = EX_DATAERR;
		break;
	case 408:
	case 429:
	case 503:
	case 507:
		v.status = EX_TEMPFAIL;
		break;
	case 502: /* a proxy says that its server is away */
	case 504:
		v.status = EX_UNAVAILABLE;
		break;
	}
	return v;
}

struct verdict
verdict_of_failure(CURLcode code)
{
	switch (code) {
	case CURLE_URL_MALFORMAT:
		return (struct verdict){ VERDICT_NEVER, EX_USAGE };
	/* The scheme was looked at before: here it is that of a redirection. */
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_BAD_CONTENT_ENCODING:
		return (struct verdict){ VERDICT_NEVER, EX_PROTOCOL };
	case CURLE_LOGIN_DENIED:
	case CURLE_REMOTE_ACCESS_DENIED:
		return (struct verdict){ VERDICT_NEVER, EX_NOPERM };
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_CIPHER:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_UNKNOWN_OPTION:
	case CURLE_NOT_BUILT_IN:
		return (struct verdict){ VERDICT_NEVER, EX_CONFIG };
	case CURLE_OUT_OF_MEMORY:
	case CURLE_FAILED_INIT:
		return (struct verdict){ VERDICT_NEVER, EX_SOFTWARE };
	default:
		return (struct verdict){ VERDICT_LATER, EX_UNAVAILABLE };
	}
}

const char *
verdict_remedy(CURLcode code, long checked)
{
	if (code != CURLE_PEER_FAILED_VERIFICATION)
		return "";
	/* No authority helps against a name that differs, or against time. */
	switch (checked) {
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "; --cacert FILE names authorities to trust";
	}
	return "";
}

int64_t
verdict_wait_ms(int64_t reconnection_ms, unsigned int failures, int64_t max_ms,
    uint32_t random)
{
	int64_t wait = reconnection_ms;

	if (wait < WAIT_MIN_MS)
		wait = WAIT_MIN_MS;
	for (unsigned int i = 1; i < failures && wait < max_ms; i++)
		wait = wait > max_ms / 2 ? max_ms : wait * 2;
	return wait + wait / 4 * (random >> 16) / UINT16_MAX;
}
