/*
 * store - what was read of a module as facts, and taking an answer apart.
 *
 * Design.  Flags are published as they were read, and counted: a flag that came and went between
 * two readings is true in one reading and stays in the count.
 */
#include "module.h"

#include <linux/ethtool_netlink.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <string.h>

#include <netlink/attr.h>

struct numbers {
	int64_t raw[MODULE_NUMBERS];
	uint64_t known;
	unsigned n;
};

static void add_real(struct numbers *a, bool known, double v)
{
	memcpy(&a->raw[a->n], &v, sizeof(v));
	a->known |= (uint64_t) known << a->n++;
}

static void add_int(struct numbers *a, bool known, int64_t v)
{
	a->raw[a->n] = v;
	a->known |= (uint64_t) known << a->n++;
}

static void add_limits(struct numbers *a, const struct limits *l)
{
	for (unsigned i = 0; i < LIMITS; i++)
		add_real(a, l->known, l->at[i]);
}

static void put_text(struct sensor *s, uint32_t entity, int fact, const char *text, uint8_t flags)
{
	struct anod_value v = { .type = ANOD_TEXT, .flags = flags };

	if (text)
		memcpy(v.u.text, text, strnlen(text, ANOD_TEXT_SIZE - 1));
	(void) s->ctx->host->publish(s->ctx, entity, fact, text ? &v : NULL);
}

/* ---- the module ---------------------------------------------------------------------------- */

static void publish_module(struct sensor *s, struct port *p, const struct module_info *m)
{
	struct numbers a = { .n = 0 };
	int fact = s->first_module + MODULE_NUMBERS;
	unsigned lanes = 0;

	for (unsigned k = 0; k < LANES_MAX; k++)
		lanes += m->lane[k].present;
	p->count += (m->flags & MODULE_ALARMS) != 0;
	add_real(&a, m->temperature_known, m->temperature);
	add_real(&a, m->voltage_known, m->voltage);
	add_limits(&a, &m->temperature_limits);
	add_limits(&a, &m->voltage_limits);
	add_limits(&a, &m->rx_limits);
	add_limits(&a, &m->tx_limits);
	add_limits(&a, &m->bias_limits);
	add_int(&a, lanes > 0, lanes);
	add_int(&a, m->flags_known, (m->flags & MODULE_ALARMS) != 0);
	add_int(&a, m->flags_known, (m->flags & MODULE_WARNINGS) != 0);
	add_int(&a, m->flags_known, p->count);
	(void) s->ctx->host->put(s->ctx, p->entity, s->first_module, a.n, a.raw, a.known);
	put_text(s, p->entity, fact, m->type, 0);
	put_text(s, p->entity, fact + 1,
		 m->state		    ? m->state
		 : m->family == FAMILY_CMIS ? NULL
					    : "",
		 0);
	put_text(s, p->entity, fact + 2, m->has_text ? m->vendor : NULL, ANOD_VALUE_OUTSIDE);
	put_text(s, p->entity, fact + 3, m->has_text ? m->part : NULL, ANOD_VALUE_OUTSIDE);
	put_text(s, p->entity, fact + 4, m->has_text ? m->serial : NULL, ANOD_VALUE_OUTSIDE);
	put_text(s, p->entity, fact + 5, m->has_text ? m->revision : NULL, ANOD_VALUE_OUTSIDE);
}

/* ---- its lanes ----------------------------------------------------------------------------- */

static void words(uint32_t flags, char *ret, size_t size)
{
	static const struct {
		uint32_t flag;
		const char *word;
	} all[] = {
		{ LANE_TX_FAULT, "tx-fault" },
		{ LANE_RX_LOS, "rx-los" },
		{ LANE_RX_LOL, "rx-lol" },
		{ LANE_TX_LOS, "tx-los" },
		{ LANE_TX_LOL, "tx-lol" },
		{ LANE_RX << LOW_ALARM, "rx-low" },
		{ LANE_RX << HIGH_ALARM, "rx-high" },
		{ LANE_TX << LOW_ALARM, "tx-low" },
		{ LANE_TX << HIGH_ALARM, "tx-high" },
		{ LANE_BIAS << HIGH_ALARM, "bias-high" },
		{ LANE_BIAS << LOW_ALARM, "bias-low" },
		{ LANE_RX << LOW_WARNING, "rx-low-warning" },
		{ LANE_RX << HIGH_WARNING, "rx-high-warning" },
		{ LANE_TX << LOW_WARNING, "tx-low-warning" },
		{ LANE_TX << HIGH_WARNING, "tx-high-warning" },
		{ LANE_BIAS << HIGH_WARNING, "bias-high-warning" },
		{ LANE_BIAS << LOW_WARNING, "bias-low-warning" },
	};
	size_t n = 0;

	ret[0] = '\0';
	for (unsigned i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		if (!(flags & all[i].flag))
			continue;
		if (n + strlen(all[i].word) + 2 > size)
			return; /* the graver ones come first */
		n += (size_t) snprintf(ret + n, size - n, "%s%s", n ? " " : "", all[i].word);
	}
}

static void add_flag(struct numbers *a, const struct optic *o, uint32_t flag)
{
	add_int(a, o->flags_known & flag, (o->flags & flag) != 0);
}

static void publish_optic(struct sensor *s, struct port *p, unsigned k, const struct optic *o)
{
	static const uint32_t counted[4] = { LANE_RX_LOS | LANE_TX_LOS, LANE_RX_LOL | LANE_TX_LOL,
					     LANE_TX_FAULT, LANE_ALARMS };
	struct numbers a = { .n = 0 };
	char text[ANOD_TEXT_SIZE];

	add_real(&a, o->rx_known, o->rx_dbm);
	add_real(&a, o->tx_known, o->tx_dbm);
	add_real(&a, o->bias_known, o->bias_ma);
	add_flag(&a, o, LANE_RX_LOS);
	add_flag(&a, o, LANE_RX_LOL);
	add_flag(&a, o, LANE_TX_LOS);
	add_flag(&a, o, LANE_TX_LOL);
	add_flag(&a, o, LANE_TX_FAULT);
	add_flag(&a, o, LANE_ALARMS);
	add_flag(&a, o, LANE_WARNINGS);
	for (unsigned i = 0; i < 4; i++) {
		p->lane_count[k][i] += (o->flags & counted[i]) != 0;
		add_int(&a, o->flags_known & counted[i], p->lane_count[k][i]);
	}
	(void) s->ctx->host->put(s->ctx, p->lane[k], s->first_optic, a.n, a.raw, a.known);
	words(o->flags, text, sizeof(text));
	put_text(s, p->lane[k], s->first_optic + OPTIC_NUMBERS, o->flags_known ? text : NULL, 0);
}

/* ---- a port -------------------------------------------------------------------------------- */

void port_publish(struct sensor *s, struct port *p)
{
	const uint8_t *page[PARTS];
	struct module_info m;
	struct image in;

	for (unsigned i = 0; i < PARTS; i++)
		page[i] = p->has[i] ? p->page[i] : NULL;
	in = (struct image){ page[PART_LOWER],	page[PART_PAGE0], page[PART_PAGE1],
			     page[PART_LIMITS], page[PART_LANES], page[PART_A2] };
	module_decode(&in, &m);
	p->untold = 0;
	if (!p->complete)
		p->reads = 0;
	p->complete = m.family != FAMILY_NONE;
	if (!p->entity && s->ctx->host->entity(s->ctx, "module", p->name, &p->entity) < 0)
		return;
	publish_module(s, p, &m);
	for (unsigned k = 0; k < LANES_MAX; k++) {
		char name[ANOD_NAME_SIZE];

		(void) snprintf(name, sizeof(name), "%s/%u", p->name, k + 1);
		if (m.lane[k].present && !p->lane[k])
			(void) s->ctx->host->entity(s->ctx, "optic", name, &p->lane[k]);
		if (m.lane[k].present && p->lane[k]) {
			publish_optic(s, p, k, &m.lane[k]);
		} else if (p->lane[k]) {
			(void) s->ctx->host->entity_gone(s->ctx, p->lane[k]);
			p->lane[k] = 0;
		}
	}
}

/* ---- an answer ----------------------------------------------------------------------------- */

static const struct nlattr *find(const void *data, int size, int type)
{
	const struct nlattr *a = data;

	for (; size > 0 && nla_ok(a, size); a = nla_next(a, &size))
		if (nla_type(a) == type)
			return a;
	return NULL;
}

const uint8_t *eeprom_data(const struct nlmsghdr *m, uint32_t ifindex, size_t len)
{
	const uint8_t *head = (const uint8_t *) m + NLMSG_HDRLEN;
	const struct nlattr *header, *index, *data;
	int size;

	if (m->nlmsg_len < NLMSG_HDRLEN + GENL_HDRLEN ||
	    ((const struct genlmsghdr *) head)->cmd != ETHTOOL_MSG_MODULE_EEPROM_GET_REPLY)
		return NULL;
	size = (int) (m->nlmsg_len - NLMSG_HDRLEN - GENL_HDRLEN);
	header = find(head + GENL_HDRLEN, size, ETHTOOL_A_MODULE_EEPROM_HEADER);
	data = find(head + GENL_HDRLEN, size, ETHTOOL_A_MODULE_EEPROM_DATA);
	index = header ? find(nla_data(header), nla_len(header), ETHTOOL_A_HEADER_DEV_INDEX) : NULL;
	if (!index || nla_len(index) != 4 || nla_get_u32(index) != ifindex || !data ||
	    (size_t) nla_len(data) != len)
		return NULL;
	return nla_data(data);
}
