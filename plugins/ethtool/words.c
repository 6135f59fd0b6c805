/*
 * words - the kernel's numbers of Ethernet as words: link modes, FEC, reasons why a link is down.
 *
 * Design.  Tables.  The header of the oldest system that we build on (6.1) ends at link mode 92;
 * numbers never change, so the later ones stand here as numbers, after the enums of
 * include/uapi/linux/ethtool.h in kernel 6.18 (93-98 since 6.3, 99-102 since 6.3 and 6.15,
 * 103-120 since 6.15, 121-124 since 6.18).
 */
#include "words.h"

#define N(a) (sizeof(a) / sizeof((a)[0]))

static const struct link_mode modes[LINK_MODES] = {
	[0] = { "10baseT/Half", 10, 1, 1 },
	[1] = { "10baseT/Full", 10, 1, 0 },
	[2] = { "100baseT/Half", 100, 1, 1 },
	[3] = { "100baseT/Full", 100, 1, 0 },
	[4] = { "1000baseT/Half", 1000, 1, 1 },
	[5] = { "1000baseT/Full", 1000, 1, 0 },
	[6] = { "Autoneg", 0, 0, 0 },
	[7] = { "TP", 0, 0, 0 },
	[8] = { "AUI", 0, 0, 0 },
	[9] = { "MII", 0, 0, 0 },
	[10] = { "FIBRE", 0, 0, 0 },
	[11] = { "BNC", 0, 0, 0 },
	[12] = { "10000baseT/Full", 10000, 1, 0 },
	[13] = { "Pause", 0, 0, 0 },
	[14] = { "Asym_Pause", 0, 0, 0 },
	[15] = { "2500baseX/Full", 2500, 1, 0 },
	[16] = { "Backplane", 0, 0, 0 },
	[17] = { "1000baseKX/Full", 1000, 1, 0 },
	[18] = { "10000baseKX4/Full", 10000, 4, 0 },
	[19] = { "10000baseKR/Full", 10000, 1, 0 },
	[20] = { "10000baseR_FEC", 0, 0, 0 },
	[21] = { "20000baseMLD2/Full", 20000, 2, 0 },
	[22] = { "20000baseKR2/Full", 20000, 2, 0 },
	[23] = { "40000baseKR4/Full", 40000, 4, 0 },
	[24] = { "40000baseCR4/Full", 40000, 4, 0 },
	[25] = { "40000baseSR4/Full", 40000, 4, 0 },
	[26] = { "40000baseLR4/Full", 40000, 4, 0 },
	[27] = { "56000baseKR4/Full", 56000, 4, 0 },
	[28] = { "56000baseCR4/Full", 56000, 4, 0 },
	[29] = { "56000baseSR4/Full", 56000, 4, 0 },
	[30] = { "56000baseLR4/Full", 56000, 4, 0 },
	[31] = { "25000baseCR/Full", 25000, 1, 0 },
	[32] = { "25000baseKR/Full", 25000, 1, 0 },
	[33] = { "25000baseSR/Full", 25000, 1, 0 },
	[34] = { "50000baseCR2/Full", 50000, 2, 0 },
	[35] = { "50000baseKR2/Full", 50000, 2, 0 },
	[36] = { "100000baseKR4/Full", 100000, 4, 0 },
	[37] = { "100000baseSR4/Full", 100000, 4, 0 },
	[38] = { "100000baseCR4/Full", 100000, 4, 0 },
	[39] = { "100000baseLR4_ER4/Full", 100000, 4, 0 },
	[40] = { "50000baseSR2/Full", 50000, 2, 0 },
	[41] = { "1000baseX/Full", 1000, 1, 0 },
	[42] = { "10000baseCR/Full", 10000, 1, 0 },
	[43] = { "10000baseSR/Full", 10000, 1, 0 },
	[44] = { "10000baseLR/Full", 10000, 1, 0 },
	[45] = { "10000baseLRM/Full", 10000, 1, 0 },
	[46] = { "10000baseER/Full", 10000, 1, 0 },
	[47] = { "2500baseT/Full", 2500, 1, 0 },
	[48] = { "5000baseT/Full", 5000, 1, 0 },
	[49] = { "FEC_NONE", 0, 0, 0 },
	[50] = { "FEC_RS", 0, 0, 0 },
	[51] = { "FEC_BASER", 0, 0, 0 },
	[52] = { "50000baseKR/Full", 50000, 1, 0 },
	[53] = { "50000baseSR/Full", 50000, 1, 0 },
	[54] = { "50000baseCR/Full", 50000, 1, 0 },
	[55] = { "50000baseLR_ER_FR/Full", 50000, 1, 0 },
	[56] = { "50000baseDR/Full", 50000, 1, 0 },
	[57] = { "100000baseKR2/Full", 100000, 2, 0 },
	[58] = { "100000baseSR2/Full", 100000, 2, 0 },
	[59] = { "100000baseCR2/Full", 100000, 2, 0 },
	[60] = { "100000baseLR2_ER2_FR2/Full", 100000, 2, 0 },
	[61] = { "100000baseDR2/Full", 100000, 2, 0 },
	[62] = { "200000baseKR4/Full", 200000, 4, 0 },
	[63] = { "200000baseSR4/Full", 200000, 4, 0 },
	[64] = { "200000baseLR4_ER4_FR4/Full", 200000, 4, 0 },
	[65] = { "200000baseDR4/Full", 200000, 4, 0 },
	[66] = { "200000baseCR4/Full", 200000, 4, 0 },
	[67] = { "100baseT1/Full", 100, 1, 0 },
	[68] = { "1000baseT1/Full", 1000, 1, 0 },
	[69] = { "400000baseKR8/Full", 400000, 8, 0 },
	[70] = { "400000baseSR8/Full", 400000, 8, 0 },
	[71] = { "400000baseLR8_ER8_FR8/Full", 400000, 8, 0 },
	[72] = { "400000baseDR8/Full", 400000, 8, 0 },
	[73] = { "400000baseCR8/Full", 400000, 8, 0 },
	[74] = { "FEC_LLRS", 0, 0, 0 },
	[75] = { "100000baseKR/Full", 100000, 1, 0 },
	[76] = { "100000baseSR/Full", 100000, 1, 0 },
	[77] = { "100000baseLR_ER_FR/Full", 100000, 1, 0 },
	[78] = { "100000baseCR/Full", 100000, 1, 0 },
	[79] = { "100000baseDR/Full", 100000, 1, 0 },
	[80] = { "200000baseKR2/Full", 200000, 2, 0 },
	[81] = { "200000baseSR2/Full", 200000, 2, 0 },
	[82] = { "200000baseLR2_ER2_FR2/Full", 200000, 2, 0 },
	[83] = { "200000baseDR2/Full", 200000, 2, 0 },
	[84] = { "200000baseCR2/Full", 200000, 2, 0 },
	[85] = { "400000baseKR4/Full", 400000, 4, 0 },
	[86] = { "400000baseSR4/Full", 400000, 4, 0 },
	[87] = { "400000baseLR4_ER4_FR4/Full", 400000, 4, 0 },
	[88] = { "400000baseDR4/Full", 400000, 4, 0 },
	[89] = { "400000baseCR4/Full", 400000, 4, 0 },
	[90] = { "100baseFX/Half", 100, 1, 1 },
	[91] = { "100baseFX/Full", 100, 1, 0 },
	[92] = { "10baseT1L/Full", 10, 1, 0 },
	[93] = { "800000baseCR8/Full", 800000, 8, 0 },
	[94] = { "800000baseKR8/Full", 800000, 8, 0 },
	[95] = { "800000baseDR8/Full", 800000, 8, 0 },
	[96] = { "800000baseDR8_2/Full", 800000, 8, 0 },
	[97] = { "800000baseSR8/Full", 800000, 8, 0 },
	[98] = { "800000baseVR8/Full", 800000, 8, 0 },
	[99] = { "10baseT1S/Full", 10, 1, 0 },
	[100] = { "10baseT1S/Half", 10, 1, 1 },
	[101] = { "10baseT1S_P2MP/Half", 10, 1, 1 },
	[102] = { "10baseT1BRR/Full", 10, 1, 0 },
	[103] = { "200000baseCR/Full", 200000, 1, 0 },
	[104] = { "200000baseKR/Full", 200000, 1, 0 },
	[105] = { "200000baseDR/Full", 200000, 1, 0 },
	[106] = { "200000baseDR_2/Full", 200000, 1, 0 },
	[107] = { "200000baseSR/Full", 200000, 1, 0 },
	[108] = { "200000baseVR/Full", 200000, 1, 0 },
	[109] = { "400000baseCR2/Full", 400000, 2, 0 },
	[110] = { "400000baseKR2/Full", 400000, 2, 0 },
	[111] = { "400000baseDR2/Full", 400000, 2, 0 },
	[112] = { "400000baseDR2_2/Full", 400000, 2, 0 },
	[113] = { "400000baseSR2/Full", 400000, 2, 0 },
	[114] = { "400000baseVR2/Full", 400000, 2, 0 },
	[115] = { "800000baseCR4/Full", 800000, 4, 0 },
	[116] = { "800000baseKR4/Full", 800000, 4, 0 },
	[117] = { "800000baseDR4/Full", 800000, 4, 0 },
	[118] = { "800000baseDR4_2/Full", 800000, 4, 0 },
	[119] = { "800000baseSR4/Full", 800000, 4, 0 },
	[120] = { "800000baseVR4/Full", 800000, 4, 0 },
	[121] = { "1600000baseCR8/Full", 1600000, 8, 0 },
	[122] = { "1600000baseKR8/Full", 1600000, 8, 0 },
	[123] = { "1600000baseDR8/Full", 1600000, 8, 0 },
	[124] = { "1600000baseDR8_2/Full", 1600000, 8, 0 },
};

const struct link_mode *link_mode(unsigned bit)
{
	return bit < LINK_MODES ? &modes[bit] : NULL;
}

/* ETHTOOL_LINK_MODE_FEC_{NONE,RS,BASER,LLRS}_BIT. */
const char *fec_word(uint32_t bit)
{
	switch (bit) {
	case 49:
		return "off";
	case 50:
		return "rs";
	case 51:
		return "baser";
	case 74:
		return "llrs";
	default:
		return NULL;
	}
}

/* enum ethtool_link_ext_state. */
static const char *const reasons[] = {
	"autoneg",	  "training",	 "logical-mismatch", "bad-signal",
	"no-cable",	  "cable-issue", "eeprom-issue",     "calibration-failure",
	"power-exceeded", "overheat",	 "module",
};

const char *down_reason(uint8_t state)
{
	return state < N(reasons) ? reasons[state] : NULL;
}

/* enum ethtool_link_ext_substate_*, which begin at 1. */
static const char *const autoneg[] = {
	NULL,
	"no-partner",
	"ack-not-received",
	"next-page-failed",
	"no-partner-forced",
	"fec-mismatch",
	"no-common-mode",
};
static const char *const training[] = {
	NULL, "no-frame-lock", "inhibit-timeout", "partner-not-ready", "remote-fault",
};
static const char *const mismatch[] = {
	NULL,	       "no-block-lock",	    "no-marker-lock",
	"not-aligned", "fc-fec-not-locked", "rs-fec-not-locked",
};
static const char *const signal_[] = {
	NULL, "many-errors", "unsupported-rate", "reference-clock-lost", "no-signal",
};
static const char *const cable[] = { NULL, "unsupported", "test-failed" };
static const char *const module[] = { NULL, "cmis-not-ready" };

static const struct {
	const char *const *word;
	uint8_t n;
} details[] = {
	[0] = { autoneg, N(autoneg) },	 [1] = { training, N(training) },
	[2] = { mismatch, N(mismatch) }, [3] = { signal_, N(signal_) },
	[5] = { cable, N(cable) },	 [10] = { module, N(module) },
};

const char *down_detail(uint8_t state, uint8_t substate)
{
	return state < N(details) && substate < details[state].n ? details[state].word[substate]
								 : NULL;
}
