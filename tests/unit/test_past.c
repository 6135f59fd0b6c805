/* The past of a fact, from any answer. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "cli/past.h"

static struct past s;

static int read_text(const char *text, bool raw)
{
	cJSON *o = cJSON_Parse(text);
	int r;

	past_done(&s);
	r = past_read(o, NULL, raw, &s);
	cJSON_Delete(o);
	return r;
}

static void done(void)
{
	past_done(&s);
}

TestSuite(past, .fini = done);

#define HEAD "\"kind\":\"link\",\"entity\":\"wan0\",\"attr\":\"rx_bytes\",\"unit\":\"bytes\","

Test(past, a_counter_becomes_a_rate_but_not_across_a_gap_or_a_restart)
{
	cr_assert_eq(read_text("{" HEAD "\"counter\":true,\"kept\":true,\"points\":"
			       "[[1e6,100],[2e6,200],[3e6,400],[4e6,null],[7e6,1000],[8e6,1100],"
			       "[9e6,50],[10e6,60]]}",
			       false),
		     0);
	cr_expect_str_eq(s.name, "link/wan0 rx_bytes");
	cr_expect_str_eq(past_unit(&s), "bit/s");
	cr_assert_eq(s.n, 4);
	cr_expect_eq(s.point[0].value, 800);
	cr_expect_eq(s.point[1].value, 1600);
	cr_expect_not(s.point[1].gap);
	cr_expect_eq(s.point[2].t, 8e6);
	cr_expect(s.point[2].gap);
	cr_expect_eq(s.point[3].value, 80);
	cr_expect(s.point[3].gap, "it went backwards before");
	cr_expect_eq(s.n_gaps, 2);
}

Test(past, the_counter_itself_is_there_for_who_wants_it)
{
	cr_assert_eq(read_text("{" HEAD "\"counter\":true,\"points\":[[1e6,100],[2e6,200]]}", true),
		     0);
	cr_expect_eq(s.n, 2);
	cr_expect_eq(s.point[1].value, 200);
	cr_expect_str_eq(past_unit(&s), "bytes");
}

Test(past, figures_are_over_time_and_know_the_extremes_of_a_step)
{
	struct past_stats f;

	cr_assert_eq(read_text("{\"entity\":\"path/wan0\",\"attr\":\"rtt\",\"unit\":\"duration\","
			       "\"points\":[[0,10],[1e6,20,5,90],[4e6,20]]}",
			       false),
		     0);
	f = past_stats(&s);
	cr_expect_eq(f.min, 5);
	cr_expect_eq(f.max, 90);
	cr_expect_eq(f.last, 20);
	cr_expect_float_eq(f.mean, (15 * 1 + 20 * 3) / 4.0, 1e-9);
	cr_expect_str_eq(s.name, "path/wan0 rtt");
}

Test(past, what_is_told_when_it_changes_holds_until_then)
{
	cJSON *fact = cJSON_Parse("{\"raw\":true,\"max_age_us\":0}");
	cJSON *data = cJSON_Parse("{\"entity\":\"link/wan0\",\"attr\":\"carrier\",\"kept\":true,"
				  "\"points\":[[0,1],[6e6,0],[8e6,1]],\"from_us\":0,"
				  "\"to_us\":12e6,\"now_us\":10e6,\"step_us\":1e6}");
	struct past_stats f;

	cr_assert_eq(past_read(data, fact, false, &s), 0);
	cr_expect(s.holds);
	cr_expect_eq(s.scale, SCALE_BOOL);
	cr_expect_eq(s.n, 4);
	cr_expect_eq(s.point[3].t, 10e6, "until now");
	f = past_stats(&s);
	cr_expect_float_eq(f.mean, 0.8, 1e-9);
	past_done(&s);
	cJSON_ReplaceItemInObject(fact, "max_age_us", cJSON_CreateNumber(5e6));
	cr_assert_eq(past_read(data, fact, false, &s), 0);
	cr_expect_eq(s.n, 3);
	cJSON_Delete(fact);
	cJSON_Delete(data);
}

Test(past, an_answer_of_any_form_is_survived)
{
	static const char *const bad[] = { "7", "{}", "{\"points\":7}", "[]" };
	static const char *const odd[] = {
		"{\"points\":[]}",
		"{\"points\":[7,\"x\",[],[1],[null,1],[1,\"x\"],{\"a\":1},[[1],[2]]]}",
		"{\"points\":[[3e6,1],[2e6,2],[2e6,3]],\"counter\":7,\"unit\":[],\"entity\":{}}",
		"{\"points\":[[1e999,1],[1,1e999]],\"from_us\":\"x\",\"to_us\":-1}",
	};

	for (size_t k = 0; k < ARRAY_SIZE(bad); k++)
		cr_expect_eq(read_text(bad[k], false), -EBADMSG, "%s", bad[k]);
	for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
		cr_expect_eq(read_text(odd[k], false), 0, "%s", odd[k]);
		cr_expect_leq(s.n, 1, "%s", odd[k]);
		(void) past_stats(&s);
	}
}
