/*
 * bench_ledger - what one record of the ledger costs.
 *
 * usage: bench_ledger [RECORDS [FOLDER]]
 *
 * Design.  The same body of some 500 bytes, which a decision has, is appended again and again, with
 * no sync, as on the way of a reflex.  "chain" is the ledger without its seal, "sealed" with the
 * evolving key (a MAC, the next key, the key file written over), "sealed+signed" with a checkpoint
 * after each LEDGER_EVERY_LINES as well, which the daemon makes outside of that way.  "limit" is
 * one write(2) of a line that is ready, for each record.  The making of the body is in none of
 * them.  Runs are mixed and the median of each is told.
 */
#include <cjson/cJSON.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/util.h"
#include "bench.h"
#include "record/ledger.h"

#define RUNS 9

enum way { LIMIT, CHAIN, SEALED, SIGNED, N_WAYS };
static const char *const names[] = { "limit", "chain", "sealed", "sealed+signed" };

static cJSON *body(unsigned i)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "tx", i);
	cJSON_AddStringToObject(o, "agent", "uplink");
	cJSON_AddStringToObject(o, "because", "wan0 has no carrier and wan1 is clean for 500 ms");
	for (unsigned k = 0; k < 6; k++) {
		char name[24];

		(void) snprintf(name, sizeof(name), "rule%u", k);
		cJSON_AddStringToObject(o, name,
					"permit \"steer\" true: link.carrier is 1 (age 2ms)");
	}
	return o;
}

static double limit(const char *dir, unsigned n)
{
	char path[256], line[760];
	int64_t from;
	int fd;

	(void) snprintf(path, sizeof(path), "%s/limit", dir);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	if (fd < 0)
		DIE("%s", path);
	memset(line, 'x', sizeof(line));
	from = now_ns();
	for (unsigned i = 0; i < n; i++)
		if (write(fd, line, sizeof(line)) != sizeof(line))
			DIE("write");
	from = now_ns() - from;
	(void) close(fd);
	return (double) from / 1e3 / n;
}

static double run(const char *dir, enum way way, unsigned n)
{
	struct ledger *l = NULL;
	int64_t sum = 0, from;

	if (way == LIMIT)
		return limit(dir, n);
	if (ledger_open(dir, &l) < 0 || (way >= SEALED && ledger_seal(l, "bench") < 0))
		DIE("ledger in %s", dir);
	for (unsigned i = 0; i < n; i++) {
		cJSON *b = body(i);

		from = now_ns();
		if (ledger_append(l, "decision", 1763831101123456, b, false) < 0)
			DIE("append");
		if (way == SIGNED && i % LEDGER_EVERY_LINES == LEDGER_EVERY_LINES - 1)
			(void) ledger_checkpoint(l, 0, 1763831101123456);
		sum += now_ns() - from;
	}
	(void) ledger_close(l);
	return (double) sum / 1e3 / n;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *) a, y = *(const double *) b;

	return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned) atoi(argv[1]) : 10000;
	const char *top = argc > 2 ? argv[2] : "/tmp";
	double us[N_WAYS][RUNS];

	for (unsigned r = 0; r < RUNS; r++)
		for (unsigned w = 0; w < N_WAYS; w++) {
			char dir[200], command[256];

			(void) snprintf(dir, sizeof(dir), "%s/anod-bench-XXXXXX", top);
			if (!mkdtemp(dir))
				DIE("%s", dir);
			us[w][r] = run(dir, (enum way) w, n);
			(void) snprintf(command, sizeof(command), "rm -rf '%s'", dir);
			if (system(command) != 0)
				DIE("%s", command);
		}
	for (unsigned w = 0; w < N_WAYS; w++) {
		qsort(us[w], RUNS, sizeof(us[w][0]), compare);
		printf("{\"work\":\"ledger\",\"case\":\"record of 500 bytes\",\"who\":\"%s\","
		       "\"n\":%u,\"p50\":%.2f,\"p99\":%.2f,\"max\":%.2f,\"unit\":\"us\"}\n",
		       names[w], RUNS, us[w][RUNS / 2], us[w][RUNS - 1], us[w][RUNS - 1]);
	}
	return 0;
}
