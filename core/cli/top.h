/*
 * top - the table of links of "anodctl top".
 */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include "cli/cli.h"
#include "cli/page.h"

#define TOP_MATCH_SIZE 80

struct top_view {
	const char *sort; /* as the daemon names it; static */
	bool reverse, bytes, help, editing;
	bool plain;		    /* not a screen: no heading of keys */
	char match[TOP_MATCH_SIZE]; /* glob, "": all */
	char edit[TOP_MATCH_SIZE];  /* while it is being typed */
	unsigned offset;	    /* of the first row shown */
	unsigned chosen;	    /* number of the row that Enter shows */
	unsigned name_width;	    /* grows, so that the table does not move */
	cJSON *data;		    /* the last answer, owned; NULL: none yet */
	/* What the screen says about itself. */
	bool paused;
	double every_s;
	const char *notice, *age; /* "": all is well */
};

/* Columns that can be sorted by, from left to right; NULL-ended. */
extern const char *const top_sorts[];

/* Rows that fit on a screen of so many lines. */
unsigned top_room(unsigned lines);
void top_draw(struct page *p, struct top_view *v);
/* The link in the chosen row, or "". */
const char *top_chosen(const struct top_view *v);
/* Keep the chosen row within the table and on the screen. */
void top_settle(struct top_view *v, unsigned room);

int top_command(struct cli *c, int argc, char **argv);

#endif
