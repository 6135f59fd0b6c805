/* The table of links as text. */
#include <criterion/criterion.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/facts.h"
#include "cli/top.h"

static struct page p;
static struct top_view v;

static void init(void)
{
	cr_assert(setlocale(LC_ALL, "C.UTF-8"));
	(void) setenv("TZ", "UTC", 1);
	tzset();
	v = (struct top_view){ .sort = "rx", .every_s = 1, .notice = "", .age = "" };
}

static void done(void)
{
	page_done(&p);
	cJSON_Delete(v.data);
}

TestSuite(top_draw, .init = init, .fini = done);

static const char *draw(const char *data, unsigned cols, unsigned rows)
{
	cJSON_Delete(v.data);
	v.data = cJSON_Parse(data);
	cr_assert_not_null(v.data);
	page_begin(&p, cols, rows, false);
	top_draw(&p, &v);
	page_end(&p);
	return p.text;
}

#define ROW(name, rest) "{\"name\":\"" name "\",\"role\":\"\"," rest "}"
static const char data[] =
	"{\"t\":\"2026-11-22T14:05:06.789Z\",\"offset\":0,\"totals\":{\"links\":4,\"matched\":4,"
	"\"up\":2,\"down\":1,\"disabled\":0,\"unknown\":1,\"rx_bps\":1234567,\"tx_bps\":99,"
	"\"rate_unknown\":1,\"errors_ps\":0.5,\"drops_ps\":0,\"error_unknown\":1,"
	"\"incidents_open\":1},\"rows\":["
	"{\"name\":\"wan0\",\"state\":\"up\",\"role\":\"uplink\",\"rx_bps\":1234567,\"tx_bps\":99,"
	"\"rx_pps\":100,\"tx_pps\":3,\"rx_errors_ps\":0.5,\"tx_errors_ps\":0,\"rx_dropped_ps\":0,"
	"\"tx_dropped_ps\":0,\"util\":0.42,\"rtt\":12345,\"loss\":0.056,\"incident\":3,"
	"\"finding\":\"lossy\",\"alias\":\"to \\u001b[2JBerlin\"},"
	"{\"name\":\"wan1\",\"state\":\"down\",\"role\":\"uplink\",\"rx_bps\":0,\"tx_bps\":0,"
	"\"rx_pps\":0,\"tx_pps\":0,\"rx_errors_ps\":0,\"tx_errors_ps\":0,\"rx_dropped_ps\":0,"
	"\"tx_dropped_ps\":0,\"late\":true,\"why\":{\"util\":\"no capacity is configured\","
	"\"rtt\":\"too old\",\"loss\":\"no probe goes over the link\"}},"
	"{\"name\":\"a-very-long-name-of-a-link\",\"state\":\"lowerlayerdown\",\"role\":\"\"},"
	"{\"name\":\"lo\",\"role\":\"\",\"why\":{\"state\":\"never seen\"}}]}";

Test(top_draw, eighty_columns_hold_what_matters)
{
	v.plain = true;
	cr_expect_str_eq(
		draw(data, 80, 0),
		"14:05:06  4 links: 2 up, 1 down, 1 unknown   1 open incident\n"
		"sum rx 1.23M tx 99 bit/s (1 unknown)  errors 0.50/s drops 0/s\n"
		"! LINK        STATE    ROLE      RXv     TX PKT/s ERR/s DROP/s  UTIL    RTT LOSS\n"
		"! wan0        up       uplink  1.23M     99   103  0.50      0 ▃ 42% 12.3ms 5.6%\n"
		"  wan1        down     uplink     ~0     ~0     0     0      0     -      ?    -\n"
		"  a-very-lon~ lower dn             ?      ?     ?     ?      ?     ?      ?    ?\n"
		"  lo          ?                    ?      ?     ?     ?      ?     ?      ?    "
		"?\n",
		"\n%s", p.text);
}

Test(top_draw, two_hundred_columns_hold_everything)
{
	v.plain = true;
	cr_expect_str_eq(draw(data, 200, 0),
			 "14:05:06  4 links: 2 up, 1 down, 1 unknown   1 open incident\n"
			 "sum rx 1.23M tx 99 bit/s (1 unknown)  errors 0.50/s drops 0/s\n"
			 "! LINK                     STATE    ROLE          RXv     TX  PKT/s  "
			 "ERR/s DROP/s             UTIL    RTT  LOSS JITTER  FLAPS   MTU KIND     "
			 "MASTER          INCIDENT                   ALIAS\n"
			 "! wan0                     up       uplink      1.23M     99    103   "
			 "0.50      0 ████▋        42% 12.3ms  5.6%      ?      ?     ? ?        ? "
			 "              I3 lossy                   \"to ?[2JBerlin\"\n"
			 "  wan1                     down     uplink         ~0     ~0      0      "
			 "0      0                -      ?     -      ?      ?     ? ?        ?\n"
			 "  a-very-long-name-of-a-l~ lower dn                 ?      ?      ?      "
			 "?      ?                ?      ?     ?      ?      ?     ? ?        ?\n"
			 "  lo                       ?                        ?      ?      ?      "
			 "?      ?                ?      ?     ?      ?      ?     ? ?        ?\n",
			 "\n%s", p.text);
}

Test(top_draw, no_line_is_wider_than_the_terminal)
{
	v.plain = true;
	for (unsigned cols = 1; cols < 260; cols++) {
		(void) draw(data, cols, 0);
		for (char *s = p.text, *end; (end = strchr(s, '\n')); s = end + 1) {
			unsigned n = 0;

			for (char *c = s; c < end; c++)
				n += (*c & 0xc0) != 0x80;
			cr_assert_leq(n, cols, "%u: %.*s", cols, (int) (end - s), s);
		}
	}
}

Test(top_draw, an_answer_of_any_form_is_survived)
{
	static const char *const odd[] = {
		"{}",
		"[]",
		"7",
		"\"x\"",
		"{\"rows\":7,\"totals\":[],\"offset\":\"x\",\"t\":{}}",
		"{\"rows\":[7,null,\"x\",[],{}],\"totals\":{\"matched\":1e300}}",
		"{\"rows\":[{\"name\":7,\"state\":[],\"why\":7,\"util\":1e999,\"rx_bps\":-1e300,"
		"\"mtu\":1e300,\"loss\":-5,\"rtt\":-1,\"incident\":\"x\",\"alias\":[]}],"
		"\"offset\":-1e300}",
		"{\"rows\":[{\"name\":\"x\",\"util\":1e30,\"state\":\"\\n\\n\\n\"}],\"offset\":"
		"1e300}",
	};

	for (size_t k = 0; k < ARRAY_SIZE(odd); k++)
		for (unsigned rows = 0; rows < 9; rows += 2) {
			(void) draw(odd[k], 120, rows);
			(void) top_chosen(&v);
			top_settle(&v, 5);
		}
}

Test(top_draw, the_screen_is_full_whatever_there_is_to_show)
{
	unsigned n = 0;

	(void) draw(data, 80, 24);
	for (const char *s = p.text; (s = strstr(s, "\r\n")); s++)
		n++;
	cr_expect_eq(n, 23);
	cr_expect_not_null(strstr(p.text, "1-4 of 4"));
	v.notice = "the daemon is gone";
	v.age = "7s";
	(void) draw(data, 80, 24);
	cr_expect_not_null(strstr(p.text, "the daemon is gone"));
	cr_expect_not_null(strstr(p.text, "7s old"));
}

Test(top_draw, the_chosen_row_is_found_by_its_number)
{
	(void) draw(data, 80, 24);
	v.chosen = 1;
	cr_expect_str_eq(top_chosen(&v), "wan1");
	v.chosen = 9;
	cr_expect_str_eq(top_chosen(&v), "");
	top_settle(&v, 2);
	cr_expect_eq(v.chosen, 3);
	cr_expect_eq(v.offset, 2);
}

Test(top_draw, facts_of_any_form_are_survived_and_shown)
{
	static const char *const odd[] = {
		"{\"facts\":[{\"kind\":\"link\",\"entity\":\"wan0\",\"attr\":\"rx\",\"raw\":7,"
		"\"value\":\"7\",\"age_us\":4e6,\"max_age_us\":5e6,\"since_us\":1e6}],\"total\":1}",
		"{\"facts\":[7,{},{\"kind\":7,\"raw\":null,\"why\":[],\"age_us\":-1e300}],"
		"\"total\":\"x\",\"offset\":-1e9}",
		"7",
	};
	struct facts_view f = { .notice = "", .age = "", .every_s = 1 };

	for (size_t k = 0; k < ARRAY_SIZE(odd); k++) {
		cJSON *o = cJSON_Parse(odd[k]);

		f.data = o;
		page_begin(&p, 80, 24, false);
		facts_draw(&p, &f);
		page_end(&p);
		cJSON_Delete(o);
		if (k == 0)
			cr_expect_not_null(strstr(p.text, "link/wan0.rx"), "%s", p.text);
		if (k == 0)
			cr_expect_not_null(strstr(p.text, "~4.00s"), "%s", p.text);
	}
}
