/*
 * netlink_put - writing a netlink message into a buffer of fixed size.
 *
 * Design.  Whatever does not fit is left out and remembered, so a caller writes a whole message
 * without looking and asks once, at its end.
 */
#include <anod/netlink.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>

static void *room(struct anod_nl_put *p, size_t size)
{
	size_t aligned = NLMSG_ALIGN(size);
	void *at;

	if (p->full || aligned > sizeof(p->buf) - p->len) {
		p->full = 1;
		return NULL;
	}
	at = p->buf + p->len;
	memset(at, 0, aligned);
	p->len += (uint32_t) aligned;
	return at;
}

void *anod_nl_begin(struct anod_nl_put *p, uint16_t type, uint16_t flags, size_t size)
{
	struct nlmsghdr *h;
	bool fits = size <= ANOD_NL_HEAD_MAX;

	p->len = 0;
	p->full = 0;
	h = room(p, NLMSG_HDRLEN + (fits ? size : 0));
	p->full = !fits;
	h->nlmsg_type = type;
	h->nlmsg_flags = (uint16_t) (NLM_F_REQUEST | flags);
	return p->buf + NLMSG_HDRLEN;
}

void anod_nl_begin_genl(struct anod_nl_put *p, const struct anod_nl_family *f, uint8_t cmd,
			uint16_t flags)
{
	struct genlmsghdr *g = anod_nl_begin(p, f->id, flags, sizeof(*g));

	g->cmd = cmd;
	g->version = f->version;
}

void anod_nl_attr(struct anod_nl_put *p, uint16_t type, const void *data, size_t size)
{
	struct nlattr *a;

	if (size > UINT16_MAX - NLA_HDRLEN) {
		p->full = 1;
		return;
	}
	a = room(p, NLA_HDRLEN + size);
	if (!a)
		return;
	a->nla_type = type;
	a->nla_len = (uint16_t) (NLA_HDRLEN + size);
	if (size)
		memcpy((uint8_t *) a + NLA_HDRLEN, data, size);
}

void anod_nl_u8(struct anod_nl_put *p, uint16_t type, uint8_t v)
{
	anod_nl_attr(p, type, &v, sizeof(v));
}

void anod_nl_u16(struct anod_nl_put *p, uint16_t type, uint16_t v)
{
	anod_nl_attr(p, type, &v, sizeof(v));
}

void anod_nl_u32(struct anod_nl_put *p, uint16_t type, uint32_t v)
{
	anod_nl_attr(p, type, &v, sizeof(v));
}

void anod_nl_u64(struct anod_nl_put *p, uint16_t type, uint64_t v)
{
	anod_nl_attr(p, type, &v, sizeof(v));
}

void anod_nl_text(struct anod_nl_put *p, uint16_t type, const char *text)
{
	anod_nl_attr(p, type, text, strlen(text) + 1);
}

uint32_t anod_nl_nest(struct anod_nl_put *p, uint16_t type)
{
	uint32_t at = p->len;

	anod_nl_attr(p, (uint16_t) (type | NLA_F_NESTED), NULL, 0);
	return at;
}

void anod_nl_nest_end(struct anod_nl_put *p, uint32_t nest)
{
	struct nlattr *a = (struct nlattr *) (p->buf + nest);

	if (!p->full)
		a->nla_len = (uint16_t) (p->len - nest);
}

const void *anod_nl_end(struct anod_nl_put *p)
{
	struct nlmsghdr *h = (struct nlmsghdr *) p->buf;

	if (p->full)
		return NULL;
	h->nlmsg_len = p->len;
	return p->buf;
}
