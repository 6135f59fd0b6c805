/*
 * fuzz_procfs - files of /proc and /sys of any shape into the readers of softnet, netstat, sockets,
 * machine and sysctl.
 *
 * The first byte chooses the reader, the rest is the file, in memory of its own size.  What comes out
 * has to be in range: shares between 0 and 1, counts that do not overflow, words inside the text.
 */
#include <stdlib.h>
#include <string.h>

#include "core/plug/reading.c"
#include "plugins/netstat/parse.c"
#include "plugins/sysctl/number.c"

/* The readers were written apart, and some names are the same. */
#define FACTS SOCKETS_FACTS
#include "plugins/sockets/parse.c"
#include "plugins/softnet/parse.c"
#undef FACTS
#include "plugins/machine/pressure.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int64_t anod_real_bits(double real)
{
	return (int64_t) real;
}

void anod_rhythm_next(struct anod_rhythm *r, uint64_t held_us)
{
	(void) r, (void) held_us;
}

static void fuzz_softnet(const char *text)
{
	struct softnet_line l;
	unsigned n = 0;

	while (softnet_next(&text, n, &l))
		n++;
}

static void fuzz_cpu(const char *text)
{
	struct cpu_line l;

	while (cpu_next(&text, &l))
		if (l.cpu < -1 || l.cpu > 65535)
			abort();
}

static void fuzz_irq(const char *text)
{
	static uint64_t per_cpu[DEVS_MAX * 4];
	static struct irq_table t;

	memset(&t, 0, sizeof(t));
	memset(per_cpu, 0, sizeof(per_cpu));
	for (unsigned i = 0; i < IRQ_MAX; i++)
		t.dev[i] = (uint16_t) (i % (DEVS_MAX + 1));
	t.per_cpu = per_cpu;
	t.n_cpus = 4;
	irq_add(&t, text);
}

static void fuzz_netstat(const char *text)
{
	struct netstat n = { 0 };

	netstat_pairs(&n, text);
	netstat_lines(&n, text);
	for (unsigned k = 0; k < IP_FORWARDED + UDP_SNDBUF_ERRORS + 1; k++)
		if (n.value[k] < 0 || (n.value[k] && !(n.known >> k & 1)))
			abort();
}

static void fuzz_netlink(const char *text)
{
	struct nl_heading h;
	struct nl_line l;
	char buf[16];

	if (!nl_heading(&text, &h))
		return;
	while (nl_next(&text, &h, &l))
		if (strlen(nl_protocol(l.protocol, buf, sizeof(buf))) == 0)
			abort();
}

static void fuzz_pressure(const char *text)
{
	struct pressure p;

	if (pressure_parse(text, &p))
		for (unsigned k = 0; k < 2; k++)
			if (p.has[k] && !(p.share[k] >= 0 && p.share[k] <= 1))
				abort();
	if (memory_available(text) < -1)
		abort();
}

static void fuzz_number(const char *text)
{
	int64_t n;

	(void) sysctl_number(text, &n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const reader[])(const char *) = { fuzz_softnet, fuzz_cpu,	    fuzz_irq,
							fuzz_netstat, fuzz_netlink, fuzz_pressure,
							fuzz_number };
	char *text;

	if (size == 0)
		return 0;
	text = malloc(size);
	if (!text)
		return 0;
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	reader[data[0] % (sizeof(reader) / sizeof(reader[0]))](text);
	free(text);
	return 0;
}
