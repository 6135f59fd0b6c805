/*
 * port - the ports that can hold a module, and what was read of it.
 *
 * Design.  A module is read whole when it is new: when the port never answered before, when the
 * link has lost its carrier since, and every FRESH rounds, because a swap while the link is down
 * shows nowhere else.  Between, only what changes is read, a few dozen bytes of I2C.
 *
 * Some flags are cleared by reading them.  Until they were published their bytes are therefore
 * added to what the next reading brings, so that a reading that fails half-way loses none.
 */
#include "module.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FRESH 60

#define A0 0x50
#define A2 0x51

static const struct chunk first[] = {
	{ PART_LOWER, A0, 0, 0, 128, true, 0, 0 },
};
static const struct chunk sff8472[] = {
	{ PART_LOWER, A0, 0, 0, 128, true, 0, 0 },
	{ PART_A2, A2, 0, 0, 128, true, 0, 0 },
	{ PART_A2, A2, 0, 96, 22, false, 112, 6 },
};
static const struct chunk sff8636[] = {
	{ PART_LOWER, A0, 0, 0, 58, false, 3, 12 },
	{ PART_PAGE0, A0, 0, 128, 128, true, 0, 0 },
	{ PART_LIMITS, A0, 3, 128, 128, true, 0, 0 },
};
static const struct chunk cmis[] = {
	{ PART_LOWER, A0, 0, 0, 18, false, 8, 4 },
	{ PART_PAGE0, A0, 0, 128, 128, true, 0, 0 },
	{ PART_PAGE1, A0, 1, 128, 128, true, 0, 0 },
	{ PART_LIMITS, A0, 2, 128, 128, true, 0, 0 },
	{ PART_LANES, A0, 0x11, 134, 68, false, 134, 20 },
};

#define LIST(a)                                                                                    \
	{                                                                                          \
		a, sizeof(a) / sizeof((a)[0])                                                      \
	}
static const struct {
	const struct chunk *chunk;
	unsigned n;
} lists[] = {
	[FAMILY_NONE] = LIST(first),
	[FAMILY_SFF8472] = LIST(sff8472),
	[FAMILY_SFF8636] = LIST(sff8636),
	[FAMILY_CMIS] = LIST(cmis),
};

/* ---- what to read -------------------------------------------------------------------------- */

static bool exists(const struct port *p, const struct chunk *c)
{
	switch ((enum part) c->part) {
	case PART_A2:
		return module_has_a2(p->page[PART_LOWER]);
	case PART_PAGE1:
	case PART_LIMITS:
	case PART_LANES:
		return module_has_pages(p->page[PART_LOWER]);
	case PART_LOWER:
	case PART_PAGE0:
	case PARTS:
		break;
	}
	return true;
}

void port_begin(struct sensor *s, struct port *p)
{
	struct anod_value v;
	int64_t downs = 0;

	if (s->ctx->host->get(s->ctx, "link", p->name, "carrier_down", &v, NULL) == 0 &&
	    v.type == ANOD_INT)
		downs = v.u.i;
	if (downs != p->downs || ++p->reads >= FRESH)
		p->complete = false;
	p->downs = downs;
}

/* Step 0 of a module that is not known yet is the identifier with all of lower memory; from there
 * on the list of its family. */
const struct chunk *port_next(const struct port *p, unsigned *step)
{
	enum family f;

	if (!p->complete && *step == 0) {
		*step = 1;
		return &first[0];
	}
	f = module_family(p->page[PART_LOWER][0]);
	if (f == FAMILY_NONE)
		return NULL;
	for (; *step <= lists[f].n; (*step)++) {
		const struct chunk *c = &lists[f].chunk[*step ? *step - 1 : 0];

		if (*step == 0)
			continue;
		/* Lower memory was the first of all. */
		if (!p->complete && c->part == PART_LOWER)
			continue;
		if ((p->complete && c->once) || !exists(p, c))
			continue;
		/* All of A2h holds what changes as well. */
		if (!p->complete && c->part == PART_A2 && !c->once)
			continue;
		(*step)++;
		return c;
	}
	return NULL;
}

void port_take(struct port *p, const struct chunk *c, const uint8_t *data)
{
	unsigned at = c->offset % PAGE_SIZE_;
	uint8_t *page = p->page[c->part], kept[PAGE_SIZE_];
	enum family f = module_family(data[0]);
	const struct chunk *of = c;

	/* Another module: nothing of the old one holds. */
	if (c->part == PART_LOWER && p->has[PART_LOWER] && data[0] != page[0]) {
		memset(p->has, 0, sizeof(p->has));
		memset(p->page, 0, sizeof(p->page));
		p->untold = 0;
	}
	if (c == &first[0]) /* which of its bytes are flags, its own list knows */
		of = &lists[f].chunk[0];
	memcpy(kept, page, sizeof(kept));
	memcpy(page + at, data, c->len);
	for (unsigned i = 0; i < of->n_flags && (p->untold >> c->part & 1); i++)
		page[(of->flags + i) % PAGE_SIZE_] |= kept[(of->flags + i) % PAGE_SIZE_];
	p->has[c->part] = true;
	if (of->n_flags)
		p->untold |= (uint8_t) (1u << c->part);
}

/* ---- ports --------------------------------------------------------------------------------- */

static void entities_gone(struct sensor *s, struct port *p)
{
	for (unsigned k = 0; k < LANES_MAX; k++) {
		if (p->lane[k])
			(void) s->ctx->host->entity_gone(s->ctx, p->lane[k]);
		p->lane[k] = 0;
		p->words[k][0] = '\0';
	}
	if (p->entity)
		(void) s->ctx->host->entity_gone(s->ctx, p->entity);
	p->entity = 0;
}

void port_lost(struct sensor *s, struct port *p)
{
	entities_gone(s, p);
	memset(p->has, 0, sizeof(p->has));
	memset(p->page, 0, sizeof(p->page));
	p->complete = false;
	p->untold = 0;
}

static struct port *find(struct sensor *s, const char *name)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		if (strcmp(s->port[i]->name, name) == 0)
			return s->port[i];
	return NULL;
}

static struct port *add(struct sensor *s, const char *name)
{
	struct port *p;

	if (s->n_ports == PORTS_MAX)
		return NULL;
	if (s->n_ports == s->ports_size) {
		uint32_t size = s->ports_size ? 2 * s->ports_size : 16;
		struct port **more = realloc(s->port, size * sizeof(struct port *));

		if (!more)
			return NULL;
		s->port = more;
		s->ports_size = size;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return NULL;
	memcpy(p->name, name, strnlen(name, sizeof(p->name) - 1));
	s->port[s->n_ports++] = p;
	return p;
}

/* The ifindex of a link that is hardware, or 0. */
static uint32_t hardware(struct sensor *s, const char *name)
{
	struct anod_value v;

	if (strcmp(name, "lo") == 0 ||
	    s->ctx->host->get(s->ctx, "link", name, "kind", &v, NULL) < 0 || v.type != ANOD_TEXT ||
	    v.u.text[0])
		return 0;
	if (s->ctx->host->get(s->ctx, "link", name, "ifindex", &v, NULL) < 0 || v.type != ANOD_INT)
		return 0;
	return (uint32_t) v.u.i;
}

void ports_find(struct sensor *s)
{
	const char *each;
	uint32_t kept = 0;

	s->round++;
	for (unsigned n = 0; (each = s->ctx->host->each(s->ctx, "link", n)); n++) {
		char name[ANOD_IFNAME_SIZE] = "";
		uint32_t ifindex;
		struct port *p;

		memcpy(name, each, strnlen(each, sizeof(name) - 1));
		ifindex = hardware(s, name);
		if (!ifindex)
			continue;
		p = find(s, name);
		if (!p)
			p = add(s, name);
		if (!p)
			break;
		if (p->ifindex != ifindex) {
			port_lost(s, p);
			p->wait = 0;
		}
		p->ifindex = ifindex;
		p->round = s->round;
	}
	for (uint32_t i = 0; i < s->n_ports; i++) {
		if (s->port[i]->round == s->round) {
			s->port[kept++] = s->port[i];
			continue;
		}
		entities_gone(s, s->port[i]);
		free(s->port[i]);
	}
	s->n_ports = kept;
}

void ports_free(struct sensor *s)
{
	for (uint32_t i = 0; i < s->n_ports; i++)
		free(s->port[i]);
	free(s->port);
	s->port = NULL;
	s->n_ports = s->ports_size = 0;
}
