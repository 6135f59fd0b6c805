/*
 * peers - neighbour routers, and what they said of a transaction.
 */
#include <string.h>

#include "cli/cli.h"

static const char *span_of(const cJSON *o, const char *name, char *buf, size_t size)
{
	return get(o, name) ? duration_text(get_number(o, name), buf, size) : "-";
}

static const char *paint_of(const char *state)
{
	return strcmp(state, "answers") == 0 ? "green" : "red";
}

static void show_peer(const struct cli *c, struct table *t, const cJSON *o)
{
	char address[96], age[32], rtt[32], wrong[32], dropped[32];
	const char *state = get_text(o, "state");
	const char *cells[] = { get_text(o, "peer"),
				address,
				state,
				span_of(o, "age_us", age, sizeof(age)),
				span_of(o, "rtt_us", rtt, sizeof(rtt)),
				wrong,
				dropped,
				get_text(o, "why") };

	(void) snprintf(address, sizeof(address), "%s port %.0f", get_text(o, "address"),
			get_number(o, "port"));
	(void) snprintf(wrong, sizeof(wrong), "%.0f", get_number(o, "wrong_mac"));
	(void) snprintf(dropped, sizeof(dropped), "%.0f",
			get_number(o, "malformed") + get_number(o, "replayed") +
				get_number(o, "limited"));
	table_row(t, cells);
	table_paint(t, 2, paint(c, paint_of(state)));
}

void show_peers(const struct cli *c, const cJSON *d)
{
	static const char *const heads[] = { "PEER",	  "ADDRESS", "STATE", "LAST ANSWER", "RTT",
					     "WRONG MAC", "DROPPED", "",      NULL };
	struct table *t;
	const cJSON *o;
	char left[32];

	if (cJSON_GetArraySize(get(d, "peers")) == 0) {
		(void) puts(
			"no neighbour is configured: peer NAME { address ...  key file \"...\" }");
		return;
	}
	t = table_new(c, heads);
	cJSON_ArrayForEach(o, get(d, "peers")) show_peer(c, t, o);
	table_print(t);
	cJSON_ArrayForEach(o, get(d, "given"))(void)
		printf("%s has our grant \"%s\" for its T%.0f, for another %s at most\n",
		       get_text(o, "peer"), get_text(o, "grant"), get_number(o, "its_tx"),
		       duration_text(get_number(o, "left_us"), left, sizeof(left)));
}

void show_grants(const struct cli *c, const cJSON *txn)
{
	const cJSON *g = get(txn, "grants"), *o;

	(void) c;
	if (!g)
		return;
	(void) printf("  grant \"%s\" of %.0f of %d peers:\n", get_text(g, "grant"),
		      get_number(g, "needs"), cJSON_GetArraySize(get(g, "peers")));
	cJSON_ArrayForEach(o, get(g, "peers"))(void)
		printf("    %s %s%s%s\n", get_text(o, "peer"), get_text(o, "answer"),
		       get_text(o, "why")[0] ? ": " : "", get_text(o, "why"));
}
