/* What an answer means, and how long to wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sysexits.h>

#include <cmocka.h>
#include <openssl/x509_vfy.h>

#include "verdict.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static void
types(void **state)
{
	static const struct {
		const char *type;
		bool is;
	} cases[] = {
		{ "text/event-stream", true },
		{ "Text/Event-Stream", true },
		{ "text/event-stream;charset=utf-8", true },
		{ "text/event-stream ; charset=utf-8", true },
		{ " text/event-stream", true },
		{ "text/event-streams", false },
		{ "text/event-stream/x", false },
		{ "text/event", false },
		{ "text/html", false },
		{ "", false },
		{ NULL, false },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++)
		if (verdict_event_stream(cases[i].type) != cases[i].is)
			fail_msg("%s", cases[i].type);
}

static void
responses(void **state)
{
	static const struct {
		long http;
		enum verdict_what what;
		int status;
	} cases[] = {
		{ 200, VERDICT_GOOD, EX_OK },
		{ 204, VERDICT_END, EX_OK },
		{ 201, VERDICT_NEVER, EX_PROTOCOL },
		{ 205, VERDICT_NEVER, EX_PROTOCOL },
		{ 206, VERDICT_NEVER, EX_PROTOCOL },
		{ 304, VERDICT_NEVER, EX_PROTOCOL },
		{ 400, VERDICT_NEVER, EX_PROTOCOL },
		{ 401, VERDICT_NEVER, EX_NOPERM },
		{ 403, VERDICT_NEVER, EX_NOPERM },
		{ 404, VERDICT_NEVER, EX_PROTOCOL },
		{ 407, VERDICT_NEVER, EX_NOPERM },
		{ 408, VERDICT_LATER, EX_PROTOCOL },
		{ 429, VERDICT_LATER, EX_PROTOCOL },
		{ 500, VERDICT_LATER, EX_PROTOCOL },
		{ 503, VERDICT_LATER, EX_PROTOCOL },
		{ 599, VERDICT_LATER, EX_PROTOCOL },
		{ 600, VERDICT_NEVER, EX_PROTOCOL },
		{ 0, VERDICT_NEVER, EX_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct verdict v = verdict_of_response(
		    cases[i].http, "text/event-stream");

		if (v.what != cases[i].what || v.status != cases[i].status)
			fail_msg("HTTP status %ld", cases[i].http);
	}
	assert_int_equal(
	    verdict_of_response(200, "text/html").what, VERDICT_NEVER);
	assert_int_equal(
	    verdict_of_response(204, "text/html").what, VERDICT_END);
}

/* Of a POST: the same are temporary, and more is told of why. */
static void
posts(void **state)
{
	static const struct {
		long http;
		enum verdict_what what;
		int status;
	} cases[] = {
		{ 301, VERDICT_NEVER, EX_PROTOCOL },
		{ 400, VERDICT_NEVER, EX_PROTOCOL },
		{ 401, VERDICT_NEVER, EX_NOPERM },
		{ 404, VERDICT_NEVER, EX_PROTOCOL },
		{ 407, VERDICT_NEVER, EX_NOPERM },
		{ 408, VERDICT_LATER, EX_TEMPFAIL },
		{ 413, VERDICT_NEVER, EX_DATAERR },
		{ 422, VERDICT_NEVER, EX_PROTOCOL },
		{ 429, VERDICT_LATER, EX_TEMPFAIL },
		{ 500, VERDICT_LATER, EX_PROTOCOL },
		{ 502, VERDICT_LATER, EX_UNAVAILABLE },
		{ 503, VERDICT_LATER, EX_TEMPFAIL },
		{ 504, VERDICT_LATER, EX_UNAVAILABLE },
		{ 507, VERDICT_LATER, EX_TEMPFAIL },
		{ 600, VERDICT_NEVER, EX_PROTOCOL },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct verdict v = verdict_of_post(cases[i].http);

		if (v.what != cases[i].what || v.status != cases[i].status)
			fail_msg("HTTP status %ld", cases[i].http);
	}
}

static void
failures(void **state)
{
	static const struct {
		CURLcode code;
		enum verdict_what what;
		int status;
	} cases[] = {
		{ CURLE_COULDNT_CONNECT, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_COULDNT_RESOLVE_HOST, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_GOT_NOTHING, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_RECV_ERROR, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_PARTIAL_FILE, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_OPERATION_TIMEDOUT, VERDICT_LATER, EX_UNAVAILABLE },
		{ CURLE_TOO_MANY_REDIRECTS, VERDICT_NEVER, EX_PROTOCOL },
		{ CURLE_UNSUPPORTED_PROTOCOL, VERDICT_NEVER, EX_PROTOCOL },
		{ CURLE_BAD_CONTENT_ENCODING, VERDICT_NEVER, EX_PROTOCOL },
		{ CURLE_LOGIN_DENIED, VERDICT_NEVER, EX_NOPERM },
		{ CURLE_URL_MALFORMAT, VERDICT_NEVER, EX_USAGE },
		{ CURLE_SSL_CACERT_BADFILE, VERDICT_NEVER, EX_CONFIG },
		{ CURLE_OUT_OF_MEMORY, VERDICT_NEVER, EX_SOFTWARE },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		struct verdict v = verdict_of_failure(cases[i].code);

		if (v.what != cases[i].what || v.status != cases[i].status)
			fail_msg("%s", curl_easy_strerror(cases[i].code));
	}
}

/* Authorities are named where they are what is missing. */
static void
remedies(void **state)
{
	(void)state;
	assert_string_equal(verdict_remedy(CURLE_PEER_FAILED_VERIFICATION,
				X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT),
	    "; --cacert FILE names authorities to trust");
	assert_string_equal(verdict_remedy(CURLE_PEER_FAILED_VERIFICATION,
				X509_V_ERR_CERT_HAS_EXPIRED),
	    "");
	assert_string_equal(
	    verdict_remedy(CURLE_PEER_FAILED_VERIFICATION, X509_V_OK), "");
	assert_string_equal(verdict_remedy(CURLE_SSL_CONNECT_ERROR,
				X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT),
	    "");
}

static void
waits(void **state)
{
	static const struct {
		int64_t reconnection;
		unsigned int failures;
		int64_t max, least, most;
	} cases[] = {
		{ 3000, 1, 60000, 3000, 3750 },
		{ 3000, 2, 60000, 6000, 7500 },
		{ 3000, 5, 60000, 48000, 60000 },
		{ 3000, 6, 60000, 60000, 75000 },
		{ 3000, UINT32_MAX, 60000, 60000, 75000 },
		{ 0, 1, 60000, 100, 125 },
		{ 0, 2, 60000, 200, 250 },
		{ 90000, 1, 60000, 90000, 112500 },
		{ 90000, 9, 60000, 90000, 112500 },
		{ 86400000, 9, INT64_MAX / 4, 22118400000, 27648000000 },
	};

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		assert_true(
		    verdict_wait_ms(cases[i].reconnection, cases[i].failures,
			cases[i].max, 0) == cases[i].least);
		assert_true(
		    verdict_wait_ms(cases[i].reconnection, cases[i].failures,
			cases[i].max, UINT32_MAX) == cases[i].most);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types),
		cmocka_unit_test(responses),
		cmocka_unit_test(posts),
		cmocka_unit_test(failures),
		cmocka_unit_test(remedies),
		cmocka_unit_test(waits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
