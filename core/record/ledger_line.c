/*
 * ledger_line - the form of a line, and which files there are.
 *
 * Design.  "prev" and "hash" stand at a fixed distance from the end of the line, so the chain is
 * checked on bytes and never through a JSON parser, which would forgive what a hash must not.
 */
#include <dirent.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "record/ledger_int.h"

void line_hash(const char *data, size_t size, char ret[HASH_HEX + 1])
{
	unsigned char sum[crypto_hash_sha256_BYTES];

	(void) crypto_hash_sha256(sum, (const unsigned char *) data, size);
	(void) sodium_bin2hex(ret, HASH_HEX + 1, sum, sizeof(sum));
}

static bool is_hex(const char *p)
{
	return strspn(p, "0123456789abcdef") >= HASH_HEX;
}

/* The digits of {"n":17, without leading zeros; all of them are under the hash anyway. */
static bool parse_number(const char *line, size_t size, uint64_t *ret)
{
	uint64_t n = 0;
	size_t i = 5;

	if (size < 7 || memcmp(line, "{\"n\":", 5) != 0)
		return false;
	for (; i < size && i < 25 && line[i] >= '0' && line[i] <= '9'; i++)
		n = n * 10 + (uint64_t) (line[i] - '0');
	*ret = n;
	return i > 5 && i < size && line[i] == ',';
}

const char *line_parse(const char *line, size_t size, struct line_parts *ret)
{
	char sum[HASH_HEX + 1];
	const char *tail;

	if (size < LINE_TAIL + 7)
		return "too short to be a line of a ledger";
	tail = line + size - LINE_TAIL;
	if (memcmp(tail, ",\"prev\":\"", 9) != 0 ||
	    memcmp(tail + 9 + HASH_HEX, "\",\"hash\":\"", 10) != 0 ||
	    memcmp(line + size - 2, "\"}", 2) != 0)
		return "does not end in \"prev\" and \"hash\"";

	memcpy(ret->prev, tail + 9, HASH_HEX);
	memcpy(ret->hash, tail + 19 + HASH_HEX, HASH_HEX);
	ret->prev[HASH_HEX] = ret->hash[HASH_HEX] = 0;
	if (!is_hex(ret->prev) || !is_hex(ret->hash))
		return "\"prev\" or \"hash\" is not a hash";
	if (!parse_number(line, size, &ret->n))
		return "does not begin with its number";

	line_hash(line, size - (HASH_HEX + 11), sum);
	return strcmp(sum, ret->hash) == 0 ? NULL : "its bytes do not have the hash that it names";
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

static int take_name(struct ledger_files *f, const char *name)
{
	unsigned long long number;
	uint64_t *larger;
	int end = 0;

	if (strcmp(name, LEDGER_FILE) == 0)
		f->current = true;
	if (strncmp(name, "ledger.", 7) != 0 || name[7] < '1' || name[7] > '9' ||
	    sscanf(name + 7, "%18llu%n", &number, &end) != 1 || name[7 + end])
		return 0;

	larger = realloc(f->number, (f->n + 1) * sizeof(*larger));
	if (!larger)
		return -ENOMEM;
	f->number = larger;
	f->number[f->n++] = number;
	return 0;
}

int ledger_files_read(const char *dir, struct ledger_files *ret)
{
	struct ledger_files f = { 0 };
	DIR *d = opendir(dir);
	struct dirent *ent;
	int r = 0;

	if (!d)
		return -errno;
	while (r >= 0 && (ent = readdir(d)))
		r = take_name(&f, ent->d_name);
	(void) closedir(d);
	if (r < 0) {
		ledger_files_done(&f);
		return r;
	}

	if (f.n > 1)
		qsort(f.number, f.n, sizeof(*f.number), compare_u64);
	*ret = f;
	return 0;
}

void ledger_files_done(struct ledger_files *f)
{
	free(f->number);
	*f = (struct ledger_files){ 0 };
}

const char *ledger_file_name(const struct ledger_files *f, unsigned i, char *buf, size_t size)
{
	if (i < f->n)
		(void) snprintf(buf, size, "ledger.%llu", (unsigned long long) f->number[i]);
	else
		(void) copy_text(buf, size, LEDGER_FILE);

	return buf;
}
