// SPDX-License-Identifier: GPL-2.0-only
/*
 * anodnic - a network card for tests: pairs of Ethernet devices with a cable that can be spoiled.
 *
 * Design.  For Linux 6.1, in a virtual machine only.  "modprobe anodnic pairs=2" makes nic0 to
 * nic3; nic0 is connected with nic1, nic2 with nic3.  They are like hardware: without a kind, and
 * back in the first namespace when theirs goes.  What happens to frames is decided where they are
 * received, by the files of /sys/kernel/debug/anodnic/NUMBER/ (the number of the device):
 *   crc_ppm drop_ppm length_ppm symbol_ppm   frames in a million that arrive with a wrong
 *            checksum, find no buffer (rx_dropped), have a wrong length, hit a wrong symbol
 *   ber      bit errors in 10^15 bits on all lanes; ber_lane: "LANE NUMBER" for one
 *   link     0: no carrier, on both ends; down_state, down_substate: why, as this end tells it
 *   eeprom50 eeprom51   the module's memory: 128 bytes, then 128 for each page from 0 on
 *   eeprom_ms           how long a read of it takes (I2C)
 *
 * Forward error correction.  The line always carries code words, traffic or not, so counters grow
 * with time: of n code words n(1 - P(0)) were corrected and n P(> t) could not be, where the
 * number of wrong symbols in one is Poisson with mean (bits of a code word)(bit error rate), and t
 * is what the code corrects: RS(544,514) 15 and RS(528,514) 7 of 10 bits (IEEE 802.3 clauses 91,
 * 119), BASE-R (2112,2080) one burst (clause 74).  A frame is lost when a code word that it lies
 * in is; without FEC when one of its bits is wrong, and its checksum tells.
 */
#include <linux/debugfs.h>
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/math64.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/prandom.h>
#include <linux/random.h>
#include <linux/rtnetlink.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/uaccess.h>

#define PAIRS_MAX  16
#define LANES_MAX  8
#define EEPROM_MAX (128 * 257)
#define ONE	   (1ULL << 56) /* probabilities are so many parts */
#define MEAN_MAX   40		/* wrong symbols in a code word; more are as good as this */

static unsigned int pairs = 2;
module_param(pairs, uint, 0444);
MODULE_PARM_DESC(pairs, "connected pairs of devices");

struct code {
	u32 mode;     /* ETHTOOL_FEC_*, one */
	u32 bits;     /* of a code word */
	u32 data;     /* of them, what it carries */
	u32 corrects; /* symbols */
};

static const struct code codes[] = {
	{ ETHTOOL_FEC_RS, 5440, 5140, 15 },
	{ ETHTOOL_FEC_BASER, 2112, 2080, 1 },
	{ ETHTOOL_FEC_LLRS, 2720, 2570, 7 },
};

struct lane {
	u64 ber;		  /* in 10^15 */
	u64 p_corrected, p_bad;	  /* of a code word, parts of ONE */
	u64 corrected, bad, bits; /* counted, in 1/65536 */
};

struct nic {
	struct net_device *dev;
	struct nic *peer;
	struct dentry *dir;
	spinlock_t lock; /* lanes, fec, speed, since_ns */

	u32 speed, n_lanes; /* Mbit/s */
	u8 autoneg;
	u32 fec; /* ETHTOOL_FEC_* that is in use; OFF: none */
	u32 fec_wanted;
	struct lane lane[LANES_MAX];
	u64 since_ns;
	u64 p_frame; /* that a code word of the mean lane is bad */
	u64 ber_mean;

	u32 crc_ppm, drop_ppm, length_ppm, symbol_ppm, eeprom_ms;
	u32 link, down_state, down_substate;
	u32 power_policy;
	struct ethtool_pauseparam pause;
	u32 rx_ring, tx_ring;

	struct mutex eeprom_lock;
	u8 *eeprom[2]; /* of I2C addresses 50h and 51h */
	size_t eeprom_size[2];

	atomic64_t rx_packets, rx_bytes, tx_packets, tx_bytes;
	atomic64_t crc, dropped, length, symbol;
};

static struct nic *nics[2 * PAIRS_MAX];

/* ---- forward error correction ------------------------------------------------------------- */

static u64 mul(u64 a, u64 b)
{
	return mul_u64_u64_shr(a, b, 56);
}

/* exp(-x), x in parts of ONE, up to MEAN_MAX. */
static u64 exp_minus(u64 x)
{
	u64 part = x >> 6, term = ONE;
	s64 sum = ONE;
	unsigned int k;

	for (k = 1; k < 16; k++) {
		term = div_u64(mul(term, part), k);
		sum += k & 1 ? -(s64) term : (s64) term;
	}
	for (k = 0; k < 6; k++)
		sum = mul(sum, sum);
	return sum;
}

static const struct code *code_of(const struct nic *n)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(codes); i++)
		if (codes[i].mode == n->fec)
			return &codes[i];
	return NULL;
}

static u64 errors_of(u64 ber, u32 bits)
{
	u64 errors = ber > 10000000000000ULL ? 10000000000000ULL : ber; /* 1 % */

	errors = mul_u64_u64_div_u64(errors * bits, ONE, 1000000000000000ULL);
	return min_t(u64, errors, MEAN_MAX * ONE);
}

/* The chances of a code word follow from the bit error rate. */
static void lane_set(struct nic *n, struct lane *l)
{
	const struct code *c = code_of(n);
	u64 mean, p, tail = 0;
	unsigned int k;

	l->p_corrected = l->p_bad = 0;
	if (!c)
		return;
	mean = errors_of(l->ber, c->bits);
	p = exp_minus(mean);
	l->p_corrected = ONE - p;
	for (k = 1; k < c->corrects + 60; k++) {
		p = div_u64(mul(p, mean), k);
		if (k > c->corrects)
			tail += p;
	}
	l->p_bad = min(tail, l->p_corrected);
	l->p_corrected -= l->p_bad;
}

/* Count up to now, as things were.  Under the lock. */
static void fec_advance(struct nic *n)
{
	const struct code *c = code_of(n);
	u64 now = ktime_get_ns(), ns = now - n->since_ns, words;
	unsigned int i;

	n->since_ns = now;
	if (!c || !netif_carrier_ok(n->dev))
		return;
	/* code words of a lane: ns * (Mbit/s / lanes) / 1000 / bits */
	words = mul_u64_u64_div_u64(ns, n->speed, 1000ULL * c->data * n->n_lanes);
	for (i = 0; i < n->n_lanes; i++) {
		struct lane *l = &n->lane[i];

		l->corrected += mul_u64_u64_shr(words, l->p_corrected, 40);
		l->bad += mul_u64_u64_shr(words, l->p_bad, 40);
		l->bits += mul_u64_u64_shr(words, errors_of(l->ber, c->bits), 40);
	}
}

/* After a change of speed, lanes, FEC or bit error rates.  Under the lock. */
static void fec_settle(struct nic *n)
{
	u64 bad = 0, ber = 0;
	unsigned int i;

	for (i = 0; i < LANES_MAX; i++)
		lane_set(n, &n->lane[i]);
	for (i = 0; i < n->n_lanes; i++) {
		bad += n->lane[i].p_bad;
		ber += n->lane[i].ber;
	}
	n->p_frame = div_u64(bad, n->n_lanes);
	n->ber_mean = div_u64(ber, n->n_lanes);
}

/* ---- frames ------------------------------------------------------------------------------- */

static bool chance(u64 parts)
{
	return (get_random_u64() >> 8) < parts;
}

static bool ppm(u32 n)
{
	return n && prandom_u32_max(1000000) < n;
}

/* True: the frame ends here. */
static bool spoil(struct nic *n, unsigned int len)
{
	const struct code *c = code_of(n);

	if (ppm(READ_ONCE(n->symbol_ppm)) || (c && chance(n->p_frame * (len * 8 / c->data + 1)))) {
		atomic64_inc(&n->symbol);
		return true;
	}
	if (ppm(READ_ONCE(n->crc_ppm)) || (!c && chance(errors_of(n->ber_mean, len * 8)))) {
		atomic64_inc(&n->crc);
		return true;
	}
	if (ppm(READ_ONCE(n->length_ppm))) {
		atomic64_inc(&n->length);
		return true;
	}
	if (ppm(READ_ONCE(n->drop_ppm))) {
		atomic64_inc(&n->dropped);
		return true;
	}
	return false;
}

static netdev_tx_t nic_xmit(struct sk_buff *skb, struct net_device *dev)
{
	struct nic *n = netdev_priv(dev), *to = n->peer;
	unsigned int len = skb->len;

	skb_tx_timestamp(skb);
	atomic64_inc(&n->tx_packets);
	atomic64_add(len, &n->tx_bytes);
	if (!netif_running(to->dev) || !netif_carrier_ok(to->dev) || spoil(to, len)) {
		dev_kfree_skb(skb);
		return NETDEV_TX_OK;
	}
	atomic64_inc(&to->rx_packets);
	atomic64_add(len, &to->rx_bytes);
	dev_forward_skb(to->dev, skb);
	return NETDEV_TX_OK;
}

static void nic_stats64(struct net_device *dev, struct rtnl_link_stats64 *s)
{
	struct nic *n = netdev_priv(dev);

	s->rx_packets = atomic64_read(&n->rx_packets);
	s->rx_bytes = atomic64_read(&n->rx_bytes);
	s->tx_packets = atomic64_read(&n->tx_packets);
	s->tx_bytes = atomic64_read(&n->tx_bytes);
	s->rx_crc_errors = atomic64_read(&n->crc);
	s->rx_length_errors = atomic64_read(&n->length);
	s->rx_dropped = atomic64_read(&n->dropped);
	s->rx_errors = s->rx_crc_errors + s->rx_length_errors + atomic64_read(&n->symbol);
}

static void carrier(struct nic *n)
{
	bool on = n->link && n->peer->link && netif_running(n->dev) && netif_running(n->peer->dev);
	struct nic *both[2] = { n, n->peer };
	unsigned int i;

	for (i = 0; i < 2; i++) {
		spin_lock_bh(&both[i]->lock);
		fec_advance(both[i]);
		spin_unlock_bh(&both[i]->lock);
		if (on)
			netif_carrier_on(both[i]->dev);
		else
			netif_carrier_off(both[i]->dev);
	}
}

static int nic_open(struct net_device *dev)
{
	carrier(netdev_priv(dev));
	return 0;
}

static int nic_stop(struct net_device *dev)
{
	struct nic *n = netdev_priv(dev);

	netif_carrier_off(dev);
	netif_carrier_off(n->peer->dev);
	return 0;
}

static const struct net_device_ops nic_ops = {
	.ndo_open = nic_open,
	.ndo_stop = nic_stop,
	.ndo_start_xmit = nic_xmit,
	.ndo_get_stats64 = nic_stats64,
	.ndo_set_mac_address = eth_mac_addr,
	.ndo_validate_addr = eth_validate_addr,
};

/* ---- ethtool: mode, state, FEC ------------------------------------------------------------ */

static const struct {
	u32 speed, lanes, bit;
} modes[] = {
	{ 10000, 1, ETHTOOL_LINK_MODE_10000baseSR_Full_BIT },
	{ 25000, 1, ETHTOOL_LINK_MODE_25000baseSR_Full_BIT },
	{ 50000, 1, ETHTOOL_LINK_MODE_50000baseSR_Full_BIT },
	{ 100000, 4, ETHTOOL_LINK_MODE_100000baseSR4_Full_BIT },
	{ 100000, 2, ETHTOOL_LINK_MODE_100000baseSR2_Full_BIT },
	{ 100000, 1, ETHTOOL_LINK_MODE_100000baseSR_Full_BIT },
	{ 200000, 4, ETHTOOL_LINK_MODE_200000baseSR4_Full_BIT },
	{ 400000, 8, ETHTOOL_LINK_MODE_400000baseSR8_Full_BIT },
	{ 400000, 4, ETHTOOL_LINK_MODE_400000baseSR4_Full_BIT },
};

static int nic_get_link_ksettings(struct net_device *dev, struct ethtool_link_ksettings *k)
{
	struct nic *n = netdev_priv(dev);
	unsigned int i;

	ethtool_link_ksettings_zero_link_mode(k, supported);
	ethtool_link_ksettings_zero_link_mode(k, advertising);
	ethtool_link_ksettings_zero_link_mode(k, lp_advertising);
	for (i = 0; i < ARRAY_SIZE(modes); i++) {
		__set_bit(modes[i].bit, k->link_modes.supported);
		if (n->autoneg || (modes[i].speed == n->speed && modes[i].lanes == n->n_lanes))
			__set_bit(modes[i].bit, k->link_modes.advertising);
		if (n->autoneg && n->peer->autoneg)
			__set_bit(modes[i].bit, k->link_modes.lp_advertising);
	}
	ethtool_link_ksettings_add_link_mode(k, supported, FIBRE);
	ethtool_link_ksettings_add_link_mode(k, supported, FEC_RS);
	ethtool_link_ksettings_add_link_mode(k, supported, FEC_BASER);
	ethtool_link_ksettings_add_link_mode(k, supported, FEC_NONE);
	k->base.port = PORT_FIBRE;
	k->base.autoneg = n->autoneg;
	k->base.duplex = netif_carrier_ok(dev) ? DUPLEX_FULL : DUPLEX_UNKNOWN;
	k->base.speed = netif_carrier_ok(dev) ? n->speed : SPEED_UNKNOWN;
	k->lanes = netif_carrier_ok(dev) ? n->n_lanes : 0;
	return 0;
}

static int nic_set_link_ksettings(struct net_device *dev, const struct ethtool_link_ksettings *k)
{
	struct nic *n = netdev_priv(dev);
	u32 speed = k->base.speed, lanes = k->lanes;
	unsigned int i;

	if (speed == (u32) SPEED_UNKNOWN || speed == 0)
		speed = n->speed;
	for (i = 0; i < ARRAY_SIZE(modes); i++)
		if (modes[i].speed == speed && (!lanes || modes[i].lanes == lanes))
			break;
	if (i == ARRAY_SIZE(modes))
		return -EINVAL;
	spin_lock_bh(&n->lock);
	fec_advance(n);
	n->autoneg = k->base.autoneg;
	n->speed = modes[i].speed;
	n->n_lanes = modes[i].lanes;
	fec_settle(n);
	spin_unlock_bh(&n->lock);
	return 0;
}

static int nic_ext_state(struct net_device *dev, struct ethtool_link_ext_state_info *info)
{
	struct nic *n = netdev_priv(dev);

	if (netif_carrier_ok(dev) || n->down_state > ETHTOOL_LINK_EXT_STATE_MODULE)
		return -ENODATA;
	info->link_ext_state = n->down_state;
	info->__link_ext_substate = n->down_substate;
	return 0;
}

static int nic_get_fecparam(struct net_device *dev, struct ethtool_fecparam *p)
{
	struct nic *n = netdev_priv(dev);

	p->fec = n->fec_wanted;
	p->active_fec = n->fec;
	return 0;
}

static int nic_set_fecparam(struct net_device *dev, struct ethtool_fecparam *p)
{
	struct nic *n = netdev_priv(dev);
	u32 fec = p->fec & ETHTOOL_FEC_AUTO ? ETHTOOL_FEC_RS : p->fec;

	if (fec != ETHTOOL_FEC_OFF && fec != ETHTOOL_FEC_RS && fec != ETHTOOL_FEC_BASER &&
	    fec != ETHTOOL_FEC_LLRS)
		return -EINVAL;
	spin_lock_bh(&n->lock);
	fec_advance(n);
	n->fec_wanted = p->fec;
	n->fec = fec;
	fec_settle(n);
	spin_unlock_bh(&n->lock);
	return 0;
}

static void nic_fec_stats(struct net_device *dev, struct ethtool_fec_stats *s)
{
	struct nic *n = netdev_priv(dev);
	unsigned int i;

	spin_lock_bh(&n->lock);
	fec_advance(n);
	for (i = 0; i < n->n_lanes; i++) {
		s->corrected_blocks.lanes[i] = n->lane[i].corrected >> 16;
		s->uncorrectable_blocks.lanes[i] = n->lane[i].bad >> 16;
		s->corrected_bits.lanes[i] = n->lane[i].bits >> 16;
	}
	spin_unlock_bh(&n->lock);
}

/* ---- ethtool: counters and settings -------------------------------------------------------- */

static void nic_phy_stats(struct net_device *dev, struct ethtool_eth_phy_stats *s)
{
	struct nic *n = netdev_priv(dev);

	s->SymbolErrorDuringCarrier = atomic64_read(&n->symbol);
}

static void nic_mac_stats(struct net_device *dev, struct ethtool_eth_mac_stats *s)
{
	struct nic *n = netdev_priv(dev);

	s->FramesTransmittedOK = atomic64_read(&n->tx_packets);
	s->FramesReceivedOK = atomic64_read(&n->rx_packets);
	s->FrameCheckSequenceErrors = atomic64_read(&n->crc);
	s->InRangeLengthErrors = atomic64_read(&n->length);
	s->OctetsTransmittedOK = atomic64_read(&n->tx_bytes);
	s->OctetsReceivedOK = atomic64_read(&n->rx_bytes);
}

static void nic_ctrl_stats(struct net_device *dev, struct ethtool_eth_ctrl_stats *s)
{
	s->MACControlFramesTransmitted = 0;
	s->MACControlFramesReceived = 0;
}

static void nic_rmon_stats(struct net_device *dev, struct ethtool_rmon_stats *s,
			   const struct ethtool_rmon_hist_range **ranges)
{
	s->undersize_pkts = 0;
	s->oversize_pkts = 0;
	s->fragments = 0;
	s->jabbers = 0;
}

static void nic_get_pause(struct net_device *dev, struct ethtool_pauseparam *p)
{
	struct nic *n = netdev_priv(dev);

	*p = n->pause;
}

static int nic_set_pause(struct net_device *dev, struct ethtool_pauseparam *p)
{
	struct nic *n = netdev_priv(dev);

	n->pause = *p;
	return 0;
}

static void nic_pause_stats(struct net_device *dev, struct ethtool_pause_stats *s)
{
	s->tx_pause_frames = 0;
	s->rx_pause_frames = 0;
}

static void nic_get_ring(struct net_device *dev, struct ethtool_ringparam *r,
			 struct kernel_ethtool_ringparam *k, struct netlink_ext_ack *e)
{
	struct nic *n = netdev_priv(dev);

	r->rx_max_pending = r->tx_max_pending = 8192;
	r->rx_pending = n->rx_ring;
	r->tx_pending = n->tx_ring;
}

static int nic_set_ring(struct net_device *dev, struct ethtool_ringparam *r,
			struct kernel_ethtool_ringparam *k, struct netlink_ext_ack *e)
{
	struct nic *n = netdev_priv(dev);

	n->rx_ring = r->rx_pending;
	n->tx_ring = r->tx_pending;
	return 0;
}

/* ---- ethtool: the module ------------------------------------------------------------------- */

/* Latched flags are cleared by reading: of CMIS those of page 11h (OIF-CMIS 8.9.2), of SFF-8636
 * bytes 3 to 14 (table 6-4 ff.). */
static void clear_flags(u8 *memory, size_t size, size_t at, size_t len)
{
	size_t from, to;

	if (memory[0] == 0x18 || memory[0] == 0x19 || memory[0] == 0x1e) {
		from = 128 + 0x11 * 128 + 6;
		to = from + 20;
	} else if (memory[0] == 0x0d || memory[0] == 0x11) {
		from = 3;
		to = 15;
	} else {
		return;
	}
	from = max(from, at);
	to = min(min(to, at + len), size);
	if (from < to)
		memset(memory + from, 0, to - from);
}

static int nic_eeprom(struct net_device *dev, const struct ethtool_module_eeprom *p,
		      struct netlink_ext_ack *extack)
{
	struct nic *n = netdev_priv(dev);
	unsigned int which = p->i2c_address == 0x51;
	size_t at = p->offset < 128 ? p->offset : p->page * 128 + p->offset;
	int r = p->length;

	if (n->eeprom_ms)
		msleep(n->eeprom_ms);
	mutex_lock(&n->eeprom_lock);
	if (!n->eeprom_size[which])
		r = -ENODEV;
	else if (at + p->length > n->eeprom_size[which])
		r = -EIO;
	if (r >= 0) {
		memcpy(p->data, n->eeprom[which] + at, p->length);
		if (!which)
			clear_flags(n->eeprom[0], n->eeprom_size[0], at, p->length);
	}
	mutex_unlock(&n->eeprom_lock);
	return r;
}

static int nic_get_power(struct net_device *dev, struct ethtool_module_power_mode_params *p,
			 struct netlink_ext_ack *e)
{
	struct nic *n = netdev_priv(dev);

	p->policy = n->power_policy;
	p->mode = p->policy == ETHTOOL_MODULE_POWER_MODE_POLICY_HIGH || netif_running(dev)
			  ? ETHTOOL_MODULE_POWER_MODE_HIGH
			  : ETHTOOL_MODULE_POWER_MODE_LOW;
	return 0;
}

static int nic_set_power(struct net_device *dev, const struct ethtool_module_power_mode_params *p,
			 struct netlink_ext_ack *e)
{
	struct nic *n = netdev_priv(dev);

	n->power_policy = p->policy;
	return 0;
}

static const struct ethtool_ops nic_ethtool_ops = {
	.cap_link_lanes_supported = true,
	.get_link = ethtool_op_get_link,
	.get_link_ext_state = nic_ext_state,
	.get_link_ksettings = nic_get_link_ksettings,
	.set_link_ksettings = nic_set_link_ksettings,
	.get_fecparam = nic_get_fecparam,
	.set_fecparam = nic_set_fecparam,
	.get_fec_stats = nic_fec_stats,
	.get_eth_phy_stats = nic_phy_stats,
	.get_eth_mac_stats = nic_mac_stats,
	.get_eth_ctrl_stats = nic_ctrl_stats,
	.get_rmon_stats = nic_rmon_stats,
	.get_pauseparam = nic_get_pause,
	.set_pauseparam = nic_set_pause,
	.get_pause_stats = nic_pause_stats,
	.get_ringparam = nic_get_ring,
	.set_ringparam = nic_set_ring,
	.get_module_eeprom_by_page = nic_eeprom,
	.get_module_power_mode = nic_get_power,
	.set_module_power_mode = nic_set_power,
};

/* ---- knobs --------------------------------------------------------------------------------- */

static int ber_set(void *data, u64 value)
{
	struct nic *n = data;
	unsigned int i;

	spin_lock_bh(&n->lock);
	fec_advance(n);
	for (i = 0; i < LANES_MAX; i++)
		n->lane[i].ber = value;
	fec_settle(n);
	spin_unlock_bh(&n->lock);
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(ber_fops, NULL, ber_set, "%llu\n");

static int link_set(void *data, u64 value)
{
	struct nic *n = data;

	rtnl_lock();
	n->link = value != 0;
	carrier(n);
	rtnl_unlock();
	return 0;
}
DEFINE_DEBUGFS_ATTRIBUTE(link_fops, NULL, link_set, "%llu\n");

static ssize_t ber_lane_write(struct file *f, const char __user *text, size_t size, loff_t *at)
{
	struct nic *n = f->private_data;
	unsigned int lane;
	char buf[40];
	u64 ber;

	if (size >= sizeof(buf) || copy_from_user(buf, text, size))
		return -EINVAL;
	buf[size] = 0;
	if (sscanf(buf, "%u %llu", &lane, &ber) != 2 || lane >= LANES_MAX)
		return -EINVAL;
	spin_lock_bh(&n->lock);
	fec_advance(n);
	n->lane[lane].ber = ber;
	fec_settle(n);
	spin_unlock_bh(&n->lock);
	return size;
}

static const struct file_operations ber_lane_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.write = ber_lane_write,
};

static ssize_t eeprom_write(struct nic *n, unsigned int which, const char __user *data, size_t size,
			    loff_t *at)
{
	ssize_t r = size;

	if (*at < 0 || *at + size > EEPROM_MAX)
		return -EFBIG;
	mutex_lock(&n->eeprom_lock);
	if (copy_from_user(n->eeprom[which] + *at, data, size))
		r = -EFAULT;
	else
		n->eeprom_size[which] = max_t(size_t, *at + size, n->eeprom_size[which]);
	*at += size;
	mutex_unlock(&n->eeprom_lock);
	return r;
}

/* Opening it for writing with O_TRUNC pulls the module. */
static int eeprom_open(struct nic *n, unsigned int which, struct file *f)
{
	f->private_data = n;
	if (f->f_flags & O_TRUNC) {
		mutex_lock(&n->eeprom_lock);
		n->eeprom_size[which] = 0;
		mutex_unlock(&n->eeprom_lock);
	}
	return 0;
}

static int eeprom50_open(struct inode *i, struct file *f)
{
	return eeprom_open(i->i_private, 0, f);
}

static int eeprom51_open(struct inode *i, struct file *f)
{
	return eeprom_open(i->i_private, 1, f);
}

static ssize_t eeprom50_write(struct file *f, const char __user *data, size_t size, loff_t *at)
{
	return eeprom_write(f->private_data, 0, data, size, at);
}

static ssize_t eeprom51_write(struct file *f, const char __user *data, size_t size, loff_t *at)
{
	return eeprom_write(f->private_data, 1, data, size, at);
}

static const struct file_operations eeprom50_fops = {
	.owner = THIS_MODULE,
	.open = eeprom50_open,
	.write = eeprom50_write,
	.llseek = default_llseek,
};

static const struct file_operations eeprom51_fops = {
	.owner = THIS_MODULE,
	.open = eeprom51_open,
	.write = eeprom51_write,
	.llseek = default_llseek,
};

static struct dentry *top;

static void knobs(struct nic *n, unsigned int number)
{
	char name[8];

	snprintf(name, sizeof(name), "%u", number);
	n->dir = debugfs_create_dir(name, top);
	debugfs_create_u32("crc_ppm", 0600, n->dir, &n->crc_ppm);
	debugfs_create_u32("drop_ppm", 0600, n->dir, &n->drop_ppm);
	debugfs_create_u32("length_ppm", 0600, n->dir, &n->length_ppm);
	debugfs_create_u32("symbol_ppm", 0600, n->dir, &n->symbol_ppm);
	debugfs_create_u32("eeprom_ms", 0600, n->dir, &n->eeprom_ms);
	debugfs_create_u32("down_state", 0600, n->dir, &n->down_state);
	debugfs_create_u32("down_substate", 0600, n->dir, &n->down_substate);
	debugfs_create_file_unsafe("ber", 0200, n->dir, n, &ber_fops);
	debugfs_create_file_unsafe("link", 0200, n->dir, n, &link_fops);
	debugfs_create_file("ber_lane", 0200, n->dir, n, &ber_lane_fops);
	debugfs_create_file("eeprom50", 0200, n->dir, n, &eeprom50_fops);
	debugfs_create_file("eeprom51", 0200, n->dir, n, &eeprom51_fops);
}

/* ---- devices ------------------------------------------------------------------------------- */

static void nic_setup(struct net_device *dev)
{
	ether_setup(dev);
	dev->netdev_ops = &nic_ops;
	dev->ethtool_ops = &nic_ethtool_ops;
	dev->features |= NETIF_F_LLTX;
	dev->max_mtu = ETH_MAX_MTU;
	eth_hw_addr_random(dev);
}

static struct nic *nic_new(unsigned int number)
{
	struct net_device *dev;
	struct nic *n;

	dev = alloc_netdev(sizeof(*n), "nic%d", NET_NAME_ENUM, nic_setup);
	if (!dev)
		return NULL;
	n = netdev_priv(dev);
	n->dev = dev;
	spin_lock_init(&n->lock);
	mutex_init(&n->eeprom_lock);
	n->speed = 100000;
	n->n_lanes = 4;
	n->autoneg = 1;
	n->fec = n->fec_wanted = ETHTOOL_FEC_RS;
	n->link = 1;
	n->down_state = U32_MAX;
	n->power_policy = ETHTOOL_MODULE_POWER_MODE_POLICY_AUTO;
	n->pause = (struct ethtool_pauseparam){ .rx_pause = 1, .tx_pause = 1 };
	n->rx_ring = n->tx_ring = 1024;
	n->since_ns = ktime_get_ns();
	n->eeprom[0] = kzalloc(EEPROM_MAX, GFP_KERNEL);
	n->eeprom[1] = kzalloc(EEPROM_MAX, GFP_KERNEL);
	nics[number] = n;
	return n->eeprom[0] && n->eeprom[1] ? n : NULL;
}

static void nic_free_all(void)
{
	unsigned int i;

	debugfs_remove_recursive(top);
	for (i = 0; i < ARRAY_SIZE(nics); i++)
		if (nics[i] && nics[i]->dev->reg_state == NETREG_REGISTERED)
			unregister_netdev(nics[i]->dev);
	for (i = 0; i < ARRAY_SIZE(nics); i++) {
		if (!nics[i])
			continue;
		kfree(nics[i]->eeprom[0]);
		kfree(nics[i]->eeprom[1]);
		free_netdev(nics[i]->dev);
		nics[i] = NULL;
	}
}

static int __init nic_init(void)
{
	unsigned int i;
	int r = 0;

	pairs = clamp(pairs, 1u, (unsigned int) PAIRS_MAX);
	top = debugfs_create_dir("anodnic", NULL);
	for (i = 0; i < 2 * pairs; i++)
		if (!nic_new(i))
			goto no_memory;
	for (i = 0; i < 2 * pairs; i++)
		nics[i]->peer = nics[i ^ 1];
	for (i = 0; i < 2 * pairs && r >= 0; i++) {
		r = register_netdev(nics[i]->dev);
		netif_carrier_off(nics[i]->dev);
		knobs(nics[i], i);
	}
	if (r >= 0)
		return 0;
	nic_free_all();
	return r;
no_memory:
	nic_free_all();
	return -ENOMEM;
}

static void __exit nic_exit(void)
{
	nic_free_all();
}

module_init(nic_init);
module_exit(nic_exit);
MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("pairs of Ethernet devices with faults, for tests");
