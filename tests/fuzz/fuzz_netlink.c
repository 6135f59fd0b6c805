/*
 * fuzz_netlink - kernel messages of any shape into the codec.
 *
 * The input is netlink messages, one after the other.  Each is copied to memory of its own size,
 * so that a read past its end is seen.  What decodes must print, must encode, and must come back
 * under the same key.
 */
#include <linux/netlink.h>
#include <stdlib.h>
#include <string.h>

#include <anod/rtnl.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode_again(const struct anod_object *o)
{
	uint8_t buf[ANOD_NLMSG_MAX] __attribute__((aligned(8)));
	struct anod_object back;
	bool gone;

	for (int verb = ANOD_RTNL_SET; verb <= ANOD_RTNL_GET; verb++) {
		int len = anod_rtnl_encode(verb, o, NULL, buf);

		if (o->type == ANOD_OBJ_LINK)
			(void) anod_rtnl_encode(verb, o, o, buf);
		if (len <= 0 || verb == ANOD_RTNL_GET)
			continue;
		if (anod_rtnl_decode((struct nlmsghdr *) buf, &back, &gone) != 1 ||
		    !anod_object_same_key(o, &back) || gone != (verb == ANOD_RTNL_DEL))
			abort();
	}
}

static void decode(const uint8_t *message, size_t size)
{
	struct nlmsghdr *copy = malloc(size);
	struct anod_object o;
	char text[64], long_text[512];
	bool gone;

	if (!copy)
		return;
	memcpy(copy, message, size);
	copy->nlmsg_len = (uint32_t) size;
	if (anod_rtnl_decode(copy, &o, &gone) == 1) {
		(void) anod_object_text(&o, text, sizeof(text));
		(void) anod_object_text(&o, long_text, sizeof(long_text));
		(void) anod_object_protocol(&o);
		if (!anod_object_same_key(&o, &o) || !anod_object_matches(&o, &o, NULL))
			abort();
		encode_again(&o);
	}
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	while (size >= sizeof(struct nlmsghdr)) {
		struct nlmsghdr h;
		size_t len;

		memcpy(&h, data, sizeof(h));
		len = h.nlmsg_len < sizeof(h) || h.nlmsg_len > size ? size : h.nlmsg_len;
		decode(data, len);
		len = NLMSG_ALIGN(len) < size ? NLMSG_ALIGN(len) : size;
		data += len;
		size -= len;
	}
	return 0;
}
