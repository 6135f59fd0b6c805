/*
 * lease - what DHCP clients write down of their leases, as values.
 *
 * Pure: from bytes to structs.  Any bytes are fine.  Times are seconds of the wall clock since 1970.
 */
#ifndef DHCP_LEASE_H
#define DHCP_LEASE_H

#include <stddef.h>
#include <stdint.h>

#include <anod/object.h>

#define LEASE_NOT     (-1)	/* of a number: the file does not say */
#define LEASE_FOREVER INT64_MAX /* of lifetime_s: it does not end */

struct lease {
	char dev[ANOD_IFNAME_SIZE];	    /* "": the file does not say */
	struct anod_prefix address, server; /* family 0: not said */
	int64_t lifetime_s;
	int64_t expires_s; /* LEASE_NOT: by the time at which the file was written */
};

/* A file of systemd-networkd: NAME=VALUE (sd_dhcp_lease_save() of systemd).  -EBADMSG: no lease. */
int lease_networkd(const char *text, size_t size, struct lease *ret);
/* A file of dhclient (dhclient.leases(5)): the last lease of each interface counts, so fn() is called
 * in the order of the file.  How many. */
typedef void lease_fn(const struct lease *l, void *data);
int lease_dhclient(const char *text, size_t size, lease_fn *fn, void *data);
/* A file of dhcpcd: the server's last message (RFC 2131, 2132). */
int lease_dhcpcd(const uint8_t *data, size_t size, struct lease *ret);

#endif
