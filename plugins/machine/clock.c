/*
 * clock - is the system's clock right?
 *
 * Design.  adjtimex(2) without a mode changes nothing and needs no privilege.  What it tells is what
 * the program that keeps the clock (chronyd, ntpd, timesyncd) has told the kernel; the kernel
 * lets the error grow by 500 ppm until it is told again, and calls the clock unsynchronised when
 * that has reached 16 s.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <syslog.h>

const char *clock_facts(const struct timex *t, int state, int64_t raw[CLOCK_NUMBERS])
{
	static const char *const leap[] = { [TIME_OK] = "none",
					    [TIME_INS] = "insert",
					    [TIME_DEL] = "delete",
					    [TIME_OOP] = "now",
					    [TIME_WAIT] = "done" };

	raw[SYNCHRONIZED] = !(t->status & STA_UNSYNC);
	raw[OFFSET] = t->status & STA_NANO ? t->offset / 1000 : t->offset;
	raw[MAX_ERROR] = t->maxerror;
	raw[EST_ERROR] = t->esterror;
	raw[FREQUENCY] = anod_real_bits((double) t->freq / 65536);
	/* TIME_ERROR says only that it is not synchronised. */
	return state >= TIME_OK && state <= TIME_WAIT ? leap[state] : "none";
}

void clock_read(struct anod_ctx *ctx, void *data)
{
	struct machine *m = data;
	struct timex t = { 0 };
	int state = adjtimex(&t), error = errno;
	struct anod_value v = { .type = ANOD_TEXT };
	int64_t raw[CLOCK_NUMBERS];

	if (state < 0) {
		if (!m->failed_clock)
			ctx->host->log(ctx, LOG_WARNING, "adjtimex: %s", strerror(error));
		m->failed_clock = true;
		goto out;
	}
	(void) snprintf(v.u.text, sizeof(v.u.text), "%s", clock_facts(&t, state, raw));
	if (!m->clock_entity && ctx->host->entity(ctx, "clock", "system", &m->clock_entity) < 0)
		goto out;
	if (ctx->host->put(ctx, m->clock_entity, m->f_clock, CLOCK_NUMBERS, raw,
			   (1u << CLOCK_NUMBERS) - 1) < 0)
		m->clock_entity = 0;
	else
		(void) ctx->host->publish(ctx, m->clock_entity, m->f_leap, &v);
out:
	anod_rhythm_next(&m->r_clock, 0);
}

#define CLOCK(n, t, u, text)                                                                       \
	{                                                                                          \
		.name = n, .type = t, .unit = u, .max_age_ms = MAX_AGE_MS, .help = text            \
	}

const struct anod_attr clock_attrs[CLOCK_FACTS + 1] = {
	[SYNCHRONIZED] = CLOCK("synchronized", ANOD_BOOL, ANOD_UNIT_NONE,
			       "somebody keeps the clock right (not STA_UNSYNC)"),
	[OFFSET] = CLOCK("offset", ANOD_INT, ANOD_UNIT_TIME,
			 "what is still to be slewed away; negative: the clock is ahead"),
	[MAX_ERROR] = CLOCK("max_error", ANOD_INT, ANOD_UNIT_TIME,
			    "how wrong the clock can be at most; grows by 500 us a second"),
	[EST_ERROR] = CLOCK("est_error", ANOD_INT, ANOD_UNIT_TIME,
			    "how wrong it is thought to be by the program that keeps it"),
	[FREQUENCY] = CLOCK("frequency", ANOD_REAL, ANOD_UNIT_NONE,
			    "correction of the clock's frequency, parts per million"),
	[LEAP] = CLOCK("leap", ANOD_TEXT, ANOD_UNIT_NONE,
		       "leap second at the end of the day: none insert delete, now, done"),
};
