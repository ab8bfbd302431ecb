#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "redis_auth.h"
#include "redis_url.h"

static void
write_file(const char *name, const char *text, mode_t mode)
{
	int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	assert_int_equal(chmod(name, mode), 0);
}

static void
test_sources(void **state)
{
	char dir[] = "/tmp/sse-unit.XXXXXX", name[64];
	char lines[2 * REDIS_PASSWORD_MAX];
	const char *from;
	char *password;
	bool lax;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(name, sizeof(name), "%s/pw", dir);
	unsetenv("SSE_REDIS_PASSWORD");
	unsetenv("SSE_REDIS_PASSWORD_FILE");
	assert_int_equal(redis_auth_read(NULL, &password, NULL, &lax), 0);
	assert_null(password);

	setenv("SSE_REDIS_PASSWORD_FILE", name, 1);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, &lax), -1);
	assert_int_equal(errno, ENOENT);
	write_file(name, "of a file\r\nsecond\n", 0600);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, &lax), 0);
	assert_string_equal(password, "of a file");
	assert_false(lax);
	redis_url_forget(password);
	write_file(name, "no line end", 0640);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, &lax), 0);
	assert_string_equal(password, "no line end");
	assert_true(lax);
	redis_url_forget(password);
	write_file(name, "\n", 0600);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, NULL), -1);
	assert_int_equal(errno, EINVAL);
	memset(lines, 'x', sizeof(lines));
	lines[REDIS_PASSWORD_MAX + 1] = '\0';
	write_file(name, lines, 0600);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, NULL), -1);
	assert_int_equal(errno, EFBIG);
	lines[REDIS_PASSWORD_MAX] = '\0';
	write_file(name, lines, 0600);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, NULL), 0);
	assert_int_equal(strlen(password), REDIS_PASSWORD_MAX);
	redis_url_forget(password);

	setenv("SSE_REDIS_PASSWORD", "of the environment", 1);
	assert_int_equal(redis_auth_read(NULL, &password, NULL, &lax), 0);
	assert_string_equal(password, "of the environment");
	redis_url_forget(password);

	/* What an option names goes before all of that. */
	write_file(name, "of the option\n", 0600);
	assert_int_equal(redis_auth_read(name, &password, &from, &lax), 0);
	assert_string_equal(password, "of the option");
	assert_string_equal(from, name);
	redis_url_forget(password);
	assert_int_equal(redis_auth_read(dir, &password, &from, &lax), -1);
	assert_int_equal(errno, EISDIR);
	unlink(name);
	rmdir(dir);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sources),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
