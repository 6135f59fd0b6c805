/*
 * fuzz_verify - what anod-verify reads: a ledger, seeds, public keys, notes of a witness.
 *
 * Design.  The first byte says which of them the rest is, and how it is looked at.  A fault always
 * has a name and a sentence.  The writer's parser of notes gets the same bytes: what it takes, the
 * auditor takes as well, with the same numbers.  Lines whose sums are wrong get no further than
 * that, so with bit 3 the sums of each line are made right first.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "record/note.h"
#include "verify/verify.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct witness notes[NOTES_MAX + 1];

static void must(bool good)
{
	if (!good)
		abort();
}

static void ledger(struct verify *v, const char *text, size_t size)
{
	static const char seed[] =
		"anod-seed epoch 1 line 1 "
		"0000000000000000000000000000000000000000000000000000000000000000\n";

	if (v->strict)
		must(verify_seeds(v, seed, sizeof(seed) - 1) == 1);
	if (verify_file(v, "x", text, size) && verify_end(v))
		must(!v->fault);
	else
		must(v->fault && v->why[0] && v->fault_file[0] && fault_name(v->fault)[0]);
}

/* Each line follows the one before. */
static char *mend(const char *text, size_t size)
{
	char *copy = malloc(size + 1), prev[65];
	struct line l;

	must(copy);
	memcpy(copy, text, size);
	memset(prev, '0', sizeof(prev));
	for (char *at = copy, *nl; (nl = memchr(at, '\n', size - (size_t) (at - copy)));
	     at = nl + 1) {
		uint8_t sum[HASH_SIZE];
		char *p = memmem(at, (size_t) (nl - at), ",\"prev\":\"", 9);

		if (scan_line(at, (size_t) (nl - at), &l) || !p || nl - p < 9 + 64)
			break;
		memcpy(p + 9, prev, 64);
		(void) crypto_hash_sha256(sum, (uint8_t *) at, l.hash_at);
		(void) sodium_bin2hex(prev, sizeof(prev), sum, sizeof(sum));
		memcpy(at + l.hash_at + 9, prev, 64);
	}
	return copy;
}

static void note(struct verify *v, const char *text, size_t size)
{
	struct checkpoint c;
	struct note n;

	(void) verify_witness(v, "x", text, size);
	must(v->n_witnesses <= NOTES_MAX);
	if (note_parse(text, size, &c) < 0)
		return;
	/* It may have no signature of the auditor's form at all. */
	if (!audit_note(text, size, &n)) {
		must(n.size == c.size && strcmp(n.origin, c.origin) == 0 &&
		     memcmp(n.head, c.head, sizeof(c.head)) == 0 && n.rotates == c.rotates);
		must(!note_signed_by(text, size, c.head, NULL));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct verify *v = calloc(1, sizeof(*v));
	const char *text = (const char *) data + 1;
	char *copy;

	must(v && sodium_init() >= 0);
	if (size == 0) {
		free(v);
		return 0;
	}
	v->witness = notes;
	v->partial = data[0] & 4;
	v->strict = data[0] & 16;
	size--;
	copy = data[0] & 8 ? mend(text, size) : NULL;
	switch (data[0] & 3) {
	case 0:
		ledger(v, copy ? copy : text, size);
		break;
	case 1:
		note(v, text, size);
		break;
	case 2:
		(void) verify_seeds(v, text, size);
		must(v->n_seeds <= SEEDS_MAX);
		break;
	default:
		free(copy);
		copy = calloc(1, size + 1);
		must(copy);
		memcpy(copy, text, size);
		if (verify_give_key(v, copy)) {
			char origin[NOTE_ORIGIN];
			uint8_t pub[NOTE_PUBLIC];

			must(note_vkey_parse(copy, origin, pub) == 0);
		}
		break;
	}
	free(copy);
	free(v);
	return 0;
}
