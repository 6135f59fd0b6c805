/*
 * vouch - who vouches for the ledger: checkpoints, the keys that sign them, witnesses.
 *
 * Design.  A ledger tells its own signing key (kind "signer"); that makes it whole, not true.  A key
 * is trusted when the caller has given it, when a trusted one has signed it (a rotation), or when
 * its line has the MAC of a seed that the caller has given.  A key that changes in any other way is
 * a fault.  A witness's note must be signed by a key that this ledger has had and must name the
 * hash that this ledger has there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"

static bool same_key(const struct vkey *a, const struct vkey *b)
{
	return strcmp(a->name, b->name) == 0 && memcmp(a->key, b->key, sizeof(a->key)) == 0;
}

static struct hand *find_signer(struct verify *v, const struct vkey *k)
{
	for (unsigned i = 0; i < v->n_signers; i++)
		if (same_key(&v->signer[i].key, k))
			return &v->signer[i];
	return NULL;
}

static struct hand *add_signer(struct verify *v, const struct vkey *k)
{
	struct hand *s = find_signer(v, k);

	if (s || v->n_signers == KEYS_MAX)
		return s;
	s = &v->signer[v->n_signers++];
	*s = (struct hand){ .key = *k };
	return s;
}

bool verify_give_key(struct verify *v, const char *vkey)
{
	struct vkey k;
	struct hand *s = vkey_parse(vkey, &k) ? add_signer(v, &k) : NULL;

	if (!s)
		return false;
	s->given = v->keys_given = true;
	return true;
}

/* ---- checkpoints -------------------------------------------------------------------------- */

/* The note of a line, which is of the line before. */
static bool take_note(struct verify *v, const struct line *l, struct note *ret)
{
	char text[NOTE_SIZE];
	struct span value;
	const char *why;

	if (!scan_member(l, "note", &value) || !scan_text(value, text, sizeof(text)))
		return FAULT(v, FAULT_FORM, "has no signed note");
	why = audit_note(text, strlen(text), ret);
	if (why)
		return FAULT(v, FAULT_FORM, "has a note that is none: %s", why);
	if (ret->note_size != strlen(text))
		return FAULT(v, FAULT_FORM, "has more behind its note");
	if (ret->size != l->n - 1 || memcmp(ret->head, l->prev, HASH_SIZE) != 0)
		return FAULT(v, FAULT_RESIGNED,
			     "is a checkpoint of record %" PRIu64 " with another hash than that "
			     "of the record before it",
			     ret->size);
	return true;
}

static void count_note(struct verify *v, const struct note *n)
{
	v->checkpoints++;
	v->last_size = n->size;
	if (v->trusted)
		v->trusted_size = n->size;
}

static bool on_checkpoint(struct verify *v, const struct line *l)
{
	struct note n = { 0 };

	if (!take_note(v, l, &n))
		return false;
	/* The line that told the key may be in a part that is not here. */
	for (unsigned i = 0; !v->now && v->partial && i < v->n_signers; i++)
		if (audit_signed_by(&n, &v->signer[i].key)) {
			v->now = &v->signer[i];
			v->signer[i].met = v->trusted = v->ever_trusted = true;
		}
	if (!v->now && v->partial) {
		remark(v,
		       "the checkpoint of record %" PRIu64 " is not checked: its key is told in "
		       "a part that is not here; give it with --pub",
		       n.size);
		return true;
	}
	if (!v->now || !audit_signed_by(&n, &v->now->key))
		return FAULT(v, FAULT_RESIGNED,
			     "is a checkpoint that the signing key of this ledger has not signed");
	count_note(v, &n);
	return true;
}

static bool on_signer(struct verify *v, const struct line *l)
{
	const struct hand *old = v->now;
	char text[VKEY_SIZE];
	struct span value;
	struct hand *s;
	struct vkey k;
	struct note n = { 0 };
	bool rotated;

	if (!scan_member(l, "key", &value) || !scan_text(value, text, sizeof(text)) ||
	    !vkey_parse(text, &k))
		return FAULT(v, FAULT_FORM, "tells a signing key that is none");
	s = add_signer(v, &k);
	if (!s)
		return FAULT(v, FAULT_KEY, "tells one signing key too many");
	rotated = scan_member(l, "note", &value);
	if (rotated) {
		if (!take_note(v, l, &n))
			return false;
		if (!n.rotates || !same_key(&n.next, &k))
			return FAULT(v, FAULT_RESIGNED, "has a note of another key than it tells");
		/* "old" is NULL in a part, or when a rotation that was cut short is told again. */
		if (old && old != s && !audit_signed_by(&n, &old->key))
			return FAULT(
				v, FAULT_KEY,
				"changes the signing key, and the one before has not signed it");
		if (!audit_signed_by(&n, &k))
			return FAULT(v, FAULT_KEY, "tells a key that has not signed its own note");
		v->rotations += old && old != s;
		count_note(v, &n);
	} else if (old && old != s) {
		if (!s->given && !v->checked)
			return FAULT(v, FAULT_KEY,
				     "changes the signing key, and nothing that was brought along "
				     "vouches for the new one");
		remark(v,
		       "the signing key changes at record %" PRIu64 ", unsigned by the one before",
		       l->n);
		v->trusted = false;
	}
	v->now = s;
	s->met = true;
	v->trusted = v->trusted || s->given;
	v->ever_trusted = v->ever_trusted || v->trusted;
	return true;
}

bool vouch_line(struct verify *v, const struct line *l)
{
	if (span_is(l->kind, "checkpoint"))
		return on_checkpoint(v, l);
	if (span_is(l->kind, "signer"))
		return on_signer(v, l);
	return true;
}

/* ---- witnesses ---------------------------------------------------------------------------- */

/* By a key that this ledger has had so far, or that the caller has given. */
static bool known_hand(const struct verify *v, const struct note *n)
{
	for (unsigned i = 0; i < v->n_signers; i++)
		if ((v->signer[i].met || v->signer[i].given) &&
		    audit_signed_by(n, &v->signer[i].key))
			return true;
	return false;
}

bool vouch_head(struct verify *v)
{
	for (unsigned i = 0; i < v->n_witnesses; i++) {
		struct witness *w = &v->witness[i];

		/* What nobody known has signed is told at the end. */
		if (w->note.size != v->n || !known_hand(v, &w->note))
			continue;
		if (memcmp(w->note.head, v->head, HASH_SIZE) != 0)
			return FAULT(v, FAULT_RESIGNED,
				     "is not the record %" PRIu64 " that the witness %s has seen",
				     v->n, w->file);
		w->matches = true;
	}
	return true;
}

static bool check_witness(struct verify *v, const struct witness *w)
{
	bool origin = false;

	for (unsigned i = 0; i < v->n_signers; i++)
		origin = origin || strcmp(v->signer[i].key.name, w->note.origin) == 0;
	/* What is left of it may be too short to tell its key. */
	if (w->note.size > v->n && (!v->now || origin))
		return FAULT(v, FAULT_TRUNCATED,
			     "the end is missing: there are records up to %" PRIu64
			     ", and the witness %s has seen %" PRIu64,
			     v->n, w->file, w->note.size);
	if (w->matches || (v->partial && w->note.size < v->first))
		return true;
	if (known_hand(v, &w->note))
		return fault_at(v, w->file, 1, FAULT_KEY,
				"a head of record %" PRIu64 ", from before its key was told",
				w->note.size);
	if (origin)
		return fault_at(v, w->file, 1, FAULT_KEY,
				"a head that is signed by none of this ledger's keys");
	return fault_at(v, w->file, 1, FAULT_KEY,
			"a head of %s, which is another ledger, or this one was begun anew",
			w->note.origin);
}

bool verify_end(struct verify *v)
{
	if (v->fault)
		return false;
	if (v->n_seeds && !v->sealed)
		return FAULT(v, FAULT_KEY,
			     "a seed was brought along, and the ledger is not sealed");
	if (v->keys_given && !v->ever_trusted)
		return FAULT(v, FAULT_KEY,
			     "none of the public keys that were brought along is this ledger's");
	for (unsigned i = 0; i < v->n_witnesses; i++)
		if (!check_witness(v, &v->witness[i]))
			return false;
	return true;
}

int verify_witness(struct verify *v, const char *file, const char *at, size_t size)
{
	int n = 0;

	while (size > 0) {
		struct witness *w = &v->witness[v->n_witnesses];

		const char *nl = memchr(at, '\n', size);

		/* Between notes: empty lines, and lines for people. */
		if (nl && (*at == '\n' || *at == '#')) {
			size -= (size_t) (nl + 1 - at);
			at = nl + 1;
			continue;
		}
		if (v->n_witnesses == NOTES_MAX || audit_note(at, size, &w->note))
			return -1;
		w->file = file;
		w->matches = false;
		at += w->note.note_size;
		size -= w->note.note_size;
		v->n_witnesses++;
		n++;
	}
	return n;
}

int verify_seeds(struct verify *v, const char *text, size_t size)
{
	int n = 0;

	while (size > 0) {
		const char *nl = memchr(text, '\n', size);
		size_t line = nl ? (size_t) (nl - text) : size, hex = 2 * HASH_SIZE;
		char quoted[2 * HASH_SIZE + 2];

		/* The last word of a line; the rest is for people. */
		if (line >= hex && text[0] != '#') {
			quoted[0] = quoted[hex + 1] = '"';
			memcpy(quoted + 1, text + line - hex, hex);
			if (v->n_seeds == SEEDS_MAX ||
			    !scan_hash((struct span){ quoted, sizeof(quoted) },
				       v->seed[v->n_seeds]))
				return -1;
			v->n_seeds++;
			n++;
		}
		text += line + (nl ? 1 : 0);
		size -= line + (nl ? 1 : 0);
	}
	return n;
}
