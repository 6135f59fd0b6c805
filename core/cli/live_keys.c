/*
 * live_keys - keys that all screens share.
 */
#include <string.h>

#include "cli/live.h"

#define EVERY_MIN_US UINT64_C(100000)
#define EVERY_MAX_US UINT64_C(10000000)

static void change_period(struct live *l, uint64_t us)
{
	l->every_us = MIN_OF(MAX_OF(us, EVERY_MIN_US), EVERY_MAX_US);
	l->ask_now = true;
}

void live_key(struct live *l, int key)
{
	if (key == ' ') {
		l->paused = !l->paused;
		l->ask_now = !l->paused;
	} else if (key == '+') {
		change_period(l, l->every_us / 2);
	} else if (key == '-') {
		change_period(l, l->every_us * 2);
	}
}

bool scroll_key(int key, long page, long at, long *ret)
{
	switch (key) {
	case KEY_UP:
	case 'k':
		*ret = at - 1;
		return true;
	case KEY_DOWN:
	case 'j':
		*ret = at + 1;
		return true;
	case KEY_PAGE_UP:
		*ret = at - page;
		return true;
	case KEY_PAGE_DOWN:
		*ret = at + page;
		return true;
	case KEY_HOME:
		*ret = 0;
		return true;
	case KEY_END:
		*ret = INT32_MAX;
		return true;
	default:
		return false;
	}
}

bool line_key(char *line, size_t size, int key)
{
	size_t n = strlen(line);

	if (key == KEY_ENTER || key == KEY_ESC)
		return true;
	if (key == 'U' - '@') {
		line[0] = '\0';
	} else if (key == KEY_BACKSPACE && n > 0) {
		/* A whole character. */
		while (n > 1 && (line[n - 1] & 0xc0) == 0x80)
			n--;
		line[n - 1] = '\0';
	} else if (key >= ' ' && key < 256 && key != KEY_BACKSPACE && n + 1 < size) {
		line[n] = (char) key;
		line[n + 1] = '\0';
	}
	return false;
}

void settle_rows(unsigned *offset, unsigned *chosen, unsigned n, unsigned room)
{
	room = MAX_OF(room, 1);
	*chosen = MIN_OF(*chosen, n ? n - 1 : 0);
	if (*chosen < *offset)
		*offset = *chosen;
	if (*chosen >= *offset + room)
		*offset = *chosen - room + 1;
	*offset = MIN_OF(*offset, n > room ? n - room : 0);
}
