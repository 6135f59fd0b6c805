/*
 * fuzz_lease - bytes of any kind into the readers of DHCP clients' lease files.
 *
 * The first byte says whose file it is: 'n'etworkd, dh'c'lient, 'd'hcpcd; the rest, in memory of its
 * very size, is the file.  Names end, numbers are counts or LEASE_NOT, addresses are IPv4 or none.
 */
#include <stdlib.h>

#include "plugins/dhcp/lease.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const struct lease *l, void *data)
{
	(void) data;
	if (strnlen(l->dev, sizeof(l->dev)) >= sizeof(l->dev) || l->lifetime_s < LEASE_NOT ||
	    (l->address.family && (l->address.family != AF_INET || l->address.len != 32)) ||
	    (l->server.family && (l->server.family != AF_INET || l->server.len != 32)))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lease l;
	char *copy;

	if (size < 1)
		return 0;
	copy = malloc(size - 1 ? size - 1 : 1);
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	if (data[0] == 'n' && lease_networkd(copy, size - 1, &l) == 0)
		look(&l, NULL);
	if (data[0] == 'c')
		(void) lease_dhclient(copy, size - 1, look, NULL);
	if (data[0] == 'd' && lease_dhcpcd((const uint8_t *) copy, size - 1, &l) == 0)
		look(&l, NULL);
	free(copy);
	return 0;
}
