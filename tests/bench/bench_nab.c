/*
 * bench_nab - the score of the Numenta Anomaly Benchmark (Lavin and Ahmad 2015), streaming.
 *
 * usage: bench_nab DATA     prints lines of JSON for DATA/nab/data and DATA/nab/windows.json
 *
 * NAB's rule: a detector gives each row a score in 0..1; the first 15 % of a file (at most 750
 * rows) do not count; one threshold for the whole corpus, the best, turns scores into alarms.  The
 * earliest alarm in a labelled window earns up to 1, the more the earlier; an alarm outside costs
 * up to fp (less just behind a window), a window without one costs fn.  The sum is scaled so that
 * doing nothing is 0 and the perfect detector 100.  Profiles (fp, fn): standard .11, 1; low FP
 * .22, 1; low FN .11, 2.  Windows that are here are the whole corpus: figures of a part of it
 * compare with published ones (of all 58 files) only roughly.  Detectors are not told the range
 * of a file, which NAB's own wrappers do tell theirs.
 */
#include "tests/bench/labelled.h"

#include <math.h>

#include "detect/outlier.h"
#include "detect/rank.h"

#define WHERE	    "https://github.com/numenta/NAB (data/ and labels/combined_windows.json)"
#define FILE_MAX    32768
#define ROWS_MAX    (1 << 20)
#define WINDOWS_MAX 512
#define PROBATION   750
#define HOLD	    400 /* samples for which baselines hold a peak */

/* Sets of files: bit i is category i; by their names they fall into two halves. */
#define ALL	    UINT32_MAX
#define SET(i)	    (UINT32_C(1) << (i))
#define SET_HALF(i) SET(30 + (i))

/* One row of one file that counts. */
struct row {
	double score,
		value; /* value: in a window what it earns, outside what share of fp it costs */
	int window;
	uint32_t sets;
};

struct profile {
	const char *name;
	double fp, fn;
};

struct result {
	double score, threshold;
	int found, false_alarms;
};

struct series {
	uint64_t time_us[FILE_MAX];
	double x[FILE_MAX], score[FILE_MAX];
	int n;
};

static struct row rows[ROWS_MAX];
static int n_rows, n_windows;
static uint32_t window_sets[WINDOWS_MAX];

static double sigmoid(double x)
{
	return x > 3 ? -1 : 2 / (1 + exp(5 * x)) - 1;
}

static uint64_t parse_time(const char *s)
{
	struct tm t = { 0 };

	if (!strptime(s, "%Y-%m-%d %H:%M:%S", &t))
		return 0;
	return (uint64_t) timegm(&t) * 1000000;
}

static int series_read(struct series *s, const char *path)
{
	_cleanup_(freep) char *text = file_text(path);
	char *line, *rest;

	if (!text)
		return -errno;
	s->n = 0;
	(void) strtok_r(text, "\n", &rest); /* the heading */
	while ((line = strtok_r(NULL, "\n", &rest)) && s->n < FILE_MAX) {
		char *comma = strchr(line, ',');

		if (!comma)
			continue;
		s->time_us[s->n] = parse_time(line);
		s->x[s->n++] = strtod(comma + 1, NULL);
	}
	return 0;
}

/* The windows of a file as row numbers; how many. */
static int windows_of(const char *json, const char *key, const struct series *s, int *left,
		      int *right)
{
	char quoted[640];
	const char *p;
	int n = 0;

	(void) snprintf(quoted, sizeof(quoted), "\"%s\":", key);
	p = strstr(json, quoted);
	if (!p)
		return 0;
	p += strlen(quoted);
	/* [["from", "to"], ...] ends where no string comes before the next key's colon */
	for (;;) {
		const char *a = strchr(p, '"'), *b;
		uint64_t from, to;
		int l = 0, r = s->n - 1;

		if (!a || !(b = strchr(a + 1, '"')) || b[1] == ':')
			return n;
		from = parse_time(a + 1);
		a = strchr(b + 1, '"');
		if (!a || !(b = strchr(a + 1, '"')) || n == 64)
			return n;
		to = parse_time(a + 1);
		p = b + 1;
		while (l < s->n && s->time_us[l] < from)
			l++;
		while (r >= 0 && s->time_us[r] > to)
			r--;
		left[n] = l;
		right[n++] = r;
	}
}

/* What row i earns or costs: see above. */
static struct row judge(int i, const int *left, const int *right, const int *name, int n)
{
	struct row r = { .value = -1, .window = -1 };
	int before = -1;

	for (int w = 0; w < n; w++) {
		if (i >= left[w] && i <= right[w]) {
			double width = right[w] - left[w] + 1;

			r.window = name[w];
			r.value = sigmoid(-(right[w] - i + 1) / width) / sigmoid(-1);
			return r;
		}
		if (right[w] < i)
			before = w;
	}
	if (before >= 0)
		r.value = sigmoid((double) (i - right[before]) /
				  fmax(right[before] - left[before], 1));
	return r;
}

static uint32_t half_of(const char *name)
{
	uint32_t h = UINT32_C(2166136261); /* FNV-1a */

	for (; *name; name++)
		h = (h ^ (unsigned char) *name) * UINT32_C(16777619);
	return SET_HALF(h >> 7 & 1);
}

static void add_rows(const struct series *s, const char *json, const char *key, uint32_t sets)
{
	int left[64], right[64], name[64], n = windows_of(json, key, s, left, right);
	int first = (int) fmin(floor(0.15 * s->n), PROBATION);

	for (int w = 0; w < n; w++) {
		name[w] = -1;
		if (right[w] >= first && n_windows < WINDOWS_MAX) {
			window_sets[n_windows] = sets;
			name[w] = n_windows++;
		}
	}
	for (int i = first; i < s->n && n_rows < ROWS_MAX; i++) {
		rows[n_rows] = judge(i, left, right, name, n);
		rows[n_rows].score = s->score[i];
		rows[n_rows++].sets = sets;
	}
}

static int by_score(const void *a, const void *b)
{
	double x = ((const struct row *) a)->score, y = ((const struct row *) b)->score;

	return (x < y) - (x > y);
}

/* The score at the best threshold, or at 'fixed' >= 0, of a set of files; rows are sorted. */
static struct result evaluate(const struct profile *p, uint32_t set, double fixed)
{
	static double best[WINDOWS_MAX];
	struct result r = { .threshold = 1 }, now = r;
	double null, total, top;
	int n = 0;

	for (int w = 0; w < n_windows; w++) {
		best[w] = -INFINITY;
		n += (window_sets[w] & set) != 0;
	}
	null = total = top = -p->fn * n;
	for (int i = 0; i < n_rows && rows[i].score > 0; i++) {
		const struct row *v = &rows[i];

		if (fixed >= 0 && v->score < fixed)
			break;
		if (v->sets & set) {
			if (v->window < 0) {
				total += v->value * p->fp;
				now.false_alarms++;
			} else if (v->value > best[v->window]) {
				now.found += !isfinite(best[v->window]);
				total += v->value -
					 (isfinite(best[v->window]) ? best[v->window] : -p->fn);
				best[v->window] = v->value;
			}
		}
		if (i + 1 < n_rows && rows[i + 1].score == v->score)
			continue;
		if (total > top || fixed >= 0) {
			top = total;
			r = now;
			r.threshold = v->score;
		}
	}
	r.score = n ? 100 * (top - null) / (n - null) : NAN;
	return r;
}

static void detect_anod(struct series *s)
{
	static struct outlier o;

	memset(&o, 0, sizeof(o));
	for (int i = 0; i < s->n; i++)
		s->score[i] = outlier_feed(&o, s->time_us[i], s->x[i]);
}

/* Tells a statistic when it is higher than for HOLD samples: what every alarm in practice does. */
static double hold(double v, double *held, int *since, int i)
{
	if (v <= *held && i - *since < HOLD)
		return 0;
	*held = v;
	*since = i;
	return 1 - exp(-v / 10);
}

static void detect_ewma(struct series *s)
{
	double mean = s->x[0], var = 0, held = 0;
	int since = -HOLD;

	for (int i = 0; i < s->n; i++) {
		double d = s->x[i] - mean, z = i > 10 && var > 0 ? fabs(d) / sqrt(var) : 0;

		mean += 0.02 * d;
		var = 0.98 * (var + 0.02 * d * d);
		s->score[i] = hold(z, &held, &since, i);
	}
}

static void detect_two_windows(struct series *s)
{
	enum { HALF = 12, NOISE = 144 };
	double v[NOISE], held = 0;
	int since = -HOLD;

	for (int i = 0; i < s->n; i++) {
		double a, b, noise;

		s->score[i] = 0;
		if (i < NOISE)
			continue;
		memcpy(v, &s->x[i - 2 * HALF + 1], sizeof(double) * 2 * HALF);
		a = rank_median(v, HALF);
		b = rank_median(v + HALF, HALF);
		for (int k = 0; k < NOISE; k++)
			v[k] = fabs(s->x[i - k] - a);
		noise = rank_median(v, NOISE);
		s->score[i] =
			hold(fabs(a - b) / fmax(noise, 1e-3 * fabs(a) + 1e-9), &held, &since, i);
	}
}

static const struct {
	const char *who;
	void (*run)(struct series *);
} detectors[] = {
	{ "anod", detect_anod },
	{ "ewma-z", detect_ewma },
	{ "two-window", detect_two_windows },
};

static const struct profile profiles[] = {
	{ "standard", 0.11, 1 },
	{ "low FP", 0.22, 1 },
	{ "low FN", 0.11, 2 },
};

static int is_folder(const struct dirent *e)
{
	return e->d_name[0] != '.' && !strchr(e->d_name, '.');
}

static void report(const char *who, struct dirent **categories, int n, double ns_a_sample)
{
	struct result r;
	char name[300];

	qsort(rows, (size_t) n_rows, sizeof(rows[0]), by_score);
	for (size_t i = 0; i < ARRAY_SIZE(profiles); i++) {
		r = evaluate(&profiles[i], ALL, -1);
		figure("nab", profiles[i].name, who, "score", r.score);
	}
	r = evaluate(&profiles[0], ALL, -1);
	figure("nab", "standard, threshold", who, "score 0-1", r.threshold);
	figure("nab", "standard, windows found", who, "windows", r.found);
	figure("nab", "standard, false alarms", who, "alarms", r.false_alarms);
	for (int c = 0; c < n; c++) {
		struct result part = evaluate(&profiles[0], SET(c), r.threshold);

		(void) snprintf(name, sizeof(name), "standard, %s", categories[c]->d_name);
		if (isfinite(part.score))
			figure("nab", name, who, "score", part.score);
		else
			figure("nab", name, who, "false alarms", part.false_alarms);
	}
	for (int h = 0; h < 2; h++) {
		(void) snprintf(name, sizeof(name), "standard, half %d of the files", h + 1);
		figure("nab", name, who, "score", evaluate(&profiles[0], SET_HALF(h), -1).score);
	}
	if (strcmp(who, "anod") == 0) {
		r = evaluate(&profiles[0], ALL, OUTLIER_ALARM);
		figure("nab", "standard, OUTLIER_ALARM", who, "score", r.score);
	}
	figure("nab", "cost", who, "ns/sample", ns_a_sample);
}

/* All files of a category through one detector. */
static void run_category(const char *dir, const char *category, int number, const char *json,
			 void (*run)(struct series *), double *ns, double *samples)
{
	static struct series s;
	struct dirent **files;
	char path[4096], key[600];
	int n;

	(void) snprintf(path, sizeof(path), "%s/data/%s", dir, category);
	n = csv_files(path, &files);
	for (int i = 0; i < n; i++) {
		double start;

		(void) snprintf(path, sizeof(path), "%s/data/%s/%s", dir, category,
				files[i]->d_name);
		(void) snprintf(key, sizeof(key), "%s/%s", category, files[i]->d_name);
		free(files[i]);
		if (series_read(&s, path) < 0 || s.n == 0)
			continue;
		start = ns_now();
		run(&s);
		*ns += ns_now() - start;
		*samples += s.n;
		add_rows(&s, json, key, SET(number) | half_of(key));
	}
	if (n >= 0)
		free(files);
}

static void published(void)
{
	/* Of the whole corpus, standard profile: numenta/NAB README and results/. */
	static const struct {
		const char *who;
		double score;
	} p[] = { { "ARTime", 74.9 },  { "HTM", 70.5 }, { "CAD OSE", 69.9 }, { "Skyline", 58.2 },
		  { "KNN-CAD", 58.0 }, { "RCF", 51.7 }, { "ADVec", 47.1 } };

	for (size_t i = 0; i < ARRAY_SIZE(p); i++)
		figure("nab", "standard", p[i].who, "score", p[i].score);
}

int main(int argc, char **argv)
{
	_cleanup_(freep) char *json = NULL;
	struct dirent **categories;
	char dir[2048], path[4096];
	int n;

	if (argc != 2) {
		fprintf(stderr, "usage: bench_nab DATA\n");
		return EXIT_FAILURE;
	}
	(void) snprintf(dir, sizeof(dir), "%s/nab", argv[1]);
	(void) snprintf(path, sizeof(path), "%s/windows.json", dir);
	json = file_text(path);
	if (!json)
		no_data(path, WHERE);
	(void) snprintf(path, sizeof(path), "%s/data", dir);
	n = scandir(path, &categories, is_folder, alphasort);
	if (n <= 0)
		no_data(path, WHERE);
	for (size_t d = 0; d < ARRAY_SIZE(detectors); d++) {
		double ns = 0, samples = 0;

		n_rows = n_windows = 0;
		for (int c = 0; c < n && c < 30; c++)
			run_category(dir, categories[c]->d_name, c, json, detectors[d].run, &ns,
				     &samples);
		report(detectors[d].who, categories, n, ns / fmax(samples, 1));
	}
	figure("nab", "standard, windows found", "labelled", "windows", n_windows);
	figure("nab", "state", "anod", "bytes", sizeof(struct outlier));
	for (int c = 0; c < n; c++)
		free(categories[c]);
	free(categories);
	published();
	return 0;
}
