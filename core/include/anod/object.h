/*
 * anod/object.h - a kernel networking object as typed, pointer-free bytes.
 *
 * The same form is used for what the rtnl sensor reads, for what the model predicts, for
 * before- and after-images, and in the journal: an action is a function from objects to objects.
 * Names and meanings are those of rtnetlink(7) and the uapi headers named with each struct.
 *
 * Every object has a *key* (the members that name it) and a *state* (the rest).  Two objects
 * with equal keys are the same thing at different times.  Unused bytes are zero, so objects of
 * one key compare with memcmp().
 *
 * An object whose kernel message carries something that this form cannot hold (an encapsulation,
 * more than ANOD_LEGS_MAX legs) has ANOD_OBJ_LOSSY set: it may be looked at, but an action on it
 * is refused, because its before-image could not be restored.
 *
 * Threads: plain data.  Memory: the caller's.
 */
#ifndef ANOD_OBJECT_H
#define ANOD_OBJECT_H

#include <stdint.h>

#include <anod/value.h>

#define ANOD_IFNAME_SIZE 16 /* IFNAMSIZ */
#define ANOD_LEGS_MAX	 16
#define ANOD_LLADDR_MAX	 20
#define ANOD_SYSCTL_SIZE 96
#define ANOD_UNIT_SIZE	 64

/* rtm_protocol, nh_protocol and FRA_PROTOCOL of what anod owns (shown as "anod" with the file
 * docs/rt_protos.d/anod.conf).  Free in the registry of uapi/linux/rtnetlink.h up to 6.18. */
#define ANOD_RTPROT 173

/* Tables for anod's own use (exec/proto.h).  Nobody asks them but by a rule of anod's, so their
 * routes count as destinations nowhere. */
#define ANOD_TABLE_FIRST 17300
#define ANOD_TABLE_LAST	 17399

enum anod_obj_type {
	ANOD_OBJ_LINK = 1,
	ANOD_OBJ_ADDR = 2,
	ANOD_OBJ_ROUTE = 3,
	ANOD_OBJ_NEXTHOP = 4,
	ANOD_OBJ_RULE = 5,
	ANOD_OBJ_NEIGH = 6,
	/* From here on: what no route depends on. */
	ANOD_OBJ_QDISC = 7,
	ANOD_OBJ_SYSCTL = 8,
	ANOD_OBJ_WGPEER = 9,
	ANOD_OBJ_UNIT = 10,
};
#define ANOD_OBJ_TYPES 11 /* array size that every type indexes */

enum {
	ANOD_OBJ_LOSSY = 1, /* see above */
	/* What is lost says where packets go or which packets it is for (twins, a source prefix,
	 * an unknown condition or encapsulation): a prediction that meets it is in doubt. */
	ANOD_OBJ_UNSURE = 2,
	/* Of a qdisc: this is one below the root that somebody has put there; of the root it says
	 * only that it is ANOD_OBJ_LOSSY. */
	ANOD_OBJ_BELOW = 4,
};

/* uapi/linux/if_link.h.  Key: ifindex.  Identity over time: (ifindex, name, lladdr). */
struct anod_link {
	uint32_t ifindex;
	char name[ANOD_IFNAME_SIZE];
	char kind[ANOD_IFNAME_SIZE]; /* IFLA_INFO_KIND: "veth", "bridge"; "" for hardware */
	uint32_t flags;		     /* IFF_* */
	uint32_t mtu;		     /* bytes */
	uint32_t master;	     /* ifindex of bridge, bond or vrf; 0: none */
	uint32_t lower;		     /* IFLA_LINK within this namespace; 0: none */
	uint32_t carrier_up;	     /* IFLA_CARRIER_UP_COUNT, wraps */
	uint32_t carrier_down;	     /* IFLA_CARRIER_DOWN_COUNT, wraps */
	uint8_t operstate;	     /* IF_OPER_*, RFC 2863 */
	uint8_t carrier;	     /* IFLA_CARRIER, 0 or 1 */
	uint8_t lladdr_len;
	uint8_t lladdr[ANOD_LLADDR_MAX]; /* permanent address where there is one, else current */
	uint8_t conf;			 /* ANOD_LINK_* below */
	uint32_t vrf_table;		 /* IFLA_VRF_TABLE of a link of kind "vrf"; else 0 */
	/* net.ipv4.conf.IF.rp_filter: 0 off, 1 strict, 2 loose (RFC 3704).  The kernel goes by the
	 * greater of this and conf.all.rp_filter, which no message about a link tells. */
	uint8_t rp_filter;
	uint8_t pad[3];
};
/* What RTM_NEWLINK tells of net.ipvN.conf.IF in IFLA_AF_SPEC, uapi/linux/{ip,ipv6}.h. */
enum {
	ANOD_LINK_CONF4 = 1, /* IPv4 is on here and the next two and rp_filter are known */
	ANOD_LINK_IGNORE_LINKDOWN4 =
		2, /* a leg without carrier is passed over; conf.all not seen */
	ANOD_LINK_FORWARDING4 = 4,
	ANOD_LINK_CONF6 = 8,		 /* the same of IPv6 */
	ANOD_LINK_IGNORE_LINKDOWN6 = 16, /* of IF alone: the kernel does not ask "all" */
	ANOD_LINK_FORWARDING6 = 32,
};

/* uapi/linux/if_addr.h.  Key: ifindex, local (with its prefix length). */
struct anod_addr {
	uint32_t ifindex;
	uint32_t flags;		  /* IFA_F_* */
	struct anod_prefix local; /* the address and its prefix length; host bits kept */
	struct anod_prefix peer;  /* IFA_ADDRESS where it differs; family 0: none */
	uint8_t scope;		  /* RT_SCOPE_* */
	uint8_t pad[3];
};

struct anod_leg {
	struct anod_prefix via; /* gateway; family 0: on link */
	uint32_t ifindex;	/* 0: none (blackhole) */
	uint32_t flags;		/* RTNH_F_ONLINK and state bits RTNH_F_DEAD, RTNH_F_LINKDOWN */
	uint32_t weight;	/* 1..256 (rtnh_hops + 1) */
	uint32_t label;		/* MPLS label that is pushed or swapped in, + 1; 0: none */
};

/* uapi/linux/rtnetlink.h.  Key: family of dst, table, dst, tos, metric.
 * A route of AF_MPLS (uapi/linux/mpls.h): dst is the incoming label, 20 bits in network order at
 * the front of its four bytes; a leg without a label pops it. */
struct anod_route {
	struct anod_prefix dst; /* family always set; len 0: default */
	uint32_t table;		/* RT_TABLE_* */
	uint32_t metric;	/* RTA_PRIORITY; lower wins; IPv6 default is 1024 */
	uint32_t tos;
	uint32_t nhid;	  /* next-hop object; the legs are then the kernel's expansion of it */
	uint32_t flags;	  /* RTM_F_* without the per-lookup ones */
	uint32_t mtu;	  /* RTAX_MTU; 0: none */
	uint8_t protocol; /* RTPROT_* */
	uint8_t type;	  /* RTN_* */
	uint8_t scope;	  /* RT_SCOPE_* */
	uint8_t n_legs;
	struct anod_prefix prefsrc; /* family 0: none */
	struct anod_leg leg[ANOD_LEGS_MAX];
};

struct anod_member {
	uint32_t id;
	uint32_t weight; /* 1..256 */
};

/* uapi/linux/nexthop.h.  Key: id. */
struct anod_nexthop {
	uint32_t id;
	uint32_t ifindex;
	uint32_t flags; /* RTNH_F_* */
	struct anod_prefix via;
	uint8_t family; /* nh_family; of a group 0 */
	uint8_t protocol;
	uint8_t blackhole; /* 0 or 1 */
	uint8_t n_members; /* > 0: a group; the members above are then zero */
	struct anod_member member[ANOD_LEGS_MAX];
};

/* uapi/linux/fib_rules.h.  Key: all but protocol (the kernel has no id for a rule). */
struct anod_rule {
	uint32_t family;
	uint32_t priority;
	struct anod_prefix src, dst; /* family 0: any */
	char iif[ANOD_IFNAME_SIZE];
	char oif[ANOD_IFNAME_SIZE];
	uint32_t fwmark, fwmask; /* fwmask 0: any */
	uint32_t table;		 /* for FR_ACT_TO_TBL */
	uint32_t suppress_len;	 /* FRA_SUPPRESS_PREFIXLEN + 1; 0: none */
	uint32_t flags;		 /* FIB_RULE_INVERT */
	uint8_t action;		 /* FR_ACT_* */
	uint8_t tos;
	uint8_t protocol;
	uint8_t l3mdev;
	uint32_t target;	      /* FRA_GOTO: priority of the rule to go on with */
	uint32_t uid_first, uid_last; /* of the sending socket; 'has_uid' 0: any */
	uint16_t sport_first, sport_last, dport_first, dport_last; /* 0: any */
	uint8_t ipproto;					   /* IPPROTO_*; 0: any */
	uint8_t has_uid;
	uint8_t pad[2];
};

/* uapi/linux/neighbour.h.  Key: ifindex, dst. */
struct anod_neigh {
	uint32_t ifindex;
	struct anod_prefix dst;
	uint16_t state; /* NUD_* */
	uint8_t flags;	/* NTF_* */
	uint8_t lladdr_len;
	uint8_t lladdr[ANOD_LLADDR_MAX];
	uint32_t probes; /* NDA_PROBES */
};

/* The queueing discipline at the root of a link, uapi/linux/pkt_sched.h.  Key: ifindex.  Members
 * that a kind does not have are 0; ANOD_OBJ_LOSSY where the kernel's has settings, classes or
 * filters beyond these.  "noqueue" and the default that the kernel chooses come back when the
 * root is deleted, so they count as "not there". */
struct anod_qdisc {
	uint32_t ifindex;
	char kind[ANOD_IFNAME_SIZE]; /* TCA_KIND: "fq_codel", "cake", "tbf", "fq", "pfifo" ... */
	uint32_t handle;	     /* not compared: the kernel gives a new one each time */
	uint32_t limit;		     /* packets; of tbf bytes */
	uint32_t pad;
	uint64_t rate_bps;    /* tbf, cake bandwidth, bits per second; 0: not shaped */
	uint32_t burst;	      /* tbf, bytes */
	uint32_t target_us;   /* codel, fq_codel, cake (from its rtt) */
	uint32_t interval_us; /* codel, fq_codel; cake: rtt */
	uint32_t quantum;     /* bytes */
	uint32_t flows;
	uint32_t overhead; /* cake, bytes, signed */
	uint32_t flags;	   /* ANOD_QDISC_* */
	uint32_t pad2;
};
enum {
	ANOD_QDISC_ECN = 1,
	ANOD_QDISC_NAT = 2,	   /* cake nat */
	ANOD_QDISC_BESTEFFORT = 4, /* cake; else diffserv3 */
	ANOD_QDISC_INGRESS = 8,	   /* cake ingress */
	ANOD_QDISC_SPLIT_GSO = 16, /* cake */
	ANOD_QDISC_ACK_FILTER = 32,
	ANOD_QDISC_WASH = 64,
};

/* A number of /proc/sys/net.  Key: name.  Only names of the executor's own list (core/rtnl/sysctl.h)
 * with values in its range can be written. */
struct anod_sysctl {
	char name
		[ANOD_SYSCTL_SIZE]; /* "net.netfilter.nf_conntrack_max"; an interface stands between dots */
	int64_t value;
};

/* A peer of a WireGuard interface, uapi/linux/wireguard.h.  Key: ifindex, public_key. */
struct anod_wgpeer {
	uint32_t ifindex;
	uint8_t public_key[32];
	struct anod_prefix endpoint; /* a host; family 0: none */
	uint16_t port;		     /* of the endpoint */
	uint16_t keepalive_s;	     /* 0: off */
};

/* A unit of systemd (org.freedesktop.systemd1(5)).  Key: name.  Starting again is a change of the
 * moment: it has no undo. */
struct anod_sdunit {
	char name[ANOD_UNIT_SIZE]; /* "bird.service" */
	uint32_t starts;	   /* grows by one with each start that anod asks for */
	uint8_t active;		   /* ActiveState: 1 active, 0 else */
	uint8_t pad[3];
};

struct anod_object {
	uint32_t type;	/* enum anod_obj_type */
	uint32_t flags; /* ANOD_OBJ_* */
	union {
		struct anod_link link;
		struct anod_addr addr;
		struct anod_route route;
		struct anod_nexthop nexthop;
		struct anod_rule rule;
		struct anod_neigh neigh;
		struct anod_qdisc qdisc;
		struct anod_sysctl sysctl;
		struct anod_wgpeer wgpeer;
		struct anod_sdunit unit;
		uint64_t room[88]; /* fixes the size while types are added */
	} u;
};

/* One object before and after.  Neither: nothing.  Only pre: deleted.  Only post: new. */
struct anod_change {
	uint32_t has_pre, has_post; /* 0 or 1 */
	struct anod_object pre, post;
};

#endif /* ANOD_OBJECT_H */
