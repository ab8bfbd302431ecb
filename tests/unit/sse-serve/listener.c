/* Listening sockets: opened, in use, stale, closed. */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../../cmd/sse-serve/listener.h"

#define nitems(a) (sizeof(a) / sizeof((a)[0]))

static int
open_text(struct listeners *ls, const char *text, bool admin, char *fault)
{
	struct listener_addr a;
	const char *why = "";

	fault[0] = '\0';
	if (listener_addr_parse(&a, text, &why) == -1)
		fail_msg("%s: %s", text, why);
	return listener_open(ls, &a,
	    &(struct listener_how){ .admin = admin, .mode = 0660 }, fault);
}

static int
port_of(const struct listener *l)
{
	const char *colon = strrchr(l->url, ':');

	return (int)strtol(colon + 1, NULL, 10);
}

/* Connecting to it succeeds. */
static bool
answers(const struct listener *l)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof(ss);
	int fd, status;

	assert_int_equal(getsockname(l->fd, (void *)&ss, &len), 0);
	fd = socket(ss.ss_family, SOCK_STREAM, 0);
	assert_true(fd != -1);
	status = connect(fd, (const void *)&ss, len);
	close(fd);
	return status == 0;
}

static bool
has_ipv6(void)
{
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6,
		.sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM, 0);
	bool has = fd != -1 && bind(fd, (const void *)&in6, sizeof(in6)) == 0;

	if (fd != -1)
		close(fd);
	return has;
}

/* On both loopbacks, with one number; on one, where there is no IPv6. */
static void
free_port(void **state)
{
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX];

	(void)state;
	assert_int_equal(open_text(&ls, "0", false, fault), 0);
	assert_int_equal(ls.n, has_ipv6() ? 2 : 1);
	assert_memory_equal(ls.v[0].url, "http://127.0.0.1:", 17);
	assert_true(port_of(&ls.v[0]) > 0);
	for (size_t i = 0; i < ls.n; i++) {
		assert_int_equal(port_of(&ls.v[i]), port_of(&ls.v[0]));
		assert_true(answers(&ls.v[i]));
		assert_true(fcntl(ls.v[i].fd, F_GETFL) & O_NONBLOCK);
		assert_true(fcntl(ls.v[i].fd, F_GETFD) & FD_CLOEXEC);
		assert_false(ls.v[i].admin || ls.v[i].is_unix);
	}
	listener_close(&ls);
	assert_null(ls.v);
	assert_int_equal(ls.n, 0);
}

static void
port_in_use(void **state)
{
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX], text[32], only[36];

	(void)state;
	assert_int_equal(open_text(&ls, "127.0.0.1:0", false, fault), 0);
	snprintf(text, sizeof(text), "%d", port_of(&ls.v[0]));
	assert_int_equal(open_text(&ls, text, false, fault), EX_UNAVAILABLE);
	assert_non_null(strstr(fault, text));
	assert_non_null(strstr(fault, "in use"));
	assert_int_equal(ls.n, 1);
	snprintf(only, sizeof(only), "*:%s", text);
	assert_int_equal(open_text(&ls, only, false, fault), EX_UNAVAILABLE);
	assert_int_equal(ls.n, 1);
	assert_true(answers(&ls.v[0]));
	listener_close(&ls);
	/* It is free again at once. */
	assert_int_equal(open_text(&ls, text, false, fault), 0);
	listener_close(&ls);
}

/* False: 127.0.0.1 and that port were somebody else's meanwhile. */
static bool
half_given_back(void)
{
	struct listeners six = { 0 }, ls = { 0 };
	char fault[LISTENER_FAULT_MAX], text[32];
	bool back;

	assert_int_equal(open_text(&six, "[::1]:0", false, fault), 0);
	snprintf(text, sizeof(text), "%d", port_of(&six.v[0]));
	assert_int_equal(open_text(&ls, text, false, fault), EX_UNAVAILABLE);
	assert_int_equal(ls.n, 0);
	back = strstr(fault, "[::1]") != NULL;
	snprintf(text, sizeof(text), "127.0.0.1:%d", port_of(&six.v[0]));
	back = back && open_text(&ls, text, false, fault) == 0;
	listener_close(&ls);
	listener_close(&six);
	return back;
}

/* When the second address of a port is taken, the first is given back. */
static void
half_in_use(void **state)
{
	int tries = 1;

	(void)state;
	if (!has_ipv6())
		skip();
	while (!half_given_back())
		assert_in_range(++tries, 1, 10);
}

/* A minimal root has no /etc/hosts; there the name leads nowhere. */
static bool
knows_localhost(void)
{
	struct addrinfo *ai;

	if (getaddrinfo("localhost", NULL, NULL, &ai) != 0)
		return false;
	freeaddrinfo(ai);
	return true;
}

static void
addresses(void **state)
{
	const struct {
		const char *text;
		bool admin;
		int status;
		const char *says;
	} cases[] = {
		{ "127.0.0.1:0", true, 0, "" },
		{ "127.9.9.9:0", true, 0, "" },
		{ "localhost:0", true, knows_localhost() ? 0 : EX_UNAVAILABLE,
		    "" },
		{ "0", true, 0, "" },
		{ "*:0", false, 0, "" },
		{ "0.0.0.0:0", false, 0, "" },
		{ "*:0", true, EX_USAGE, "loopback" },
		{ "0.0.0.0:0", true, EX_USAGE, "loopback" },
		{ "[::]:0", true, EX_USAGE, "loopback" },
		{ "192.0.2.1:0", true, EX_USAGE, "loopback" },
		{ "192.0.2.1:0", false, EX_UNAVAILABLE, "192.0.2.1" },
		{ "no-such-host.invalid:0", false, EX_UNAVAILABLE,
		    "no-such-host.invalid" },
	};
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX];

	(void)state;
	for (size_t i = 0; i < nitems(cases); i++) {
		int status = open_text(
		    &ls, cases[i].text, cases[i].admin, fault);

		if (status != cases[i].status ||
		    strstr(fault, cases[i].says) == NULL)
			fail_msg("%s: %d \"%s\"", cases[i].text, status, fault);
		assert_true((status == 0) == (ls.n > 0));
		for (size_t k = 0; k < ls.n; k++)
			assert_int_equal(ls.v[k].admin, cases[i].admin);
		listener_close(&ls);
	}
}

/* The tests of Unix sockets run in a directory of their own. */
static int
enter(void **state)
{
	char *dir = strdup("/tmp/listener-XXXXXX");

	*state = dir;
	return dir == NULL || mkdtemp(dir) == NULL || chdir(dir) == -1 ? -1 : 0;
}

static int
leave(void **state)
{
	char *dir = *state;
	int status = unlink("file") | chdir("/");

	(void)status;
	/* Fails, and the test with it, when a socket was left behind. */
	status = rmdir(dir);
	free(dir);
	return status;
}

static void
unix_socket(void **state)
{
	const char *dir = *state;
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX], want[64];
	struct listener_addr a;
	const char *why;
	struct stat st;
	mode_t mask = umask(027);

	assert_int_equal(open_text(&ls, "unix:sock", true, fault), 0);
	assert_int_equal(ls.n, 1);
	assert_true(ls.v[0].is_unix && ls.v[0].admin);
	snprintf(want, sizeof(want), "unix:%s/sock", dir);
	assert_string_equal(ls.v[0].url, want);
	assert_true(answers(&ls.v[0]));
	assert_int_equal(stat("sock", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	/* One that answers is not touched. */
	assert_int_equal(
	    open_text(&ls, "unix:sock", true, fault), EX_UNAVAILABLE);
	assert_non_null(strstr(fault, "sock"));
	assert_true(answers(&ls.v[0]));

	assert_int_equal(listener_addr_parse(&a, "unix:open", &why), 0);
	assert_int_equal(listener_open(&ls, &a,
			     &(struct listener_how){ .mode = 0666 }, fault),
	    0);
	assert_int_equal(stat("open", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0666);
	assert_int_equal(umask(mask), 027);
	listener_close(&ls);
	assert_int_equal(stat("sock", &st), -1);
	assert_int_equal(stat("open", &st), -1);
}

static void
stale_unix_socket(void **state)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = "sock" };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX];

	(void)state;
	assert_int_equal(bind(fd, (const void *)&un, sizeof(un)), 0);
	close(fd);
	assert_int_equal(open_text(&ls, "unix:sock", false, fault), 0);
	assert_true(answers(&ls.v[0]));
	listener_close(&ls);
}

/* Somebody else's socket that took the place of ours stays. */
static void
replaced_unix_socket(void **state)
{
	struct listeners ours = { 0 }, theirs = { 0 };
	char fault[LISTENER_FAULT_MAX];
	struct stat st;

	(void)state;
	assert_int_equal(open_text(&ours, "unix:sock", false, fault), 0);
	assert_int_equal(rename("sock", "old"), 0);
	assert_int_equal(open_text(&theirs, "unix:sock", false, fault), 0);
	listener_close(&ours);
	assert_int_equal(stat("sock", &st), 0);
	assert_true(answers(&theirs.v[0]));
	listener_close(&theirs);
	assert_int_equal(unlink("old"), 0);
}

static void
unix_faults(void **state)
{
	struct listeners ls = { 0 };
	char fault[LISTENER_FAULT_MAX];
	struct stat st;

	(void)state;
	close(open("file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
	assert_int_equal(
	    open_text(&ls, "unix:file", false, fault), EX_CANTCREAT);
	assert_non_null(strstr(fault, "no socket"));
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(
	    open_text(&ls, "unix:none/sock", false, fault), EX_CANTCREAT);
	assert_non_null(strstr(fault, "none/sock"));
	assert_int_equal(ls.n, 0);
	listener_close(&ls);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(free_port),
		cmocka_unit_test(port_in_use),
		cmocka_unit_test(half_in_use),
		cmocka_unit_test(addresses),
		cmocka_unit_test_setup_teardown(unix_socket, enter, leave),
		cmocka_unit_test_setup_teardown(
		    stale_unix_socket, enter, leave),
		cmocka_unit_test_setup_teardown(
		    replaced_unix_socket, enter, leave),
		cmocka_unit_test_setup_teardown(unix_faults, enter, leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
