/* The readers of lease files, and the sensor on a folder of them. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "unit/fake_daemon.h"
#include "unit/fake_host.h"

#include "plugins/dhcp/lease.c"

static struct lease seen[4];
static unsigned n_seen;

static void see(const struct lease *l, void *data)
{
	(void) data;
	cr_assert_lt(n_seen, 4);
	seen[n_seen++] = *l;
}

static char *file(const char *name, size_t *size)
{
	char path[128], *text;

	(void) snprintf(path, sizeof(path), "tests/fuzz/corpus/lease/%s", name);
	text = fake_daemon_file(path, size);
	memmove(text, text + 1, *size); /* the fuzz target's first byte */
	--*size;
	return text;
}

static bool is_host(const struct anod_prefix *p, uint8_t last)
{
	const uint8_t want[4] = { 192, 0, 2, last };

	return p->family == AF_INET && p->len == 32 && memcmp(p->addr, want, 4) == 0;
}

Test(dhcp, files_of_three_clients_are_read)
{
	struct lease l;
	size_t size;
	char *text = file("networkd", &size);

	cr_assert_eq(lease_networkd(text, size, &l), 0);
	cr_expect(is_host(&l.address, 77) && is_host(&l.server, 1));
	cr_expect(l.lifetime_s == 3600 && l.expires_s == LEASE_NOT);
	free(text);
	text = file("networkd-forever", &size);
	cr_assert_eq(lease_networkd(text, size, &l), 0);
	cr_expect(l.lifetime_s == LEASE_FOREVER && !l.server.family);
	cr_expect_eq(lease_networkd("", 0, &l), -EBADMSG);
	free(text);

	text = file("dhclient", &size);
	cr_assert_eq(lease_dhclient(text, size, see, NULL), 3);
	cr_expect_str_eq(seen[0].dev, "wan0");
	cr_expect(is_host(&seen[0].address, 77) && is_host(&seen[0].server, 1));
	cr_expect_eq(seen[0].lifetime_s, 3600);
	cr_expect_eq(seen[0].expires_s, 1795500000, "2026-11-24 06:00:00 UTC: %lld",
		     (long long) seen[0].expires_s);
	cr_expect(seen[1].lifetime_s == LEASE_FOREVER && seen[1].expires_s == LEASE_NOT);
	cr_expect_eq(seen[2].expires_s, 1795412965);
	free(text);
	n_seen = 0;
	text = file("dhclient-broken", &size);
	cr_expect_eq(lease_dhclient(text, size, see, NULL), 0);
	free(text);

	text = file("dhcpcd", &size);
	cr_assert_eq(lease_dhcpcd((uint8_t *) text, size, &l), 0);
	cr_expect(is_host(&l.address, 80) && is_host(&l.server, 1) && l.lifetime_s == 3600);
	free(text);
	text = file("dhcpcd-lying", &size);
	cr_expect_eq(lease_dhcpcd((uint8_t *) text, size, &l), -EBADMSG);
	free(text);
}

static char folder[64];

static bool known(struct fake_host *h, void *data)
{
	const struct anod_value *v = fake_host_fact(h, "dhcp_lease", "lo", "left");

	(void) data;
	return v && v->type == ANOD_INT;
}

static bool none(struct fake_host *h, void *data)
{
	(void) data;
	return !fake_host_fact(h, "dhcp_lease", "lo", "left");
}

Test(dhcp, a_lease_ages_from_the_time_of_its_file_and_goes_with_it)
{
	static const char text[] = "ADDRESS=192.0.2.9\nLIFETIME=1000\nSERVER_ADDRESS=192.0.2.1\n";
	struct fake_host *h = fake_host_new("dhcp");
	struct timespec times[2] = { { .tv_sec = time(NULL) - 400 },
				     { .tv_sec = time(NULL) - 400 } };
	char path[80];
	int64_t left;
	FILE *f;

	(void) snprintf(folder, sizeof(folder), "/tmp/anod-test-dhcp-%d", (int) getpid());
	cr_assert_eq(mkdir(folder, 0700), 0);
	(void) snprintf(path, sizeof(path), "%s/1", folder); /* lo */
	f = fopen(path, "we");
	cr_assert(f && fputs(text, f) >= 0 && fclose(f) == 0);
	cr_assert_eq(utimensat(AT_FDCWD, path, times, 0), 0);
	fake_host_set_text(h, "networkd", folder);
	fake_host_set_text(h, "dhclient", "/nowhere");
	fake_host_set_text(h, "dhcpcd", "");
	fake_host_set_int(h, "period", 100000, ANOD_UNIT_TIME);
	fake_host_set_int(h, "idle-period", 100000, ANOD_UNIT_TIME);
	cr_assert_eq(fake_host_start(h), 0);
	cr_assert(fake_host_wait(h, known, NULL, 5000));
	left = fake_host_fact(h, "dhcp_lease", "lo", "left")->u.i / 1000000;
	cr_expect(left <= 600 && left > 590, "%lld", (long long) left);
	cr_expect_eq(fake_host_fact(h, "dhcp_lease", "lo", "lifetime")->u.i, 1000000000);
	(void) unlink(path);
	cr_assert(fake_host_wait(h, none, NULL, 5000));
	(void) rmdir(folder);
	fake_host_free(h);
}
