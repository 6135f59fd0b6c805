/*
 * chain - along the ledger, line by line, to the first fault.
 *
 * Design.  Each line is held against what the lines before it have left: its number, the hash that
 * it follows, the key that is due.  What a fault is called is a guess from its neighbours (a line
 * that is missing here and comes next was swapped, not cut); that there is one is none.
 *
 * Which keys are due: a line "sealed" begins an epoch with the seed that has its name, a line "gap"
 * skips keys, every other line takes the next one.  The rest (checkpoints, keys that sign them,
 * witnesses) is in vouch.c.
 */
#include <inttypes.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "chain.h"

const char *fault_name(enum fault f)
{
	switch (f) {
	case FAULT_NONE:
		return "good";
	case FAULT_FORM:
		return "form";
	case FAULT_FLIPPED:
		return "flipped";
	case FAULT_CUT:
		return "cut";
	case FAULT_SWAPPED:
		return "swapped";
	case FAULT_INSERTED:
		return "inserted";
	case FAULT_RESIGNED:
		return "re-signed";
	case FAULT_TRUNCATED:
		return "truncated";
	case FAULT_KEY:
		return "key unknown";
	case FAULT_READ:
		return "unreadable";
	}
	return "";
}

bool fault_at(struct verify *v, const char *file, uint64_t line, enum fault f, const char *fmt, ...)
{
	va_list ap;

	if (v->fault)
		return false;
	v->fault = f;
	v->fault_line = line;
	(void) snprintf(v->fault_file, sizeof(v->fault_file), "%s", file);
	va_start(ap, fmt);
	(void) vsnprintf(v->why, sizeof(v->why), fmt, ap);
	va_end(ap);
	return false;
}

void remark(struct verify *v, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	if (v->n_remarks < sizeof(v->remark) / sizeof(v->remark[0]))
		(void) vsnprintf(v->remark[v->n_remarks], sizeof(v->remark[0]), fmt, ap);
	v->n_remarks++;
	va_end(ap);
}

/* ---- the seal ----------------------------------------------------------------------------- */

static void tagged(const char *tag, size_t size, const uint8_t key[HASH_SIZE],
		   uint8_t ret[HASH_SIZE])
{
	uint8_t in[64 + HASH_SIZE];

	memcpy(in, tag, size);
	memcpy(in + size, key, HASH_SIZE);
	(void) crypto_hash_sha256(ret, in, size + HASH_SIZE);
}

static void next_key(struct verify *v)
{
	static const char tag[] = "anod ledger next key 1";

	tagged(tag, sizeof(tag), v->key, v->key);
	v->index++;
}

static void mac_of(const uint8_t key[HASH_SIZE], const struct line *l, uint8_t ret[HASH_SIZE])
{
	uint8_t sum[HASH_SIZE];

	(void) crypto_hash_sha256(sum, (const uint8_t *) l->text.at, l->mac_at);
	(void) crypto_auth_hmacsha256(ret, sum, sizeof(sum), key);
}

static bool mac_good(const struct verify *v, const struct line *l)
{
	uint8_t mac[HASH_SIZE];

	mac_of(v->key, l, mac);
	return sodium_memcmp(mac, l->mac, sizeof(mac)) == 0;
}

/* The epoch that begins here. */
static bool on_sealed(struct verify *v, const struct line *l)
{
	static const char tag[] = "anod ledger seed 1";
	uint8_t name[HASH_SIZE], of_seed[HASH_SIZE];
	struct span value;
	uint64_t epoch = 0, form = 0;

	if (!scan_member(l, "form", &value) || !scan_u64(value, &form) || form != 1)
		return FAULT(v, FAULT_FORM, "begins a seal of a form that is not known here");
	if (!scan_member(l, "seed", &value) || !scan_hash(value, name) ||
	    !scan_member(l, "epoch", &value) || !scan_u64(value, &epoch))
		return FAULT(v, FAULT_FORM, "begins an epoch without its number and seed");
	if (!v->sealed)
		v->sealed_from = l->n;
	v->sealed = true;
	v->checked = false;
	if (++v->epochs > 1)
		remark(v, "epoch %" PRIu64 " begins at record %" PRIu64, epoch, l->n);
	if (!v->n_seeds)
		return true;
	for (unsigned i = 0; i < v->n_seeds; i++) {
		tagged(tag, sizeof(tag), v->seed[i], of_seed);
		if (sodium_memcmp(of_seed, name, sizeof(name)) != 0)
			continue;
		if (v->seed_used[i])
			return FAULT(v, FAULT_INSERTED, "begins an epoch that was there before");
		v->seed_used[i] = v->checked = true;
		v->index = 0;
		memcpy(v->key, v->seed[i], HASH_SIZE);
		return true;
	}
	return FAULT(v, FAULT_KEY, "begins epoch %" PRIu64 ", of which no seed was brought along",
		     epoch);
}

static bool on_gap(struct verify *v, const struct line *l)
{
	struct span value;
	uint64_t lost, index;

	if (!scan_member(l, "lost", &value) || !scan_u64(value, &lost) ||
	    !scan_member(l, "index", &value) || !scan_u64(value, &index))
		return FAULT(v, FAULT_FORM, "names no number of lines that were lost");
	v->gaps++;
	v->lost += lost;
	if (!scan_member(l, "same_boot", &value) || !span_is(value, "false"))
		return FAULT(v, FAULT_CUT,
			     "says itself that %" PRIu64 " lines before it are gone though the "
			     "machine was not down",
			     lost);
	remark(v, "%" PRIu64 " lines before record %" PRIu64 " were lost; it says so itself", lost,
	       l->n);
	if (v->checked && (index < v->index || index - v->index > SKIP_MAX))
		return FAULT(v, FAULT_RESIGNED, "goes back to a key that was used, or far ahead");
	while (v->checked && v->index < index)
		next_key(v);
	return !v->strict || FAULT(v, FAULT_CUT, "%" PRIu64 " lines before it are gone", lost);
}

/* A ledger whose beginning is elsewhere: which key is this line's?  It is tried. */
static bool find_key(struct verify *v, const struct line *l)
{
	for (unsigned i = 0; i < v->n_seeds; i++) {
		memcpy(v->key, v->seed[i], HASH_SIZE);
		v->index = 0;
		for (uint64_t k = 0; k < l->n + 100000; k++, next_key(v)) {
			if (!mac_good(v, l))
				continue;
			v->seed_used[i] = v->checked = true;
			return true;
		}
	}
	return FAULT(v, FAULT_KEY, "has a MAC of none of the seeds that were brought along");
}

static bool check_seal(struct verify *v, const struct line *l, bool first)
{
	if (!l->has_mac)
		return !v->sealed || FAULT(v, FAULT_RESIGNED,
					   "is not sealed, and the ledger is since record %" PRIu64,
					   v->sealed_from);
	if (span_is(l->kind, "sealed")) {
		if (!on_sealed(v, l))
			return false;
	} else if (first && v->partial && l->n > 1) {
		v->sealed = true;
		v->sealed_from = l->n;
		if (v->n_seeds && !find_key(v, l))
			return false;
	} else if (!v->sealed) {
		return FAULT(v, FAULT_INSERTED, "is sealed, but no line before it begins a seal");
	}
	if (span_is(l->kind, "gap") && !on_gap(v, l))
		return false;
	if (!v->checked)
		return true;
	if (!mac_good(v, l))
		return FAULT(v, FAULT_RESIGNED,
			     "has a good hash and a wrong MAC: who made it had not the key of "
			     "that time, or lines before it are gone");
	next_key(v);
	v->macs++;
	return true;
}

/* ---- the chain ---------------------------------------------------------------------------- */

static bool hash_good(const struct line *l)
{
	uint8_t sum[HASH_SIZE];

	(void) crypto_hash_sha256(sum, (const uint8_t *) l->text.at, l->hash_at);
	return memcmp(sum, l->hash, sizeof(sum)) == 0;
}

/* It does not follow the line before: what has happened? */
static bool misplaced(struct verify *v, const struct line *l, const struct line *next)
{
	if (v->begun && memcmp(l->hash, v->head, HASH_SIZE) == 0)
		return FAULT(v, FAULT_INSERTED, "is there twice: record %" PRIu64, l->n);
	if (l->n > v->n + 1 && next && next->n == v->n + 1)
		return FAULT(v, FAULT_SWAPPED,
			     "is record %" PRIu64 ", and record %" PRIu64 " comes behind it", l->n,
			     next->n);
	if (l->n > v->n + 1)
		return FAULT(v, FAULT_CUT,
			     "is record %" PRIu64 ": %" PRIu64 " before it %s missing", l->n,
			     l->n - v->n - 1, l->n - v->n - 1 == 1 ? "is" : "are");
	if (l->n < v->n + 1)
		return FAULT(v, FAULT_INSERTED,
			     "is record %" PRIu64 ", but %" PRIu64
			     " is due: it does not belong here",
			     l->n, v->n + 1);
	return FAULT(v, FAULT_RESIGNED,
		     "does not follow the line before it: that one or this one was made again");
}

static bool check_line(struct verify *v, const struct line *l, const struct line *next)
{
	bool first = !v->begun, begins = first && v->partial && l->n > 1;

	if (!hash_good(l))
		return FAULT(v, FAULT_FLIPPED, "its bytes do not have the hash that it names");
	if (begins) {
		v->n = l->n - 1;
		memcpy(v->head, l->prev, HASH_SIZE);
	}
	if (l->n != v->n + 1 || memcmp(l->prev, v->head, HASH_SIZE) != 0)
		return misplaced(v, l, next);
	if (first)
		v->first = l->n;
	if (!check_seal(v, l, first) || !vouch_line(v, l))
		return false;
	v->begun = true;
	v->n = l->n;
	memcpy(v->head, l->hash, HASH_SIZE);
	return vouch_head(v);
}

/* The line at 'at' into 'l'; its size with the newline, or 0: there is none. */
static size_t take(const char *at, size_t left, struct line *l, const char **ret_why)
{
	const char *nl = left ? memchr(at, '\n', left) : NULL;
	size_t size = nl ? (size_t) (nl - at) : 0;

	*ret_why = NULL;
	if (!nl) {
		*ret_why = left ? "cut short: its newline is missing" : NULL;
		return 0;
	}
	*ret_why = size > LINE_SIZE ? "is longer than any line may be" : scan_line(at, size, l);
	return size + 1;
}

bool verify_file(struct verify *v, const char *name, const char *at, size_t size)
{
	struct line l, next;
	const char *why, *next_why;
	size_t n, next_n;

	v->file = name;
	v->line = 1;
	n = take(at, size, &l, &why);
	while (n) {
		if (why)
			return FAULT(v, FAULT_FORM, "%s", why);
		at += n;
		size -= n;
		next_n = take(at, size, &next, &next_why);
		if (!check_line(v, &l, next_n && !next_why ? &next : NULL))
			return false;
		v->line++;
		l = next;
		n = next_n;
		why = next_why;
	}
	return !why || FAULT(v, FAULT_TRUNCATED, "%s", why);
}
