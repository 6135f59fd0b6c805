/*
 * top_cells - the cells of a row of the table of links.
 *
 * Design.  Three kinds of nothing are kept apart: "0"
 * is measured, "?" is unknown, and "-" is where there is nothing to be known (no probe goes over
 * the link, no capacity is configured); Enter tells the reason.  A "~" before a number says that
 * it is older than it should be.
 */
#include <math.h>
#include <string.h>

#include "cli/number.h"
#include "cli/top_cells.h"
#include "cli/width.h"

const struct column top_columns[CELLS] = {
	[CELL_MARK] = { "!", 1, 1, 0, 0 },
	[CELL_LINK] = { "LINK", 8, 15, 0, 0 },
	[CELL_STATE] = { "STATE", 8, 8, 1, 0 },
	[CELL_RX] = { "RX", 6, 6, 2, 0 },
	[CELL_TX] = { "TX", 6, 6, 2, 0 },
	[CELL_UTIL] = { "UTIL", 5, 16, 3, 0 },
	[CELL_ERRORS] = { "ERR/s", 5, 6, 4, 0 },
	[CELL_DROPS] = { "DROP/s", 6, 6, 5, 0 },
	[CELL_RTT] = { "RTT", 6, 6, 6, 0 },
	[CELL_LOSS] = { "LOSS", 4, 5, 7, 0 },
	[CELL_PACKETS] = { "PKT/s", 5, 6, 8, 0 },
	[CELL_ROLE] = { "ROLE", 6, 10, 9, 0 },
	[CELL_INCIDENT] = { "INCIDENT", 16, 26, 10, 0 },
	[CELL_FLAPS] = { "FLAPS", 5, 6, 11, 0 },
	[CELL_JITTER] = { "JITTER", 6, 6, 12, 0 },
	[CELL_MTU] = { "MTU", 5, 5, 13, 0 },
	[CELL_KIND] = { "KIND", 6, 8, 14, 0 },
	[CELL_MASTER] = { "MASTER", 8, 15, 15, 0 },
	[CELL_ALIAS] = { "ALIAS", 10, 40, 16, 0 },
};

/* ---- cells ------------------------------------------------------------------------------------- */

/* A name that is not known: "?", or "-" where there is nothing to be known. */
static const char *nothing(const cJSON *row, const char *name)
{
	return strncmp(get_text(get(row, "why"), name), "no ", 3) == 0 ? "-" : "?";
}

static void put_nothing(const struct drawing *d, enum cell c, const char *name)
{
	const char *mark = nothing(d->row, name);

	page_cell(d->p, mark[0] == '?' ? STYLE_YELLOW : STYLE_DIM, d->col[c].width, ALIGN_RIGHT,
		  mark);
}

static void put_text(const struct drawing *d, enum cell c, enum style s, const char *name)
{
	const char *text = get_text(d->row, name);

	if (cJSON_IsString(get(d->row, name)))
		page_cell(d->p, s, d->col[c].width, ALIGN_LEFT, text);
	else
		page_cell(d->p, STYLE_YELLOW, d->col[c].width, ALIGN_LEFT, nothing(d->row, name));
}

static bool number(const cJSON *row, const char *name, double *ret)
{
	const cJSON *n = get(row, name);

	*ret = cJSON_IsNumber(n) ? n->valuedouble : 0;
	return cJSON_IsNumber(n) && isfinite(n->valuedouble);
}

static void put_rate(const struct drawing *d, enum cell c, const char *name, double scale)
{
	bool late = get_bool(d->row, "late");
	char text[NUMBER_SIZE], marked[NUMBER_SIZE + 1];
	double v;

	if (!number(d->row, name, &v)) {
		put_nothing(d, c, name);
		return;
	}
	(void) number_fixed(v * scale, d->col[c].width - 1, text);
	(void) snprintf(marked, sizeof(marked), "%s%s", late ? "~" : "", text);
	page_cell(d->p, late || v == 0 ? STYLE_DIM : STYLE_PLAIN, d->col[c].width, ALIGN_RIGHT,
		  marked);
}

/* Receive and send together; unknown when one of them is. */
static void put_sum(const struct drawing *d, enum cell c, const char *rx, const char *tx,
		    enum style busy)
{
	char text[NUMBER_SIZE];
	double a, b;

	if (!number(d->row, rx, &a)) {
		put_nothing(d, c, rx);
	} else if (!number(d->row, tx, &b)) {
		put_nothing(d, c, tx);
	} else {
		page_cell(d->p, a + b > 0 ? busy : STYLE_DIM, d->col[c].width, ALIGN_RIGHT,
			  number_fixed(a + b, d->col[c].width, text));
	}
}

static const char *const eighths[] = { "", "▏", "▎", "▍", "▌", "▋", "▊", "▉" };
static const char *const heights[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

/* A bar of 'width' columns, as text. */
static void bar(double ratio, unsigned width, char *buf, size_t size)
{
	unsigned parts = (unsigned) lround(MIN_OF(MAX_OF(ratio, 0), 1) * width * 8);
	size_t n = 0;

	buf[0] = '\0';
	if (ratio > 0 && parts == 0)
		parts = 1; /* a little is not nothing */
	for (; parts >= 8 && n + 4 < size; parts -= 8)
		n += (size_t) snprintf(buf + n, size - n, "%s", utf8_locale() ? "█" : "#");
	if (parts > 0 && n + 4 < size)
		(void) snprintf(buf + n, size - n, "%s",
				utf8_locale() ? eighths[parts]
				: parts > 3   ? "#"
					      : "");
}

static void put_util(const struct drawing *d)
{
	unsigned width = d->col[CELL_UTIL].width;
	char text[NUMBER_SIZE], drawn[128];
	enum style s;
	double v;

	if (!number(d->row, "util", &v)) {
		put_nothing(d, CELL_UTIL, "util");
		return;
	}
	s = v >= 0.9 ? STYLE_RED : v >= 0.7 ? STYLE_YELLOW : STYLE_GREEN;
	(void) number_percent(v, 4, text);
	if (width >= 10) {
		bar(v, width - 5, drawn, sizeof(drawn));
		page_cell(d->p, s, width - 4, ALIGN_LEFT, drawn);
	} else {
		page_cell(d->p, s, width - 4, ALIGN_LEFT,
			  utf8_locale() ? heights[(int) lround(MIN_OF(MAX_OF(v, 0), 1) * 8)] : "");
	}
	page_cell(d->p, v > 0 ? s : STYLE_DIM, 4, ALIGN_RIGHT, text);
}

static void put_time(const struct drawing *d, enum cell c, const char *name)
{
	char text[NUMBER_SIZE];
	double v;

	if (!number(d->row, name, &v))
		put_nothing(d, c, name);
	else
		page_cell(d->p, STYLE_PLAIN, d->col[c].width, ALIGN_RIGHT,
			  number_time(v, d->col[c].width, text));
}

static void put_loss(const struct drawing *d)
{
	char text[NUMBER_SIZE];
	double v;

	if (!number(d->row, "loss", &v))
		put_nothing(d, CELL_LOSS, "loss");
	else
		page_cell(d->p,
			  v >= 0.05 ? STYLE_RED
			  : v > 0   ? STYLE_YELLOW
				    : STYLE_DIM,
			  d->col[CELL_LOSS].width, ALIGN_RIGHT,
			  number_percent(v, d->col[CELL_LOSS].width, text));
}

static void put_count(const struct drawing *d, enum cell c, const char *name)
{
	char text[NUMBER_SIZE];
	double v;

	if (!number(d->row, name, &v))
		put_nothing(d, c, name);
	else
		page_cell(d->p, v == 0 ? STYLE_DIM : STYLE_PLAIN, d->col[c].width, ALIGN_RIGHT,
			  number_whole(v, d->col[c].width, text));
}

/* The words of RFC 2863 that mean nothing at three in the morning are said otherwise. */
static void put_state(const struct drawing *d)
{
	const char *state = get_text(d->row, "state");
	enum style s = strcmp(state, "up") == 0		? STYLE_GREEN
		       : strcmp(state, "disabled") == 0 ? STYLE_DIM
		       : strcmp(state, "down") == 0	? STYLE_RED
							: STYLE_YELLOW;

	if (strcmp(state, "lowerlayerdown") == 0)
		state = "lower dn";
	if (strcmp(state, "notpresent") == 0)
		state = "absent";
	if (state[0])
		page_cell(d->p, s, d->col[CELL_STATE].width, ALIGN_LEFT, state);
	else
		put_text(d, CELL_STATE, STYLE_YELLOW, "state");
}

static void put_incident(const struct drawing *d)
{
	char text[128] = "";
	double id;

	if (number(d->row, "incident", &id))
		(void) snprintf(text, sizeof(text), "I%.0f %s", id, get_text(d->row, "finding"));
	page_cell(d->p, STYLE_ALERT, d->col[CELL_INCIDENT].width, ALIGN_LEFT, text);
}

static void put_alias(const struct drawing *d)
{
	char text[128] = "";

	/* Text from outside is a quotation. */
	if (get_text(d->row, "alias")[0])
		(void) snprintf(text, sizeof(text), "\"%.100s\"", get_text(d->row, "alias"));
	page_cell(d->p, STYLE_DIM, d->col[CELL_ALIAS].width, ALIGN_LEFT, text);
}

void top_cell(const struct drawing *d, enum cell c)
{
	double scale = d->v->bytes ? 0.125 : 1;

	switch (c) {
	case CELL_MARK:
		page_cell(d->p, STYLE_ALERT, 1, ALIGN_LEFT, get(d->row, "incident") ? "!" : "");
		break;
	case CELL_LINK:
		put_text(d, c, STYLE_BOLD, "name");
		break;
	case CELL_STATE:
		put_state(d);
		break;
	case CELL_ROLE:
		put_text(d, c, STYLE_PLAIN, "role");
		break;
	case CELL_RX:
		put_rate(d, c, "rx_bps", scale);
		break;
	case CELL_TX:
		put_rate(d, c, "tx_bps", scale);
		break;
	case CELL_PACKETS:
		put_sum(d, c, "rx_pps", "tx_pps", STYLE_PLAIN);
		break;
	case CELL_ERRORS:
		put_sum(d, c, "rx_errors_ps", "tx_errors_ps", STYLE_RED);
		break;
	case CELL_DROPS:
		put_sum(d, c, "rx_dropped_ps", "tx_dropped_ps", STYLE_YELLOW);
		break;
	case CELL_UTIL:
		put_util(d);
		break;
	case CELL_RTT:
		put_time(d, c, "rtt");
		break;
	case CELL_LOSS:
		put_loss(d);
		break;
	case CELL_JITTER:
		put_time(d, c, "jitter");
		break;
	case CELL_FLAPS:
		put_count(d, c, "carrier_down");
		break;
	case CELL_MTU:
		put_count(d, c, "mtu");
		break;
	case CELL_KIND:
		put_text(d, c, STYLE_DIM, "kind");
		break;
	case CELL_MASTER:
		put_text(d, c, STYLE_PLAIN, "master");
		break;
	case CELL_INCIDENT:
		put_incident(d);
		break;
	case CELL_ALIAS:
		put_alias(d);
		break;
	case CELLS:
		break;
	}
}
