#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sysexits.h>
#include <unistd.h>

#include "bare.h"
#include "number.h"
#include "server.h"
#include "stamp.h"

#define OPTIONS_MAX 32
#define OPEN_MAX 64 /* POSTs on their way when flooding */
#define NCHAN_MODULE "/usr/lib/nginx/modules/ngx_nchan_module.so"

static struct sockaddr_in
loopback(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_port = htons(port) };

	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return a;
}

uint16_t
server_free_port(void)
{
	struct sockaddr_in a = loopback(0);
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	if (fd == -1 || bind(fd, (struct sockaddr *)&a, len) == -1 ||
	    getsockname(fd, (struct sockaddr *)&a, &len) == -1)
		err(EX_OSERR, "no free port");
	close(fd);
	return ntohs(a.sin_port);
}

static int
dial(uint16_t port)
{
	struct sockaddr_in a = loopback(port);
	int on = 1;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == -1) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

void
server_await(uint16_t port, const char *name)
{
	for (int i = 0; i < 1000; i++) {
		int fd = dial(port);

		if (fd != -1) {
			close(fd);
			return;
		}
		usleep(10000);
	}
	errx(EX_UNAVAILABLE, "%s does not listen on port %u", name, port);
}

/* In the child: die with the parent, read from feed, be quiet. */
static void
become_server(int feed)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (feed == -1)
		feed = null;
	dup2(feed, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	if (getenv("BENCH_VERBOSE") == NULL)
		dup2(null, STDERR_FILENO);
	close(null);
}

/* Start what run() is in a child, which reads what we write to s->feed. */
static void
start(struct server *s, const char *name, void (*run)(void *arg), void *arg)
{
	int fds[2];

	s->name = name;
	if (pipe2(fds, O_CLOEXEC) == -1)
		err(EX_OSERR, "pipe");
	fflush(NULL);
	if ((s->pid = fork()) == -1)
		err(EX_OSERR, "fork");
	if (s->pid == 0) {
		become_server(fds[0]);
		run(arg);
		_exit(EX_OSERR);
	}
	close(fds[0]);
	s->feed = fds[1];
	server_await(s->port, name);
}

static void
run_program(void *arg)
{
	char *const *argv = arg;

	execv(argv[0], argv);
}

void
server_sse(struct server *s, const char *const *options)
{
	server_sse_on(s, server_free_port(), options);
}

void
server_sse_on(struct server *s, uint16_t port, const char *const *options)
{
	const char *argv[OPTIONS_MAX];
	char program[4096], listen[64];
	const char *build = getenv("BUILD");
	int n = 0;

	memset(s, 0, sizeof(*s));
	s->port = port;
	s->path = "/events/news";
	snprintf(program, sizeof(program), "%s/sse-serve",
	    build == NULL ? "build" : build);
	snprintf(listen, sizeof(listen), "127.0.0.1:%u", s->port);
	argv[n++] = program;
	argv[n++] = "-l";
	argv[n++] = listen;
	argv[n++] = "-c";
	argv[n++] = "news";
	argv[n++] = "--max-connections";
	argv[n++] = "19900";
	while (*options != NULL && n < OPTIONS_MAX - 1)
		argv[n++] = *options++;
	argv[n] = NULL;
	start(s, "sse-serve", run_program, (void *)(uintptr_t)argv);
}

void
server_sse_redis(struct server *s, const char *url, const char *const *options)
{
	struct server pub = { .port = 0 };
	char program[4096];
	const char *argv[] = { program, "-r", url, "news", NULL };
	const char *build = getenv("BUILD");

	server_sse(s, options);
	close(s->feed);
	snprintf(program, sizeof(program), "%s/sse-pub",
	    build == NULL ? "build" : build);
	pub.port = s->port; /* which is listened on already */
	start(&pub, "sse-pub", run_program, (void *)(uintptr_t)argv);
	s->publisher = pub.pid;
	s->feed = pub.feed;
}

static void
run_bare(void *arg)
{
	bare_run(*(uint16_t *)arg);
}

void
server_bare(struct server *s)
{
	memset(s, 0, sizeof(*s));
	s->port = server_free_port();
	s->path = "/";
	start(s, "bare loop", run_bare, &s->port);
}

static const char nginx_conf[] =
    "load_module " NCHAN_MODULE ";\n"
    "daemon off; worker_processes 1; user root; pid %s/pid;\n"
    "error_log %s/error.log crit; worker_rlimit_nofile 20000;\n"
    "events { worker_connections 19990; multi_accept on; }\n"
    "http { access_log off; keepalive_requests 1000000000;\n"
    "keepalive_timeout 1h; client_body_temp_path %s/body;\n"
    "nchan_max_reserved_memory 512m;\n"
    "%s\n"
    "server { listen 127.0.0.1:%u backlog=4096;\n"
    "location = /events { nchan_subscriber eventsource;\n"
    "  nchan_channel_id news; }\n"
    "location = /pub { nchan_publisher; nchan_channel_id news;\n"
    "  nchan_message_buffer_length 100; nchan_message_timeout 5m; }\n"
    "} }\n";

static void
write_conf(const struct server *s, const char *path, const char *more)
{
	FILE *f = fopen(path, "w");

	if (f == NULL)
		err(EX_CANTCREAT, "%s", path);
	fprintf(f, nginx_conf, s->dir, s->dir, s->dir, more, s->port);
	if (fclose(f) == EOF)
		err(EX_IOERR, "%s", path);
}

bool
server_nchan(struct server *s, const char *dir, const char *more)
{
	char conf[4096];
	const char *argv[] = { "/usr/sbin/nginx", "-c", conf, NULL };

	memset(s, 0, sizeof(*s));
	if (access(argv[0], X_OK) == -1 || access(NCHAN_MODULE, R_OK) == -1) {
		warnx("without nchan: \"make bench-deps\" installs it");
		return false;
	}
	s->port = server_free_port();
	s->path = "/events";
	if (asprintf(&s->dir, "%s/nginx.%u", dir, s->port) == -1)
		err(EX_OSERR, "nginx");
	if (*dir != '/') {
		char *here = realpath(dir, NULL);

		if (here == NULL)
			err(EX_NOINPUT, "%s", dir);
		free(s->dir);
		if (asprintf(&s->dir, "%s/nginx.%u", here, s->port) == -1)
			err(EX_OSERR, "nginx");
		free(here);
	}
	if (mkdir(s->dir, 0700) == -1 && errno != EEXIST)
		err(EX_CANTCREAT, "%s", s->dir);
	snprintf(conf, sizeof(conf), "%s/nginx.conf", s->dir);
	write_conf(s, conf, more);
	start(s, "nchan", run_program, (void *)(uintptr_t)argv);
	close(s->feed);
	if ((s->feed = dial(s->port)) == -1)
		err(EX_UNAVAILABLE, "nchan");
	s->posts = true;
	return true;
}

static void
write_all(struct server *s, const char *p, size_t len)
{
	while (len > 0) {
		ssize_t n = write(s->feed, p, len);

		if (n == -1)
			err(EX_IOERR, "%s does not take events", s->name);
		p += n;
		len -= (size_t)n;
	}
}

/* Each answer's head begins so, and nothing else of it does. */
static unsigned int
count_answers(const char *p, size_t len)
{
	const char *end = p + len;
	unsigned int n = 0;

	while ((p = memmem(p, (size_t)(end - p), "HTTP/1.1 20", 11)) != NULL) {
		n++;
		p += 11;
	}
	return n;
}

/* Read answers until at most that many are open.  They come in few pieces. */
static void
read_answers(struct server *s, unsigned int open)
{
	char buf[64 << 10];

	while (s->open > open) {
		ssize_t n = recv(s->feed, buf, sizeof(buf), 0);
		unsigned int answers;

		if (n <= 0)
			err(EX_UNAVAILABLE, "%s", s->name);
		answers = count_answers(buf, (size_t)n);
		s->open -= answers < s->open ? answers : s->open;
	}
}

void
server_publish(struct server *s, size_t size)
{
	char buf[8192];
	int head = 0;

	if (s->posts) {
		head = snprintf(buf, sizeof(buf),
		    "POST /pub HTTP/1.1\r\nHost: a\r\nContent-Type: "
		    "text/plain\r\nContent-Length: %zu\r\n\r\n",
		    size);
	}
	stamp_write(buf + head, size, s->next++, stamp_now_ns());
	size += (size_t)head;
	if (!s->posts)
		buf[size++] = '\n';
	write_all(s, buf, size);
	if (s->posts) {
		s->open++;
		read_answers(s, OPEN_MAX - 1);
	}
}

uint32_t
server_flood(struct server *s, size_t size, double seconds)
{
	uint64_t end = stamp_now_ns() + (uint64_t)(seconds * 1e9);
	uint32_t first = s->next;

	do
		server_publish(s, size);
	while (stamp_now_ns() < end);
	if (s->posts)
		read_answers(s, 0);
	return s->next - first;
}

uint32_t
server_pace(struct server *s, size_t size, int rate, double seconds)
{
	uint64_t tick = stamp_now_ns();
	uint32_t n = (uint32_t)(seconds * rate);

	for (uint32_t i = 0; i < n; i++) {
		uint64_t now = stamp_now_ns();

		if (now < tick)
			usleep((useconds_t)((tick - now) / 1000));
		server_publish(s, size);
		tick += (uint64_t)(1000000000 / rate);
	}
	return n;
}

/* Call what for each process: pid and its children. */
static uint64_t
sum_tree(pid_t pid, uint64_t (*figure)(pid_t pid))
{
	char path[64], children[1024], *s, *end;
	FILE *f;
	uint64_t sum = figure(pid);
	long child;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if ((f = fopen(path, "re")) == NULL)
		return sum;
	if (fgets(children, sizeof(children), f) != NULL)
		for (s = children; (child = strtol(s, &end, 10)) > 0; s = end)
			sum += sum_tree((pid_t)child, figure);
	fclose(f);
	return sum;
}

static uint64_t
process_cpu_ns(pid_t pid)
{
	char path[64];
	struct dirent *e;
	DIR *tasks;
	uint64_t sum = 0;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	if ((tasks = opendir(path)) == NULL)
		err(EX_OSERR, "%s", path);
	while ((e = readdir(tasks)) != NULL) {
		char file[512];
		uint64_t ns;

		if (e->d_name[0] == '.')
			continue;
		snprintf(
		    file, sizeof(file), "%s/%s/schedstat", path, e->d_name);
		(void)number_in(file, "", &ns);
		sum += ns;
	}
	closedir(tasks);
	return sum;
}

static uint64_t
process_rss(pid_t pid)
{
	char path[64];
	uint64_t kib;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	if (!number_in(path, "RssAnon:", &kib))
		err(EX_OSERR, "%s", path);
	return kib << 10;
}

uint64_t
server_cpu_ns(const struct server *s)
{
	return sum_tree(s->pid, process_cpu_ns);
}

uint64_t
server_rss(const struct server *s)
{
	return sum_tree(s->pid, process_rss);
}

void
server_stop(struct server *s)
{
	if (s->pid <= 0)
		return;
	close(s->feed);
	if (s->publisher > 0) {
		kill(s->publisher, SIGTERM);
		waitpid(s->publisher, NULL, 0);
	}
	kill(s->pid, SIGTERM);
	waitpid(s->pid, NULL, 0);
	free(s->dir);
	memset(s, 0, sizeof(*s));
}
