/*
 * facts - "anodctl facts": a list, a stream of changes, or a live table.
 */
#ifndef CLI_FACTS_H
#define CLI_FACTS_H

#include "cli/live.h"

struct facts_view {
	const cJSON *pattern; /* text, list of texts, or NULL; borrowed */
	char about[96];	      /* how the screen calls them: "link/wan*", or a link */
	bool of_link;
	char edit[96];
	bool editing, help;
	cJSON *typed; /* owned: the pattern that was typed */
	unsigned offset, chosen, name_width;
	cJSON *data; /* the last answer, owned */
	bool paused;
	const char *notice, *age; /* as in struct top_view */
	double every_s;
};

void facts_draw(struct page *p, struct facts_view *v);
unsigned facts_room(unsigned lines);
void facts_show(struct live *l, struct facts_view *v); /* until it is left; frees what it owns */
/* Everything about one link, from a screen of links. */
void facts_of_link(struct live *l, const char *link);

int facts_command(struct cli *c, int argc, char **argv);

/* "link/wan0.rx_bytes", and its value for people: text from outside quoted, unknown with its
 * reason.  Return buf. */
const char *fact_path(const cJSON *f, char *buf, size_t size);
const char *fact_value(const cJSON *f, char *buf, size_t size);

#endif
