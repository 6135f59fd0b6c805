/* What budgets have used outlives a restart. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/host.h"
#include "policy/budget.h"

static char dir[64];
static char budget_name[] = "drains";
static struct host host;

static void open_folder(void)
{
	log_open("test", LOG_CRIT); /* broken files are the point here */
	(void) copy_text(dir, sizeof(dir), "/tmp/anod-limits-XXXXXX");
	cr_assert_not_null(mkdtemp(dir));
	host = (struct host){ .state_dir = dir, .budgets = budgets_new() };
}

static void close_folder(void)
{
	char path[96];

	budgets_free(host.budgets);
	(void) snprintf(path, sizeof(path), "%s/budgets.json", dir);
	(void) unlink(path);
	(void) rmdir(dir);
}

TestSuite(limits, .init = open_folder, .fini = close_folder);

static void restart(void)
{
	budgets_free(host.budgets);
	host.budgets = budgets_new();
	budgets_restore(&host);
}

Test(limits, a_restart_is_no_way_around_a_budget)
{
	struct policy_budget p = { .name = budget_name, .count = 1, .window_us = 3600 * US_PER_S };
	uint64_t now = clock_boot_us(), free_us;
	char path[96];
	struct stat st;

	cr_assert_eq(budget_charge(host.budgets, &p, "", now), 0);
	cr_assert_eq(budget_rest(host.budgets, "steer", "link a", now + 60 * US_PER_S, now), 0);
	budgets_save(&host);
	restart();
	cr_expect_not(budget_allows(host.budgets, &p, "", clock_boot_us(), &free_us));
	cr_expect_gt(budget_rest_until(host.budgets, "steer", "link a", clock_boot_us()), 0);

	(void) snprintf(path, sizeof(path), "%s/budgets.json", dir);
	cr_assert_eq(stat(path, &st), 0);
	cr_expect_eq(st.st_mode & 077, 0, "for nobody else");
}

Test(limits, a_broken_file_is_no_crash)
{
	static const char *const texts[] = { "", "{", "[]", "{\"wall_us\":\"x\",\"uses\":7}",
					     "{\"wall_us\":1,\"uses\":[{},1,null,{\"kind\":3}]}" };
	struct policy_budget p = { .name = budget_name, .count = 1, .window_us = 3600 * US_PER_S };
	uint64_t free_us;
	char path[96];

	(void) snprintf(path, sizeof(path), "%s/budgets.json", dir);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		FILE *f = fopen(path, "we");

		cr_assert_not_null(f);
		(void) fputs(texts[i], f);
		(void) fclose(f);
		restart();
		cr_expect(budget_allows(host.budgets, &p, "", clock_boot_us(), &free_us));
	}
}
