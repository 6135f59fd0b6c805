/*
 * window - is it the time for it?
 *
 * Design.  The zone's wall time is seconds since 1970 as its clocks show them; a window is two of
 * them, or two times of the day.  The hour that clocks show twice in autumn is inside both times,
 * the one they skip in spring never comes.
 */
#include "policy/window.h"

#include "base/clock.h"
#include "base/zone.h"

#define DAY_S 86400

static bool daily_contains(const struct policy_window *w, int64_t wall_s)
{
	uint32_t s = (uint32_t) (((wall_s % DAY_S) + DAY_S) % DAY_S);

	if (w->from_s == w->to_s) /* 00:00..00:00: all day */
		return true;
	if (w->from_s < w->to_s)
		return s >= w->from_s && s < w->to_s;
	return s >= w->from_s || s < w->to_s;
}

enum anod_tri window_contains(const struct policy_window *w, uint64_t wall_us)
{
	int64_t utc_s = (int64_t) (wall_us / US_PER_S), wall_s;
	int32_t east_s;

	if (zone_offset(w->zone ? w->zone : "UTC", utc_s, &east_s) < 0)
		return ANOD_DOUBT;

	wall_s = utc_s + east_s;
	if (w->daily ? daily_contains(w, wall_s)
		     : wall_s >= w->from_wall_s && wall_s < w->to_wall_s)
		return ANOD_TRUE;
	return ANOD_FALSE;
}
