/*
 * Messages of the family "ethtool": what plugins/ethtool makes of them.
 *
 * tests/fuzz/corpus/ethtool was recorded by tests/vm/nic/record.py from Linux 6.1 with the test NIC
 * (FEC with errors, 5 frames sent) and, without a carrier, "autoneg: no partner, forced mode".
 * Messages that no driver here sends are made by the functions of anod/netlink.h.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include <anod/netlink.h>

#include "plugins/ethtool/reply.c"
#include "plugins/ethtool/rows.c"
#include "plugins/ethtool/words.c"

const struct anod_kind ethtool_kinds[1];

static uint8_t file[4096] __attribute__((aligned(8)));

/* The n-th message of a recorded file; NULL: there are less. */
static const struct nlmsghdr *recorded(const char *name, unsigned n)
{
	char path[256];
	ssize_t size;
	size_t at = 0;
	int fd;

	(void) snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/ethtool/%s", SOURCE_DIR, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert_geq(fd, 0, "%s", path);
	size = read(fd, file, sizeof(file));
	(void) close(fd);
	for (; at + NLMSG_HDRLEN <= (size_t) size;) {
		const struct nlmsghdr *h = (const struct nlmsghdr *) (file + at);

		if (n-- == 0)
			return h;
		at += NLMSG_ALIGN(h->nlmsg_len);
	}
	return NULL;
}

static bool knows_(const struct reply *r, enum number n, int64_t v)
{
	return (r->known >> n & 1) && r->number[n] == v;
}

static bool says(const struct reply *r, enum word w, const char *text)
{
	return (r->known_words >> w & 1) && strcmp(r->word[w], text) == 0;
}

Test(ethtool, recorded_answers_read_as_ethtool_shows_them)
{
	struct reply r;

	cr_assert_eq(reply_parse(recorded("linkmodes", 0), &r), 1);
	cr_assert_str_eq(r.name, "nic0");
	cr_assert(knows_(&r, SPEED, 100000000000) && knows_(&r, WIDTH, 4) &&
		  knows_(&r, AUTONEG, 1) && knows_(&r, PEER_SPEED, 400000000000));
	cr_assert(says(&r, DUPLEX, "full") && says(&r, MODE, "100000baseSR4/Full"));

	cr_assert_eq(reply_parse(recorded("linkstate", 1), &r), 1);
	cr_assert(says(&r, DOWN_REASON, "") && says(&r, DOWN_DETAIL, ""));
	cr_assert_eq(reply_parse(recorded("linkstate-down", 1), &r), 1);
	cr_assert(says(&r, DOWN_REASON, "bad-signal") && says(&r, DOWN_DETAIL, "no-signal"));

	cr_assert_eq(reply_parse(recorded("fec", 0), &r), 1);
	cr_assert(says(&r, FEC, "rs") && knows_(&r, FEC_AUTO, 0));
	cr_assert_eq(r.n_lanes, 4);
	cr_assert_eq(r.lane_known, 7);
	cr_assert_gt(r.number[FEC_CORRECTED], 0);
	cr_assert_eq((uint64_t) r.number[FEC_CORRECTED], r.lane[0].corrected + r.lane[1].corrected +
								 r.lane[2].corrected +
								 r.lane[3].corrected);
	cr_assert(!(r.known >> FEC_BER & 1), "that is for two readings");

	cr_assert_eq(reply_parse(recorded("stats", 2), &r), 1);
	cr_assert_str_eq(r.name, "nic1");
	cr_assert((r.known >> FCS_ERRORS & 1) && (r.known >> SYMBOL_ERRORS & 1) &&
		  (r.known >> CTRL_RX & 1) && (r.known >> RMON_JABBERS & 1));
	cr_assert(!(r.known >> ALIGN_ERRORS & 1), "this driver does not count it");

	cr_assert_eq(reply_parse(recorded("pause", 0), &r), 1);
	cr_assert(knows_(&r, PAUSE_RX, 1) && knows_(&r, PAUSE_AUTONEG, 0) &&
		  knows_(&r, PAUSE_RX_FRAMES, 0));
	cr_assert_eq(reply_parse(recorded("rings", 0), &r), 1);
	cr_assert(knows_(&r, RX_RING, 1024) && knows_(&r, TX_RING_MAX, 8192));
	cr_assert_eq(reply_parse(recorded("module", 1), &r), 1);
	cr_assert(says(&r, MODULE_POLICY, "auto") && says(&r, MODULE_POWER, "high"));
}

/* ---- made after uapi/linux/ethtool_netlink.h ---- */

static const struct nlmsghdr *begin(struct anod_nl_put *p, uint8_t cmd, uint16_t header)
{
	struct anod_nl_family f = { .id = 20, .version = 1 };
	uint32_t nest;

	anod_nl_begin_genl(p, &f, cmd, 0);
	nest = anod_nl_nest(p, header);
	anod_nl_u32(p, ETHTOOL_A_HEADER_DEV_INDEX, 7);
	anod_nl_text(p, ETHTOOL_A_HEADER_DEV_NAME, "eth7");
	anod_nl_nest_end(p, nest);
	return (const struct nlmsghdr *) p->buf;
}

static void bits_(struct anod_nl_put *p, uint16_t type, const unsigned *bit, unsigned n)
{
	uint32_t words[4] = { 0 }, nest = anod_nl_nest(p, type);

	for (unsigned i = 0; i < n; i++)
		words[bit[i] / 32] |= 1u << bit[i] % 32;
	anod_nl_u32(p, ETHTOOL_A_BITSET_SIZE, 125);
	anod_nl_attr(p, ETHTOOL_A_BITSET_VALUE, words, sizeof(words));
	anod_nl_nest_end(p, nest);
}

Test(ethtool, link_modes_of_later_kernels_have_names)
{
	static const unsigned ours[] = { 6, 94, 97, 117, 88 }, peer[] = { 97, 88 };
	struct anod_nl_put p;
	struct reply r;

	begin(&p, ETHTOOL_MSG_LINKMODES_NTF, ETHTOOL_A_LINKMODES_HEADER);
	bits_(&p, ETHTOOL_A_LINKMODES_OURS, ours, 5);
	bits_(&p, ETHTOOL_A_LINKMODES_PEER, peer, 2);
	anod_nl_u32(&p, ETHTOOL_A_LINKMODES_SPEED, 800000);
	anod_nl_u8(&p, ETHTOOL_A_LINKMODES_DUPLEX, 1);
	anod_nl_u32(&p, ETHTOOL_A_LINKMODES_LANES, 8);
	cr_assert_eq(reply_parse(anod_nl_end(&p), &r), 1);
	cr_assert(says(&r, MODE, "800000baseSR8/Full"), "%s", r.word[MODE]);
	cr_assert(knows_(&r, SPEED, 800000000000) && knows_(&r, PEER_SPEED, 800000000000));
	for (unsigned k = 0; k < LINK_MODES; k++)
		cr_assert(link_mode(k)->name, "link mode %u has no name", k);
	cr_assert_null(link_mode(LINK_MODES));

	/* Down: the kernel says all ones. */
	begin(&p, ETHTOOL_MSG_LINKMODES_GET_REPLY, ETHTOOL_A_LINKMODES_HEADER);
	bits_(&p, ETHTOOL_A_LINKMODES_OURS, ours, 5);
	anod_nl_u32(&p, ETHTOOL_A_LINKMODES_SPEED, UINT32_MAX);
	anod_nl_u8(&p, ETHTOOL_A_LINKMODES_DUPLEX, 0xff);
	cr_assert_eq(reply_parse(anod_nl_end(&p), &r), 1);
	cr_assert_eq(r.known_words, 0);
	cr_assert_eq(r.known, 0);
}

Test(ethtool, what_cannot_be_is_unknown)
{
	uint64_t arrays[2] = { 5, UINT64_MAX };
	struct anod_nl_put p;
	struct nlmsghdr *h;
	struct reply r;
	uint32_t nest;

	begin(&p, ETHTOOL_MSG_FEC_GET_REPLY, ETHTOOL_A_FEC_HEADER);
	anod_nl_u32(&p, ETHTOOL_A_FEC_ACTIVE, 4711);
	nest = anod_nl_nest(&p, ETHTOOL_A_FEC_STATS);
	anod_nl_attr(&p, ETHTOOL_A_FEC_STAT_CORRECTED, arrays, 12); /* one and a half */
	anod_nl_attr(&p, ETHTOOL_A_FEC_STAT_UNCORR, &arrays[1], 8);
	anod_nl_nest_end(&p, nest);
	cr_assert_eq(reply_parse(anod_nl_end(&p), &r), 1);
	cr_assert(knows_(&r, FEC_CORRECTED, 5));
	cr_assert(!(r.known >> FEC_UNCORRECTED & 1) && !r.known_words && r.n_lanes == 0);

	begin(&p, ETHTOOL_MSG_RINGS_GET_REPLY, ETHTOOL_A_RINGS_HEADER);
	anod_nl_u8(&p, ETHTOOL_A_RINGS_RX, 1); /* of another size */
	h = (struct nlmsghdr *) anod_nl_end(&p);
	cr_assert_eq(reply_parse(h, &r), 1);
	cr_assert_eq(r.known, 0);
	for (uint32_t len = 0; len < h->nlmsg_len; len++) {
		struct nlmsghdr cut = *h;

		memcpy(file, h, len);
		cut.nlmsg_len = len < NLMSG_HDRLEN ? NLMSG_HDRLEN : len;
		memcpy(file, &cut, sizeof(cut));
		(void) reply_parse((struct nlmsghdr *) file, &r);
	}
	begin(&p, ETHTOOL_MSG_CABLE_TEST_NTF, 1);
	cr_assert_eq(reply_parse(anod_nl_end(&p), &r), 0, "not read here");
}

Test(ethtool, loss_is_foretold_between_two_readings)
{
	struct reply r = { .topic = TOPIC_MODES, .known = UINT64_C(1) << SPEED };
	struct row row = { 0 };
	double v;

	r.number[SPEED] = 100000000000;
	rows_fec(&row, &r, 1000000);
	r = (struct reply){ .topic = TOPIC_FEC, .known_words = 1u << FEC };
	r.word[FEC] = "rs";
	r.known = UINT64_C(1) << FEC_BITS | UINT64_C(1) << FEC_UNCORRECTED;
	r.number[FEC_BITS] = 1000;
	rows_fec(&row, &r, 2000000);
	cr_assert(!(r.known >> FEC_BER & 1), "one reading says nothing");
	r.number[FEC_BITS] += 10000000;
	r.number[FEC_UNCORRECTED] += 1946; /* of 19.46 million in a second */
	rows_fec(&row, &r, 3000000);
	memcpy(&v, &r.number[FEC_BER], sizeof(v));
	cr_assert(fabs(v - 1e-4) < 1e-9, "%g", v);
	memcpy(&v, &r.number[FEC_LOSS], sizeof(v));
	cr_assert(fabs(v - 3.36e-4) < 2e-6, "%g", v);
	/* Counters begin anew with the driver. */
	r.known &= ~(UINT64_C(1) << FEC_BER | UINT64_C(1) << FEC_LOSS);
	r.number[FEC_BITS] = r.number[FEC_UNCORRECTED] = 3;
	rows_fec(&row, &r, 4000000);
	cr_assert(!(r.known >> FEC_BER & 1) && !(r.known >> FEC_LOSS & 1));
	/* Another speed: the reading before was of another line. */
	r = (struct reply){ .topic = TOPIC_MODES, .known = UINT64_C(1) << SPEED };
	r.number[SPEED] = 25000000000;
	rows_fec(&row, &r, 5000000);
	r = (struct reply){ .topic = TOPIC_FEC, .known_words = 1u << FEC };
	r.word[FEC] = "rs";
	r.known = UINT64_C(1) << FEC_BITS;
	r.number[FEC_BITS] = 100;
	rows_fec(&row, &r, 6000000);
	cr_assert(!(r.known >> FEC_BER & 1));
}
