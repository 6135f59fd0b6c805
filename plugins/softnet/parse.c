/*
 * parse - /proc/net/softnet_stat, /proc/stat and /proc/interrupts as numbers.
 *
 * Design.  softnet_stat has hexadecimal columns without names: 0 processed, 1 dropped, 2 squeezed, 9
 * received by RPS, 10 flow limit, 11 length of the backlog, 12 CPU; 13 and 14 (6.x) split the
 * backlog.  A CPU that is offline has no line, so its number is column 12 where there is one.
 */
#include "parse.h"

#include <string.h>

#define COLUMNS_MAX 16

bool softnet_next(const char **at, unsigned index, struct softnet_line *ret)
{
	const char *line, *word;
	size_t size, n;

	while (anod_next_line(at, &line, &size)) {
		uint64_t c[COLUMNS_MAX] = { 0 };
		const char *p = line;
		unsigned k = 0;

		while (k < COLUMNS_MAX && anod_next_word(&p, line + size, &word, &n) &&
		       anod_word_u64(word, n, 16, &c[k]) && c[k] <= UINT32_MAX)
			k++;
		if (k < 9)
			continue;
		*ret = (struct softnet_line){ .processed = (uint32_t) c[0],
					      .dropped = (uint32_t) c[1],
					      .squeezed = (uint32_t) c[2],
					      .rps = k > 9 ? (uint32_t) c[9] : 0,
					      .flow_limit = k > 10 ? (uint32_t) c[10] : 0,
					      .backlog = k > 12 ? (uint32_t) c[11] : 0,
					      .has_backlog = k > 12,
					      .cpu = k > 12 ? (uint32_t) c[12] : index };
		return true;
	}
	return false;
}

/* "cpu" or "cpu12" */
static bool cpu_number(const char *word, size_t size, int *ret)
{
	uint64_t n;

	if (size < 3 || memcmp(word, "cpu", 3) != 0)
		return false;
	if (size == 3) {
		*ret = -1;
		return true;
	}
	if (!anod_word_u64(word + 3, size - 3, 10, &n) || n >= 65536)
		return false;
	*ret = (int) n;
	return true;
}

bool cpu_next(const char **at, struct cpu_line *ret)
{
	/* user nice system idle iowait irq softirq steal */
	static const uint8_t to[] = { CPU_USER, CPU_USER, CPU_SYSTEM,  CPU_IDLE,
				      CPU_IDLE, CPU_IRQ,  CPU_SOFTIRQ, CPU_STEAL };
	const char *line, *word;
	size_t size, n;

	while (anod_next_line(at, &line, &size)) {
		const char *p = line;
		unsigned k = 0;
		uint64_t v;

		*ret = (struct cpu_line){ 0 };
		if (!anod_next_word(&p, line + size, &word, &n) || !cpu_number(word, n, &ret->cpu))
			continue;
		while (k < sizeof(to) && anod_next_word(&p, line + size, &word, &n) &&
		       anod_word_u64(word, n, 10, &v))
			ret->time[to[k++]] += v;
		if (k >= 4)
			return true;
	}
	return false;
}

unsigned irq_columns(const char *text)
{
	const char *line, *word, *p;
	size_t size, n;
	unsigned columns = 0;

	if (!anod_next_line(&text, &line, &size))
		return 0;
	p = line;
	while (anod_next_word(&p, line + size, &word, &n) && n > 3 && memcmp(word, "CPU", 3) == 0)
		columns++;
	return columns;
}

static void irq_line(struct irq_table *t, unsigned columns, const char *p, const char *end)
{
	const char *word;
	uint64_t irq, v;
	unsigned dev;
	size_t n;

	if (!anod_next_word(&p, end, &word, &n) || n < 2 || word[n - 1] != ':' ||
	    !anod_word_u64(word, n - 1, 10, &irq) || irq >= IRQ_MAX)
		return;
	dev = t->dev[irq];
	if (dev >= DEVS_MAX)
		return;
	t->sum[dev].lines++;
	for (unsigned k = 0; k < columns; k++) {
		if (!anod_next_word(&p, end, &word, &n) || !anod_word_u64(word, n, 10, &v))
			return;
		t->sum[dev].total += v;
		if (t->per_cpu && k < t->n_cpus)
			t->per_cpu[dev * t->n_cpus + k] += v;
	}
}

void irq_add(struct irq_table *t, const char *text)
{
	unsigned columns = irq_columns(text);
	const char *line;
	size_t size;

	(void) anod_next_line(&text, &line, &size);
	while (columns && anod_next_line(&text, &line, &size))
		irq_line(t, columns, line, line + size);
}
