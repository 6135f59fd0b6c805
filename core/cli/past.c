/*
 * past - the past of one fact, as it is drawn.
 *
 * Design.  A counter becomes a rate here and not in the daemon, which keeps what was: between two
 * neighbouring points, never across a gap or a restart of the counter.
 */
#include "cli/past.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "cli/number.h"

static enum scale scale_of(const cJSON *data, const cJSON *fact, bool rate)
{
	const char *unit = get_text(data, "unit");

	if (strcmp(unit, "bytes") == 0)
		return rate ? SCALE_BITS : SCALE_BYTES;
	if (rate)
		return SCALE_RATE;
	if (strcmp(unit, "bits per second") == 0)
		return SCALE_BITS;
	if (strcmp(unit, "packets per second") == 0)
		return SCALE_RATE;
	if (strcmp(unit, "ratio") == 0)
		return SCALE_PERCENT;
	if (strcmp(unit, "duration") == 0)
		return SCALE_TIME;
	return cJSON_IsBool(get(fact, "raw")) ? SCALE_BOOL : SCALE_COUNT;
}

static bool number_at(const cJSON *p, int k, double *ret)
{
	const cJSON *n = cJSON_GetArrayItem(p, k);

	if (cJSON_IsBool(n))
		*ret = cJSON_IsTrue(n);
	else if (cJSON_IsNumber(n) && isfinite(n->valuedouble))
		*ret = n->valuedouble;
	else
		return false;
	return true;
}

/* [t], [t, null], [t, value], [t, value, low, high]. */
static bool read_point(const cJSON *p, struct past_point *ret)
{
	if (!cJSON_IsArray(p) || !number_at(p, 0, &ret->t) || !number_at(p, 1, &ret->value))
		return false;
	if (!number_at(p, 2, &ret->low) || !number_at(p, 3, &ret->high))
		ret->low = ret->high = ret->value;
	return true;
}

static void add(struct past *s, const struct past_point *p)
{
	/* Out of order: the answer of a daemon that is not ours. */
	if (s->n > 0 && p->t <= s->point[s->n - 1].t)
		return;
	s->point[s->n++] = *p;
	s->n_gaps += p->gap && s->n > 1;
}

/* The rate of the time up to 'p'. */
static bool rate_of(const struct past_point *before, const struct past_point *p, double factor,
		    struct past_point *ret)
{
	double span = (p->t - before->t) / 1e6;

	if (span <= 0 || p->value < before->value)
		return false;
	ret->t = p->t;
	ret->value = ret->low = ret->high = (p->value - before->value) * factor / span;
	return true;
}

static void read_points(const cJSON *list, bool rate, struct past *s)
{
	struct past_point p = { 0 }, before = { 0 }, r = { 0 };
	double factor = s->scale == SCALE_BITS ? 8 : 1;
	bool gap = true, have = false;
	const cJSON *i;

	cJSON_ArrayForEach(i, list)
	{
		if (s->n == PAST_POINTS_MAX)
			break;
		if (!read_point(i, &p)) {
			gap = true;
			have = false;
			continue;
		}
		if (!rate) {
			p.gap = gap;
			add(s, &p);
			gap = false;
			continue;
		}
		if (have && rate_of(&before, &p, factor, &r)) {
			r.gap = gap;
			add(s, &r);
			gap = false;
		} else {
			gap = true;
		}
		before = p;
		have = true;
	}
	s->ends_in_gap = gap;
}

/* What is told only when it changes goes on being so until it is told otherwise, or until now. */
static void hold(struct past *s, const cJSON *data, const cJSON *fact)
{
	double to = get_number(data, "to_us"), now = get_number(data, "now_us");
	struct past_point last;

	for (unsigned k = 1; k < s->n && !s->holds && !fact; k++)
		s->holds = s->step_us > 0 && !s->point[k].gap &&
			   s->point[k].t - s->point[k - 1].t > 2.5 * s->step_us;
	if (fact)
		s->holds = get_number(fact, "max_age_us") == 0;
	to = now > 0 ? MIN_OF(to, now) : to;
	if (!s->holds || s->is_rate || s->n == 0 || s->ends_in_gap || !(to > s->point[s->n - 1].t))
		return;
	last = s->point[s->n - 1];
	last.t = to;
	last.gap = false;
	add(s, &last);
}

int past_read(const cJSON *data, const cJSON *fact, bool raw, struct past *ret)
{
	const cJSON *points = get(data, "points");
	bool rate = get_bool(data, "counter") && !raw;

	*ret = (struct past){ .is_rate = rate };
	if (!cJSON_IsObject(data) || !cJSON_IsArray(points))
		return -EBADMSG;
	ret->point = calloc((size_t) MIN_OF(cJSON_GetArraySize(points), PAST_POINTS_MAX) + 2,
			    sizeof(*ret->point));
	if (!ret->point)
		return -ENOMEM;

	/* "link/wan0" or "wan0" with the kind beside it. */
	(void) snprintf(ret->name, sizeof(ret->name), "%.100s %.80s", get_text(data, "entity"),
			get_text(data, "attr"));
	if (!strchr(get_text(data, "entity"), '/') && get_text(data, "kind")[0])
		(void) snprintf(ret->name, sizeof(ret->name), "%.30s/%.90s %.70s",
				get_text(data, "kind"), get_text(data, "entity"),
				get_text(data, "attr"));
	ret->scale = scale_of(data, fact, rate);
	ret->kept = get_bool(data, "kept");
	(void) copy_text(ret->why, sizeof(ret->why), get_text(data, "why"));
	ret->step_us = get_number(data, "step_us");
	read_points(points, rate, ret);
	hold(ret, data, fact);
	ret->from = get_number(data, "from_us");
	ret->to = get_number(data, "to_us");
	if (!(ret->to > ret->from) && ret->n > 0) {
		ret->from = ret->point[0].t;
		ret->to = ret->point[ret->n - 1].t + 1;
	}
	return 0;
}

void past_done(struct past *s)
{
	free(s->point);
	*s = (struct past){ 0 };
}

struct past_stats past_stats(const struct past *s)
{
	struct past_stats r = { 0 };
	double sum = 0, time = 0, plain = 0;

	for (unsigned k = 0; k < s->n; k++) {
		const struct past_point *p = &s->point[k];

		r.min = k == 0 ? p->low : MIN_OF(r.min, p->low);
		r.max = k == 0 ? p->high : MAX_OF(r.max, p->high);
		plain += p->value / s->n;
		if (k == 0 || p->gap)
			continue;
		/* A rate is that of the time before its point. */
		sum += (p->t - p[-1].t) * (s->is_rate ? p->value
					   : s->holds ? p[-1].value
						      : (p->value + p[-1].value) / 2);
		time += p->t - p[-1].t;
	}
	r.known = s->n > 0;
	r.last = r.known ? s->point[s->n - 1].value : 0;
	r.mean = time > 0 ? sum / time : plain;
	return r;
}

const char *past_unit(const struct past *s)
{
	switch (s->scale) {
	case SCALE_RATE:
		return "per second";
	case SCALE_BITS:
		return "bit/s";
	case SCALE_BYTES:
		return "bytes";
	case SCALE_PERCENT:
	case SCALE_TIME:
	case SCALE_BOOL:
	case SCALE_COUNT:
		break;
	}
	return "";
}

const char *past_number(enum scale scale, double v, unsigned width, char *buf)
{
	switch (scale) {
	case SCALE_PERCENT:
		return number_percent(v, width, buf);
	case SCALE_TIME:
		return v < 0 ? number_fixed(v, width, buf) : number_time(v, width, buf);
	case SCALE_BOOL:
		return strcpy(buf, v <= 0 ? "no" : v >= 1 ? "yes" : "");
	case SCALE_COUNT:
	case SCALE_RATE:
	case SCALE_BITS:
	case SCALE_BYTES:
		break;
	}
	return number_fixed(v, width, buf);
}
