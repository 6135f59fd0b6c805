/*
 * fuzz_frr - bytes of any kind into the readers of FRR's answers.
 *
 * The first byte says what was asked: 'b'gp summary, 'n'eighbour, 'o'spf, b'f'd, 'r'ib, 'v'ersion;
 * the rest is the answer with its trailer.  Strings are read to their end, numbers have to be counts
 * or REDUCE_NOT.
 */
#include <stdlib.h>

#include "plugins/frr/reduce.c"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static size_t sum_of; /* so that reading is not optimised away */

static void text(const char *s)
{
	sum_of += strlen(s);
}

static void counted(int64_t n)
{
	if (n < REDUCE_NOT)
		abort();
}

static void on_peer(const struct reduce_peer *p, void *data)
{
	(void) data;
	text(p->vrf), text(p->peer), text(p->state), text(p->description), text(p->reason);
	counted(p->peer_as), counted(p->age_ms), counted(p->drops), counted(p->received);
	counted(p->sent), counted(p->queued);
}

static void on_ospf(const struct reduce_ospf *o, void *data)
{
	(void) data;
	text(o->dev), text(o->router), text(o->state), text(o->address);
	counted(o->age_ms), counted(o->dead_ms), counted(o->retransmits);
}

static void on_bfd(const struct reduce_bfd *b, void *data)
{
	(void) data;
	text(b->dev), text(b->vrf), text(b->peer), text(b->state), text(b->reason);
	text(b->remote_reason);
	counted(b->age_s), counted(b->detect_ms);
}

static void take(uint8_t what, const char *answer, size_t size)
{
	struct reduce_rib rib = { 0 };
	char version[8];

	switch (what) {
	case 'b':
		(void) reduce_summary(answer, size, on_peer, NULL);
		(void) reduce_failed(answer, size, on_peer, NULL);
		break;
	case 'n':
		(void) reduce_neighbor(answer, size, on_peer, NULL);
		break;
	case 'o':
		(void) reduce_ospf(answer, size, on_ospf, NULL);
		break;
	case 'f':
		(void) reduce_bfd(answer, size, on_bfd, NULL);
		break;
	case 'r':
		if (reduce_rib(answer, size, &rib) == 0)
			counted(rib.routes), counted(rib.installed);
		break;
	case 'v':
		if (reduce_version(answer, size, version, sizeof(version)) == 0)
			text(version);
		break;
	default:
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0;
	char *copy;

	if (size < 2)
		return 0;
	copy = malloc(size); /* with the NUL that a conversation puts behind */
	if (!copy)
		return 0;
	memcpy(copy, data + 1, size - 1);
	copy[size - 1] = '\0';
	(void) reduce_whole(copy, size - 1, &at);
	if (at > size - 1)
		abort();
	take(data[0], copy, size - 1);
	free(copy);
	return 0;
}
