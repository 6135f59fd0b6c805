/*
 * life - how long addresses last, and whether they may be used yet.
 *
 * Design.  The kernel tells of a lifetime when it changes, and not as it runs down: what remains is
 * told again every 20 s while there is an address that ends, by us and from one timer, so a
 * thousand leases cost no event.  Router advertisements renew lifetimes every few seconds at
 * most, each of them an event that is taken like any other.
 */
#include "rtnl.h"

#include <linux/if_addr.h>
#include <string.h>

#include <netlink/attr.h>

#define TELL_US UINT64_C(20000000)

/* Seconds that remain, or UINT32_MAX: for ever.  False: the message has no lifetimes. */
static bool lifetimes(const struct nlmsghdr *m, uint32_t *ret_valid, uint32_t *ret_preferred)
{
	const size_t head = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct ifaddrmsg));
	const struct nlattr *a;
	struct ifa_cacheinfo c;

	if (!m || m->nlmsg_type != RTM_NEWADDR || m->nlmsg_len < head)
		return false;
	a = nla_find((const struct nlattr *) ((const uint8_t *) m + head),
		     (int) (m->nlmsg_len - head), IFA_CACHEINFO);
	if (!a || nla_len(a) < (int) sizeof(c))
		return false;
	memcpy(&c, nla_data(a), sizeof(c));
	*ret_valid = c.ifa_valid;
	*ret_preferred = c.ifa_prefered;
	return true;
}

static void tell(struct rtnl *r, const struct row *row, uint64_t now_us)
{
	put_time(r, row->entity, FACT_ADDR_VALID, row->valid_us,
		 row->valid_us > now_us ? row->valid_us - now_us : 0);
	put_time(r, row->entity, FACT_ADDR_PREFERRED, row->preferred_us,
		 row->preferred_us > now_us ? row->preferred_us - now_us : 0);
}

static bool ends(const struct row *row)
{
	return row->key.type == ANOD_OBJ_ADDR && (row->valid_us || row->preferred_us);
}

static void on_timer(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct rtnl *r = ctx->state;
	uint64_t now_us = ctx->host->now_us(ctx);
	struct row *row, *next;
	unsigned n = 0;

	(void) id, (void) data;
	HASH_ITER(hh, r->rows, row, next)
	{
		if (!ends(row))
			continue;
		tell(r, row, now_us);
		n++;
	}
	if (!n)
		life_stop(r);
}

static uint64_t end_of(uint32_t seconds, uint64_t now_us)
{
	return seconds == UINT32_MAX ? 0 : now_us + UINT64_C(1000000) * seconds;
}

void life_take(struct rtnl *r, struct row *row, uint32_t flags)
{
	uint32_t valid = UINT32_MAX, preferred = UINT32_MAX;
	uint64_t now_us = r->ctx->host->now_us(r->ctx);

	(void) lifetimes(r->msg, &valid, &preferred);
	row->valid_us = end_of(valid, now_us);
	row->preferred_us = end_of(preferred, now_us);
	put_bool(r, row->entity, FACT_ADDR_TENTATIVE, flags & IFA_F_TENTATIVE);
	put_bool(r, row->entity, FACT_ADDR_DAD_FAILED, flags & IFA_F_DADFAILED);
	put_bool(r, row->entity, FACT_ADDR_DEPRECATED, flags & IFA_F_DEPRECATED);
	put_bool(r, row->entity, FACT_ADDR_PERMANENT, !row->valid_us);
	tell(r, row, now_us);
	if (ends(row) && !r->life_timer)
		(void) r->ctx->host->timer(r->ctx, TELL_US, TELL_US, on_timer, NULL,
					   &r->life_timer);
}

void life_stop(struct rtnl *r)
{
	if (r->life_timer)
		(void) r->ctx->host->cancel(r->ctx, r->life_timer);
	r->life_timer = 0;
}
