/*
 * module_images - memories of pluggable modules for tests.
 *
 * Those that are built here follow the tables of SFF-8472, SFF-8636 and OIF-CMIS-05.2; nobody has
 * sold them.  qsfp28_monitors[] are bytes 22 to 57 of a real 100GBASE-SR4 module, as shown in pull
 * request 2379 of sonic-net/sonic-utilities, with the values that its vendor's tool printed.
 */
#ifndef TESTS_MODULE_IMAGES_H
#define TESTS_MODULE_IMAGES_H

#include <stdint.h>
#include <string.h>

static inline void set16(uint8_t *page, unsigned at, unsigned v)
{
	page[at % 128] = (uint8_t) (v >> 8);
	page[at % 128 + 1] = (uint8_t) v;
}

static inline void set_text(uint8_t *page, unsigned at, unsigned size, const char *text)
{
	memset(page + at % 128, ' ', size);
	memcpy(page + at % 128, text, strlen(text));
}

/* 10GBASE-SR, calibrated inside: 34.5 C, 3.3 V, 6.5 mA, -2.2 dBm sent, -3.0 dBm received. */
static inline void image_sfp(uint8_t *a0, uint8_t *a2)
{
	static const uint16_t limits[20] = {
		0x4b00, 0xfb00, 0x4600, 0x0000, /* 75, -5, 70, 0 C */
		37000,	29000,	36000,	30000,	/* 3.7 2.9 3.6 3.0 V */
		6000,	1000,	5500,	1250,	/* 12 2 11 2.5 mA */
		10000,	1000,	7943,	1585,	/* 0 -10 -1 -8 dBm */
		10000,	100,	7943,	126,	/* 0 -20 -1 -19 dBm */
	};

	memset(a0, 0, 128);
	memset(a2, 0, 128);
	a0[0] = 0x03;
	a0[1] = 0x04;
	a0[2] = 0x07;
	set_text(a0, 20, 16, "EXAMPLE OPTICS");
	set_text(a0, 40, 16, "EX-10G-SR");
	set_text(a0, 56, 4, "A1");
	set_text(a0, 68, 16, "EX0123456789");
	a0[92] = 0x68;
	a0[93] = 0xf0;
	for (unsigned i = 0; i < 20; i++)
		set16(a2, 2 * i, limits[i]);
	set16(a2, 96, 0x2280);
	set16(a2, 98, 33000);
	set16(a2, 100, 3250);
	set16(a2, 102, 6026);
	set16(a2, 104, 5012);
}

/* The same, read through the constants of external calibration: slopes 2 and offsets, and
 * received power 0.5 x reading + 12. */
static inline void image_sfp_external(uint8_t *a0, uint8_t *a2)
{
	static const uint8_t half[4] = { 0x3f, 0, 0, 0 }, twelve[4] = { 0x41, 0x40, 0, 0 };

	image_sfp(a0, a2);
	a0[92] = 0x58;
	memcpy(a2 + 68, half, 4);   /* Rx_PWR(1) */
	memcpy(a2 + 72, twelve, 4); /* Rx_PWR(0) */
	for (unsigned i = 0; i < 4; i++)
		set16(a2, 76 + 4 * i, 0x0200);
	set16(a2, 78, 50);     /* bias: + 50 */
	set16(a2, 82, 0xfff6); /* tx power: - 10 */
	set16(a2, 86, 0xff00); /* temperature: - 1 C */
	set16(a2, 90, 100);    /* voltage: + 100 */
	set16(a2, 96, 0x1180); /* 17.5 C raw: 34 C */
	set16(a2, 98, 16450);  /* 3.3 V */
	set16(a2, 100, 1600);  /* 3250: 6.5 mA */
	set16(a2, 102, 3018);  /* 6026 */
	set16(a2, 104, 10000); /* 5012 */
}

static const uint8_t qsfp28_monitors[36] = {
	0x13, 0x85, 0x00, 0x00, 0x80, 0xd3, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* 22: 19.52 C */
	0x32, 0xc9, 0x34, 0xd9, 0x2b, 0xb9, 0x2f, 0x43,				/* 34: rx */
	0x00, 0x00, 0x0f, 0x9f, 0x0f, 0x80, 0x0f, 0x80,				/* 42: bias */
	0x00, 0x01, 0x36, 0x17, 0x34, 0xd2, 0x30, 0x43,				/* 50: tx */
};

/* 100GBASE-SR4; the first laser is off, its fault and its low power are flagged. */
static inline void image_qsfp28(uint8_t *lower, uint8_t *page0, uint8_t *page3)
{
	memset(lower, 0, 128);
	memset(page0, 0, 128);
	memset(page3, 0, 128);
	lower[0] = page0[0] = 0x11;
	lower[1] = 0x08;
	lower[4] = 0x01;  /* tx fault of lane 1 */
	lower[3] = 0x02;  /* no light on lane 2 */
	lower[5] = 0x80;  /* tx loss of lock on lane 4 */
	lower[6] = 0x20;  /* temperature: high warning */
	lower[9] = 0x05;  /* lane 2: low alarm and warning of rx power */
	lower[13] = 0x40; /* lane 1: low alarm of tx power */
	memcpy(lower + 22, qsfp28_monitors, sizeof(qsfp28_monitors));
	page0[147 - 128] = 0x00; /* 850 nm VCSEL */
	set_text(page0, 148, 16, "EXAMPLE OPTICS");
	set_text(page0, 168, 16, "EX-100G-SR4");
	set_text(page0, 184, 2, "B");
	set_text(page0, 196, 16, "EX9876543210");
	page0[220 - 128] = 0x0c;
	set16(page3, 128, 0x4b00);
	set16(page3, 130, 0xfb00);
	set16(page3, 132, 0x4600);
	set16(page3, 134, 0x0000);
	set16(page3, 144, 36300);
	set16(page3, 146, 29700);
	set16(page3, 148, 35000);
	set16(page3, 150, 31000);
	set16(page3, 176, 21878); /* 3.4 dBm */
	set16(page3, 178, 468);	  /* -13.3 dBm */
	set16(page3, 180, 17378);
	set16(page3, 182, 933);
	set16(page3, 184, 5000);
	set16(page3, 186, 2500);
	set16(page3, 188, 4500);
	set16(page3, 190, 3000);
	set16(page3, 192, 21878);
	set16(page3, 194, 724);
	set16(page3, 196, 17378);
	set16(page3, 198, 1445);
}

/* 400GBASE-DR4 in a QSFP-DD: eight host lanes, lanes 5 to 8 of the medium are not there; lane 3
 * lost its light, lane 4's laser current is high. */
static inline void image_cmis(uint8_t *lower, uint8_t *page0, uint8_t *page1, uint8_t *page2,
			      uint8_t *page11)
{
	memset(lower, 0, 128);
	memset(page0, 0, 128);
	memset(page1, 0, 128);
	memset(page2, 0, 128);
	memset(page11, 0, 128);
	lower[0] = page0[0] = 0x18;
	lower[1] = 0x50;
	lower[3] = 3 << 1; /* ready */
	lower[9] = 0x04;   /* temperature: high warning */
	set16(lower, 14, 0x3a80);
	set16(lower, 16, 32850);
	lower[85] = 0x02;
	set_text(page0, 129, 16, "EXAMPLE OPTICS");
	set_text(page0, 148, 16, "EX-400G-DR4");
	set_text(page0, 164, 2, "1A");
	set_text(page0, 166, 16, "EX5555000001");
	page0[210 - 128] = 0xf0;
	page1[157 - 128] = 0x07;
	page1[158 - 128] = 0x06;
	page1[159 - 128] = 0x03;
	page1[160 - 128] = 0x0f; /* bias in 4 uA */
	set16(page2, 128, 0x4b00);
	set16(page2, 130, 0xfb00);
	set16(page2, 132, 0x3900);
	set16(page2, 134, 0x0000);
	set16(page2, 136, 36300);
	set16(page2, 138, 29700);
	set16(page2, 140, 34650);
	set16(page2, 142, 31350);
	set16(page2, 176, 25119); /* 4 dBm */
	set16(page2, 178, 3236);  /* -4.9 dBm */
	set16(page2, 180, 19953);
	set16(page2, 182, 5129);
	set16(page2, 184, 30000); /* 120 mA */
	set16(page2, 186, 5000);
	set16(page2, 188, 27500);
	set16(page2, 190, 7500);
	set16(page2, 192, 25119);
	set16(page2, 194, 1000); /* -10 dBm */
	set16(page2, 196, 19953);
	set16(page2, 198, 1585);
	for (unsigned k = 0; k < 8; k++) {
		set16(page11, 154 + 2 * k, 12589); /* 1 dBm */
		set16(page11, 170 + 2 * k, 15000); /* 60 mA */
		set16(page11, 186 + 2 * k, 7943);  /* -1 dBm */
	}
	set16(page11, 186 + 4, 0);
	set16(page11, 170 + 6, 31000);
	page11[147 - 128] = 0x04; /* LOS of lane 3 */
	page11[148 - 128] = 0x04; /* LOL of lane 3 */
	page11[150 - 128] = 0x04; /* rx power low alarm of lane 3 */
	page11[143 - 128] = 0x08; /* bias high alarm of lane 4 */
}

#endif
