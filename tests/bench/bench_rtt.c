/*
 * bench_rtt - how well are labelled changes of round-trip times found?
 *
 * usage: bench_rtt DATA     prints lines of JSON for DATA/rtt/real and DATA/rtt/artificial
 *
 * The traces are of Shao et al., "One-to-One Matching of RTT and Path Changes" (2017), from RIPE
 * Atlas: one sample in four minutes, changes labelled by hand in the real ones and known in the
 * artificial ones.  A change that is found counts when it is matched, one to one, with a labelled
 * one at most 'window' samples away; figures are over all changes of all traces.  A time-out (-3)
 * is no sample.  Detectors see each sample once, in order; the place of a change is what they
 * say when they find it.  A window that is shared by many pairs is matched from the left, which is
 * optimal on a line.
 */
#include "tests/bench/labelled.h"

#include <math.h>

#include "detect/rank.h"
#include "detect/shift.h"

#define WHERE	  "https://github.com/WenqinSHAO/rtt"
#define TRACE_MAX 65536
#define TIMEOUT	  (-3.0)
#define SECOND	  UINT64_C(1000000)

struct trace {
	double x[TRACE_MAX];
	int n;
	int fact[TRACE_MAX], n_facts;
};

struct tally {
	double facts, found, hits[2], samples, ns;
};

static const int window[2] = { 2, 5 };

static int trace_read(struct trace *t, const char *path)
{
	_cleanup_(freep) char *text = file_text(path);
	char *line, *rest;

	if (!text)
		return -errno;
	t->n = t->n_facts = 0;
	line = strchr(text, '\n'); /* the heading */
	for (line = line ? strtok_r(line, "\n", &rest) : NULL; line && t->n < TRACE_MAX;
	     line = strtok_r(NULL, "\n", &rest)) {
		char *value = strchr(line, ';'), *label = value ? strchr(value + 1, ';') : NULL;
		char *comma;

		if (!label)
			continue;
		/* The artificial ones have decimal commas. */
		comma = strchr(value, ',');
		if (comma && comma < label)
			*comma = '.';
		t->x[t->n] = strtod(value + 1, NULL);
		if (strtod(label + 1, NULL) > 0)
			t->fact[t->n_facts++] = t->n;
		t->n++;
	}
	return 0;
}

/* The detector of the product. */
static int find_anod(const struct trace *t, bool real, int *ret)
{
	struct shift s = { 0 };
	struct shift_news news;
	int n = 0;

	for (int i = 0; i < t->n; i++) {
		double x = real && t->x[i] == TIMEOUT ? NAN : t->x[i];

		if (shift_feed(&s, (uint64_t) i * SECOND, x, &news))
			ret[n++] = (int) (news.since_us / SECOND);
	}
	return n;
}

/* What is usually done: medians of two windows, three median absolute differences apart. */
static int find_two_windows(const struct trace *t, bool real, int *ret)
{
	enum { HALF = 8, NOISE = 64 };
	double x[2 * HALF], diff[NOISE] = { 0 }, v[NOISE], last = NAN;
	int at[2 * HALF], n = 0, seen = 0, quiet = 0;

	for (int i = 0; i < t->n; i++) {
		double a, b, noise;

		if (real && t->x[i] == TIMEOUT)
			continue;
		diff[seen % NOISE] = isnan(last) ? 0 : fabs(t->x[i] - last);
		last = t->x[i];
		memmove(x, x + 1, sizeof(x) - sizeof(x[0]));
		memmove(at, at + 1, sizeof(at) - sizeof(at[0]));
		x[2 * HALF - 1] = t->x[i];
		at[2 * HALF - 1] = i;
		if (++seen < NOISE || quiet-- > 0)
			continue;
		memcpy(v, x, sizeof(x));
		a = rank_median(v, HALF);
		b = rank_median(v + HALF, HALF);
		memcpy(v, diff, sizeof(diff));
		noise = rank_median(v, NOISE);
		if (fabs(a - b) <= 3 * noise + 0.005 * fabs(a))
			continue;
		/* It shows when a little more than half of the second window is new. */
		ret[n++] = at[HALF + HALF / 2 - 1];
		quiet = HALF;
	}
	return n;
}

static int match(const int *fact, int n_facts, const int *found, int n_found, int within)
{
	int hits = 0;

	for (int i = 0, k = 0; i < n_facts && k < n_found;) {
		if (abs(fact[i] - found[k]) <= within) {
			hits++;
			i++;
			k++;
		} else if (fact[i] < found[k]) {
			i++;
		} else {
			k++;
		}
	}
	return hits;
}

static int by_place(const void *a, const void *b)
{
	return *(const int *) a - *(const int *) b;
}

static void take(struct tally *a, const struct trace *t, bool real,
		 int (*find)(const struct trace *, bool, int *))
{
	static int found[TRACE_MAX];
	double start = ns_now();
	int n = find(t, real, found);

	a->ns += ns_now() - start;
	qsort(found, (size_t) n, sizeof(found[0]), by_place);
	a->samples += t->n;
	a->facts += t->n_facts;
	a->found += n;
	for (int w = 0; w < 2; w++)
		a->hits[w] += match(t->fact, t->n_facts, found, n, window[w]);
}

static void report(const char *set, const char *who, const struct tally *a)
{
	char name[64];

	for (int w = 0; w < 2; w++) {
		(void) snprintf(name, sizeof(name), "%s F1 window %d", set, window[w]);
		figure("rtt", name, who, "F1", 2 * a->hits[w] / fmax(a->facts + a->found, 1));
	}
	(void) snprintf(name, sizeof(name), "%s precision window 5", set);
	figure("rtt", name, who, "ratio", a->hits[1] / fmax(a->found, 1));
	(void) snprintf(name, sizeof(name), "%s recall window 5", set);
	figure("rtt", name, who, "ratio", a->hits[1] / fmax(a->facts, 1));
	(void) snprintf(name, sizeof(name), "%s cost", set);
	figure("rtt", name, who, "ns/sample", a->ns / fmax(a->samples, 1));
}

static bool run_set(const char *data, const char *set)
{
	static struct trace t;
	struct tally anod = { 0 }, two = { 0 };
	bool real = strcmp(set, "real") == 0;
	struct dirent **files;
	char dir[2048], path[4096], name[64];
	int n;

	(void) snprintf(dir, sizeof(dir), "%s/rtt/%s", data, set);
	n = csv_files(dir, &files);
	if (n <= 0)
		return false;
	for (int i = 0; i < n; i++) {
		(void) snprintf(path, sizeof(path), "%s/%s", dir, files[i]->d_name);
		free(files[i]);
		if (trace_read(&t, path) < 0)
			continue;
		take(&anod, &t, real, find_anod);
		take(&two, &t, real, find_two_windows);
	}
	free(files);
	report(set, "anod", &anod);
	report(set, "two-window", &two);
	(void) snprintf(name, sizeof(name), "%s changes", set);
	figure("rtt", name, "anod", "of labelled", anod.found);
	figure("rtt", name, "labelled", "changes", anod.facts);
	return true;
}

int main(int argc, char **argv)
{
	bool any;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_rtt DATA\n");
		return EXIT_FAILURE;
	}
	any = run_set(argv[1], "real");
	any |= run_set(argv[1], "artificial");
	if (!any)
		no_data(argv[1], WHERE);
	/* The best streaming figures measured before, on all 50 and 20 traces. */
	figure("rtt", "real F1 window 2", "before", "F1", 0.489);
	figure("rtt", "real F1 window 5", "before", "F1", 0.519);
	figure("rtt", "artificial F1 window 2", "before", "F1", 0.715);
	figure("rtt", "state", "anod", "bytes", sizeof(struct shift));
	return 0;
}
