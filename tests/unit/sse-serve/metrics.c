/* Numbers as Prometheus reads them. */
#include "../../../cmd/sse-serve/metrics.h"

#include "data.h"

static struct sse_buf out;

static void
render(const struct counters *c, bool redis)
{
	struct metrics m = { .sum = c,
		.lag_max_ms = 1500,
		.redis = redis,
		.version = "1.2.3",
		.process = { .cpu_s = 0.25 } };

	out.len = 0;
	assert_int_equal(metrics_append(&out, &m), 0);
	assert_int_equal(sse_buf_append(&out, "", 1), 0);
}

static void
has(const char *line)
{
	if (strstr(out.ptr, line) == NULL)
		fail_msg("%s is missing in\n%s", line, out.ptr);
}

static void
figures(void **state)
{
	struct counters c = { .accepted = 7, .redis_up = 1 };

	(void)state;
	c.refusals[REFUSAL_LATE] = 3;
	c.endings[ENDING_CUT] = 4;
	c.events[FROM_POST] = UINT64_MAX;
	render(&c, false);
	has("\nsse_serve_connections_accepted_total 7\n");
	has("\nsse_serve_refusals_total{reason=\"late\"} 3\n");
	has("\nsse_serve_streams_closed_total{reason=\"cut\"} 4\n");
	has("\nsse_serve_events_total{source=\"post\"} "
	    "18446744073709551615\n");
	has("\nsse_serve_build_info{version=\"1.2.3\"} 1\n");
	has("\nsse_serve_lag_largest_seconds 1.5\n");
	has("\nprocess_cpu_seconds_total 0.25\n");
	assert_null(strstr(out.ptr, "redis_up"));
	render(&c, true);
	has("\nsse_serve_redis_up 1\n");
}

/* Buckets count all that is up to their bound. */
static void
histogram(void **state)
{
	struct counters c = { .accepted = 0 };

	(void)state;
	delays_add(&c.lag, 50);
	delays_add(&c.lag, 700);
	delays_add(&c.lag, 1000000000);
	render(&c, false);
	has("# TYPE sse_serve_lag_seconds histogram\n"
	    "sse_serve_lag_seconds_bucket{le=\"0.0001\"} 1\n"
	    "sse_serve_lag_seconds_bucket{le=\"0.0005\"} 1\n"
	    "sse_serve_lag_seconds_bucket{le=\"0.001\"} 2\n");
	has("sse_serve_lag_seconds_bucket{le=\"300\"} 2\n"
	    "sse_serve_lag_seconds_bucket{le=\"+Inf\"} 3\n"
	    "sse_serve_lag_seconds_sum 1000.000750\n"
	    "sse_serve_lag_seconds_count 3\n");
}

/* Whoever counts something new will find that it has to be shown. */
static void
all_shown(void **state)
{
	struct counters c = { .accepted = 0 };
	uint64_t *all = (void *)&c;

	(void)state;
	for (size_t i = 0; i < sizeof(c) / sizeof(*all); i++)
		all[i] = 7000000 + i;
	render(&c, true);
	for (size_t i = 0; i < sizeof(c) / sizeof(*all); i++) {
		size_t at = i * sizeof(*all);
		char line[32];

		/* Those are summed up. */
		if ((at >= offsetof(struct counters, lag) &&
			at < offsetof(struct counters, lag) + sizeof(c.lag)) ||
		    (at >= offsetof(struct counters, turns) &&
			at <
			    offsetof(struct counters, turns) + sizeof(c.turns)))
			continue;
		snprintf(line, sizeof(line), " %zu\n", 7000000 + i);
		has(line);
	}
}

static int
end(void **state)
{
	(void)state;
	sse_buf_free(&out);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(figures),
		cmocka_unit_test(histogram),
		cmocka_unit_test(all_shown),
	};

	return cmocka_run_group_tests(tests, NULL, end);
}
