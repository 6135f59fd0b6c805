/*
 * zone_posix - the rule form of a time zone (POSIX TZ).
 *
 * Design.  std offset [dst [offset] [, start [/time], end [/time]]], as in POSIX.1-2017 8.3 with
 * the longer times of RFC 8536.  Offsets count west in the text and east here.  A zone with
 * summer time but without dates is refused: nobody has one.
 */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/zone.h"

#define DAY_S 86400

struct rule_date {
	char form; /* 'M' month.week.day, 'J' day 1..365 without 29 February, '0' day 0..365 */
	int month, week, day;
	int32_t time_s; /* in the day; may be negative or longer than a day */
};

static bool is_leap(int64_t year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01 to the first of January. */
static int64_t year_start(int64_t year)
{
	int64_t y = year - 1;

	return y * 365 + y / 4 - y / 100 + y / 400 - 719162;
}

static int64_t year_of(int64_t utc_s)
{
	int64_t days = utc_s / DAY_S, year = 1970 + days / 366;

	while (year_start(year + 1) <= days)
		year++;
	while (year_start(year) > days)
		year--;
	return year;
}

static bool read_number(const char **p, int max, int *ret)
{
	int n = 0;

	if (!isdigit((unsigned char) **p))
		return false;
	while (isdigit((unsigned char) **p) && n <= max)
		n = n * 10 + (*(*p)++ - '0');
	*ret = n;
	return n <= max;
}

/* [+-]hh[:mm[:ss]] */
static bool read_time(const char **p, int32_t *ret_s)
{
	int part[3] = { 0 }, sign = 1;

	if (**p == '+' || **p == '-')
		sign = *(*p)++ == '-' ? -1 : 1;
	if (!read_number(p, 167, &part[0]))
		return false;
	for (int i = 1; i < 3 && **p == ':'; i++) {
		(*p)++;
		if (!read_number(p, 59, &part[i]))
			return false;
	}

	*ret_s = sign * (part[0] * 3600 + part[1] * 60 + part[2]);
	return true;
}

/* "EET" or "<+0330>" */
static bool skip_name(const char **p)
{
	const char *start = *p;

	if (**p == '<') {
		const char *end = strchr(*p, '>');

		if (!end)
			return false;
		*p = end + 1;
		return true;
	}
	while (isalpha((unsigned char) **p))
		(*p)++;
	return *p - start >= 3;
}

static bool read_date(const char **p, struct rule_date *ret)
{
	bool ok;

	*ret = (struct rule_date){ .form = '0', .time_s = 2 * 3600 };
	if (*(*p)++ != ',')
		return false;

	if (**p == 'M') {
		ret->form = *(*p)++;
		ok = read_number(p, 12, &ret->month) && ret->month > 0 && *(*p)++ == '.' &&
		     read_number(p, 5, &ret->week) && ret->week > 0 && *(*p)++ == '.' &&
		     read_number(p, 6, &ret->day);
	} else {
		if (**p == 'J')
			ret->form = *(*p)++;
		ok = read_number(p, 365, &ret->day);
	}
	if (ok && **p == '/') {
		(*p)++;
		ok = read_time(p, &ret->time_s);
	}
	return ok;
}

/* Days since 1970 of the date in this year. */
static int64_t day_of(const struct rule_date *d, int64_t year)
{
	static const int before[13] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365
	};
	int64_t first = year_start(year);
	int length, weekday, day;

	if (d->form == '0')
		return first + d->day;
	if (d->form == 'J')
		return first + d->day - 1 + (is_leap(year) && d->day >= 60);

	first += before[d->month - 1] + (is_leap(year) && d->month > 2);
	length = before[d->month] - before[d->month - 1] + (is_leap(year) && d->month == 2);
	weekday = (int) ((first % 7 + 7 + 4) % 7); /* 1970-01-01 was a Thursday */
	day = (d->day - weekday + 7) % 7 + (d->week - 1) * 7;
	return first + (day >= length ? day - 7 : day);
}

int posix_zone_offset(const char *rule, int64_t utc_s, int32_t *ret_east_s)
{
	struct rule_date start, end;
	int32_t std_s, dst_s;
	const char *p = rule;
	int64_t year, on, off;
	bool summer;

	if (!skip_name(&p) || !read_time(&p, &std_s))
		return -EBADMSG;
	if (!*p) {
		*ret_east_s = -std_s;
		return 0;
	}

	dst_s = std_s - 3600;
	if (!skip_name(&p) || (*p != ',' && !read_time(&p, &dst_s)) || !read_date(&p, &start) ||
	    !read_date(&p, &end) || *p)
		return -EBADMSG;

	/* The dates are wall time of the zone before each change. */
	year = year_of(utc_s - std_s);
	on = day_of(&start, year) * DAY_S + start.time_s + std_s;
	off = day_of(&end, year) * DAY_S + end.time_s + dst_s;
	summer = on < off ? utc_s >= on && utc_s < off : utc_s >= on || utc_s < off;
	*ret_east_s = summer ? -dst_s : -std_s;
	return 0;
}
