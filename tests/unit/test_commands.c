/* Requests of the control socket against a host without a network. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "host/host.h"

static const struct txn_ops ops;
static struct host host;
static char error[512];

static void open_host(void)
{
	log_open("test", LOG_CRIT);
	host = (struct host){ .state_dir = (char[]){ "/nowhere" } };
	host.schema = schema_new();
	host.store = store_new(host.schema);
	host.incidents = incidents_new(1, NULL, NULL);
	host.txns = txns_new(&ops, NULL);
	cr_assert(host.store && host.incidents && host.txns);
}

static void close_host(void)
{
	txns_free(host.txns);
	incidents_free(host.incidents);
	store_free(host.store);
	schema_free(host.schema);
}

TestSuite(commands, .init = open_host, .fini = close_host);

/* The errno of the answer, 0 for a good one. */
static int ask(const char *text)
{
	cJSON *request = cJSON_Parse(text);
	int err = 0;

	cr_assert_not_null(request, "%s", text);
	error[0] = '\0';
	cJSON_Delete(command_run(&host, "root", request, error, &err));
	cJSON_Delete(request);
	return error[0] ? err : 0;
}

Test(commands, a_request_that_makes_no_sense_gets_a_sentence)
{
	static const struct {
		const char *request;
		int err;
		const char *says;
	} c[] = {
		{ "{\"command\":\"fly\"}", ENOSYS, "no command 'fly'" },
		{ "{\"command\":\"show\"}", EINVAL, "show wants" },
		{ "{\"command\":\"show\",\"args\":7}", EINVAL, "show wants" },
		{ "{\"command\":\"show\",\"args\":{\"id\":3}}", EINVAL, "show wants" },
		{ "{\"command\":\"show\",\"args\":{\"id\":\"I\"}}", EINVAL, "show wants" },
		{ "{\"command\":\"show\",\"args\":{\"id\":\"I1x\"}}", EINVAL, "show wants" },
		{ "{\"command\":\"show\",\"args\":{\"id\":\"I9\"}}", ENOENT, "no incident I9" },
		{ "{\"command\":\"show\",\"args\":{\"id\":\"T9\"}}", ENOENT, "no transaction T9" },
		{ "{\"command\":\"why\",\"args\":{\"id\":\"T9\"}}", ENOENT, "no transaction T9" },
		{ "{\"command\":\"why\",\"args\":{\"id\":\"I9\"}}", EINVAL, "why wants" },
		{ "{\"command\":\"approve\"}", EINVAL, "approve wants" },
		{ "{\"command\":\"approve\",\"args\":{\"id\":\"T-1\"}}", EINVAL, "approve wants" },
		{ "{\"command\":\"approve\",\"args\":{\"id\":\"T99999999999999999999\"}}", EINVAL,
		  "approve wants" },
		{ "{\"command\":\"rollback\",\"args\":{\"id\":\"T9\"}}", ENOENT, "T9 is not open" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(c); i++) {
		cr_expect_eq(ask(c[i].request), c[i].err, "%s: %s", c[i].request, error);
		cr_expect_not_null(strstr(error, c[i].says), "%s: %s", c[i].request, error);
	}
}

Test(commands, reading_needs_nothing_but_the_host)
{
	static const char *const good[] = {
		"{\"command\":\"incidents\",\"args\":{\"all\":true}}",
		"{\"command\":\"facts\",\"args\":{\"pattern\":\"link/*\"}}",
		"{\"command\":\"schema\"}",
		"{\"command\":\"agents\"}",
		"{\"command\":\"monitor\"}",
	};

	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		cr_expect_eq(ask(good[i]), 0, "%s: %s", good[i], error);
}

Test(commands, the_brake_holds_until_it_is_let_go)
{
	cr_expect_eq(ask("{\"command\":\"pause\"}"), 0);
	cr_expect(host.paused);
	cr_expect_eq(ask("{\"command\":\"resume\"}"), 0);
	cr_expect_not(host.paused);
}
