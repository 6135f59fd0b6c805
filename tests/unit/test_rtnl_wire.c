/* Malformed messages are refused, foreign ones are passed over, and buffers are never left. */
#include <criterion/criterion.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/nexthop.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "rtnl/wire.h"
#include "unit/netlab.h"

static uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
static struct anod_object object;
static bool gone;

/* From a copy that ends where the message does, for the sanitizer. */
static int decode(const void *message, size_t size)
{
	struct nlmsghdr *m = malloc(size);
	int r;

	memcpy(m, message, size);
	m->nlmsg_len = (uint32_t) size;
	r = anod_rtnl_decode(m, &object, &gone);
	free(m);
	return r;
}

static struct anod_object full_route(uint8_t family)
{
	struct anod_object o = { .type = ANOD_OBJ_ROUTE };
	struct anod_route *t = &o.u.route;

	t->dst = netlab_address(family == AF_INET ? "10.0.0.0/8" : "2001:db8::/32");
	t->table = 70000;
	t->metric = 5;
	t->type = RTN_UNICAST;
	t->mtu = 1400;
	t->prefsrc = netlab_address(family == AF_INET ? "10.0.0.1" : "2001:db8::1");
	t->n_legs = ANOD_LEGS_MAX;
	for (unsigned i = 0; i < ANOD_LEGS_MAX; i++)
		t->leg[i] = (struct anod_leg){ netlab_address("2001:db8::2"), i + 1, 4, 256 };
	return o;
}

Test(rtnl_wire, the_longest_objects_fit_and_come_back)
{
	struct anod_object o = full_route(AF_INET);
	int len = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf);

	cr_assert_gt(len, 0);
	cr_assert_eq(decode(buf, (size_t) len), 1);
	cr_expect(!gone && memcmp(&o, &object, sizeof(o)) == 0);
	o = full_route(AF_INET6);
	len = anod_rtnl_encode(ANOD_RTNL_DEL, &o, NULL, buf);
	cr_assert_eq(decode(buf, (size_t) len), 1);
	cr_expect(gone && anod_object_same_key(&o, &object));

	o.type = 0;
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf), -EINVAL);
	o.type = ANOD_OBJ_TYPES;
	cr_expect_eq(anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf), -EINVAL);
	o.type = ANOD_OBJ_ROUTE;
	cr_expect_eq(anod_rtnl_encode(9, &o, NULL, buf), -EINVAL);
}

/* Cut everywhere, and with each byte of the attributes bent: refused or read, never past the
 * end. */
Test(rtnl_wire, cut_and_bent_messages_do_no_harm)
{
	struct anod_object o = full_route(AF_INET);
	int len = anod_rtnl_encode(ANOD_RTNL_SET, &o, NULL, buf);
	unsigned refused = 0;

	for (size_t n = NLMSG_HDRLEN; n < (size_t) len; n++)
		refused += decode(buf, n) == -EBADMSG;
	cr_expect_gt(refused, 0);
	cr_expect_eq(decode(buf, NLMSG_HDRLEN + 3), -EBADMSG);

	for (size_t i = NLMSG_HDRLEN; i < (size_t) len; i++)
		for (unsigned bent = 0; bent < 256; bent += 51) {
			uint8_t was = buf[i];

			buf[i] = (uint8_t) bent;
			(void) decode(buf, (size_t) len);
			buf[i] = was;
		}
	((struct nlmsghdr *) buf)->nlmsg_len = 3;
	cr_expect_eq(anod_rtnl_decode((struct nlmsghdr *) buf, &object, &gone), -EBADMSG);
}

static int decode_bare(uint16_t type, size_t head, const void *header)
{
	struct put p;

	memcpy(put_begin(&p, buf, type, 0, head), header, head);
	return decode(buf, (size_t) put_end(&p));
}

Test(rtnl_wire, foreign_messages_are_passed_over_and_poor_ones_refused)
{
	struct ifinfomsg link = { .ifi_family = AF_BRIDGE, .ifi_index = 3 };
	struct rtmsg route = { .rtm_family = AF_INET, .rtm_flags = RTM_F_CLONED };
	struct ndmsg neigh = { .ndm_family = AF_INET, .ndm_ifindex = 3 };
	struct nhmsg nexthop = { 0 };
	struct put p;

	cr_expect_eq(decode_bare(RTM_NEWLINK, sizeof(link), &link), 0);
	cr_expect_eq(decode_bare(RTM_NEWROUTE, sizeof(route), &route), 0);
	route = (struct rtmsg){ .rtm_family = AF_INET, .rtm_dst_len = 33 };
	cr_expect_eq(decode_bare(RTM_NEWROUTE, sizeof(route), &route), -EBADMSG);
	route = (struct rtmsg){ .rtm_family = 28 /* AF_MPLS, without its label */ };
	cr_expect_eq(decode_bare(RTM_NEWROUTE, sizeof(route), &route), -EBADMSG);
	route = (struct rtmsg){ .rtm_family = 128 /* RTNL_FAMILY_IPMR */ };
	cr_expect_eq(decode_bare(RTM_NEWROUTE, sizeof(route), &route), 0);
	cr_expect_eq(decode_bare(RTM_NEWNEIGH, sizeof(neigh), &neigh), -EBADMSG);
	neigh.ndm_family = AF_BRIDGE;
	cr_expect_eq(decode_bare(RTM_NEWNEIGH, sizeof(neigh), &neigh), 0);
	cr_expect_eq(decode_bare(RTM_NEWNEXTHOP, sizeof(nexthop), &nexthop), -EBADMSG);
	cr_expect_eq(decode_bare(RTM_NEWTCLASS, sizeof(link), &link), 0);
	link = (struct ifinfomsg){ 0 };
	cr_expect_eq(decode_bare(RTM_NEWLINK, sizeof(link), &link), -EBADMSG);

	/* A wireless event is no link. */
	link.ifi_index = 3;
	memcpy(put_begin(&p, buf, RTM_NEWLINK, 0, sizeof(link)), &link, sizeof(link));
	put_u32(&p, IFLA_WIRELESS, 1);
	cr_expect_eq(decode(buf, (size_t) put_end(&p)), 0);
}

Test(rtnl_wire, unknown_attributes_make_a_route_lossy)
{
	struct rtmsg route = { .rtm_family = AF_INET, .rtm_type = RTN_UNICAST };
	struct put p;

	memcpy(put_begin(&p, buf, RTM_NEWROUTE, 0, sizeof(route)), &route, sizeof(route));
	put_u32(&p, RTA_OIF, 3);
	cr_assert_eq(decode(buf, (size_t) put_end(&p)), 1);
	cr_expect_eq(object.flags, 0);
	put_u32(&p, 200, 1); /* of a later kernel */
	cr_assert_eq(decode(buf, (size_t) put_end(&p)), 1);
	cr_expect_eq(object.flags, ANOD_OBJ_LOSSY);
}

Test(rtnl_wire, a_full_buffer_is_said_and_not_passed)
{
	static struct {
		uint8_t buf[ANOD_NLMSG_MAX];
		uint8_t guard[64];
	} room;
	struct put p;

	memset(room.guard, 0x5a, sizeof(room.guard));
	(void) put_begin(&p, room.buf, RTM_NEWROUTE, 0, sizeof(struct rtmsg));
	for (unsigned i = 0; i < 400; i++)
		put_u32(&p, 1, i);
	put_nest_end(&p, put_nest(&p, 2));
	cr_expect_eq(put_end(&p), -E2BIG);
	for (unsigned i = 0; i < sizeof(room.guard); i++)
		cr_assert_eq(room.guard[i], 0x5a);
}
