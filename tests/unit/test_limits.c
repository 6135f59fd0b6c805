/* What budgets have used outlives the daemon, and saving it is cheap. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "host/host.h"
#include "policy/budget.h"

#define MINUTE_US UINT64_C(60000000)

static char dir[] = "/tmp/anod-limits-XXXXXX";
static struct host host;

static void make_dir(void)
{
	cr_assert_not_null(mkdtemp(dir));
	host.state_dir = dir;
	host.budgets = budgets_new();
}

static void remove_dir(void)
{
	char command[64];

	budgets_free(host.budgets);
	(void) snprintf(command, sizeof(command), "rm -rf %s", dir);
	cr_assert_eq(system(command), 0);
}

TestSuite(limits, .init = make_dir, .fini = remove_dir);

static char words[300];
static struct policy_budget budget = {
	.name = words, .count = 1, .window_us = MINUTE_US, .per = BUDGET_PER_RESOURCE
};

static void charge(const char *key)
{
	cr_assert_eq(budget_charge(host.budgets, &budget, key, host_now(&host)), 0);
	budgets_save(&host);
}

static void start_anew(void)
{
	budgets_free(host.budgets);
	host.budgets = budgets_new();
	budgets_restore(&host);
}

static bool used(const char *key)
{
	uint64_t free_us;

	return !budget_allows(host.budgets, &budget, key, host_now(&host), &free_us);
}

static struct stat file(void)
{
	char path[64];
	struct stat st;

	(void) snprintf(path, sizeof(path), "%s/budgets.json", dir);
	cr_assert_eq(stat(path, &st), 0);
	return st;
}

Test(limits, a_charge_is_there_after_a_restart)
{
	(void) strcpy(words, "steering");
	start_anew();
	cr_assert(!used("link wan0"));
	charge("link wan0");
	start_anew();
	cr_assert(used("link wan0"));
	cr_assert(!used("link wan1"));
}

Test(limits, a_short_file_is_overwritten_in_place)
{
	ino_t first;

	(void) strcpy(words, "steering");
	charge("link wan0");
	first = file().st_ino;
	charge("link wan1");
	cr_assert_eq(file().st_ino, first);
	cr_assert_eq(file().st_size, 4096);
	start_anew();
	cr_assert(used("link wan0") && used("link wan1"));
}

Test(limits, a_text_that_outgrows_the_page_is_whole)
{
	char key[32];

	memset(words, 'b', sizeof(words) - 1);
	for (unsigned i = 0; i < 30; i++) {
		(void) snprintf(key, sizeof(key), "link l%u", i);
		charge(key);
	}
	cr_assert_gt(file().st_size, 4096);
	start_anew();
	cr_assert(used("link l0") && used("link l29") && !used("link l30"));

	/* And it shrinks again. */
	budgets_free(host.budgets);
	host.budgets = budgets_new();
	charge("link l7");
	cr_assert_eq(file().st_size, 4096);
	start_anew();
	cr_assert(used("link l7") && !used("link l8"));
}

Test(limits, a_broken_file_is_no_crash)
{
	static const char *const texts[] = { "", "{", "[]", "{\"wall_us\":\"x\",\"uses\":7}",
					     "{\"wall_us\":1,\"uses\":[{},1,null,{\"kind\":3}]}" };
	char path[64];

	log_open("test", LOG_CRIT); /* it is complained of */
	(void) strcpy(words, "steering");
	(void) snprintf(path, sizeof(path), "%s/budgets.json", dir);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		FILE *f = fopen(path, "we");

		cr_assert_not_null(f);
		(void) fputs(texts[i], f);
		(void) fclose(f);
		start_anew();
		cr_expect(!used("link wan0"));
	}
}
