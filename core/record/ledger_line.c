/*
 * ledger_line - the form of a line, and which files there are.
 *
 * Design.  "prev", "mac" and "hash" stand at a fixed distance from the end of the line, so the chain is
 * checked on bytes and never through a JSON parser, which would forgive what a hash must not.
 */
#include <cjson/cJSON.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <sodium.h>
#include <string.h>

#include "base/clock.h"
#include "record/ledger_int.h"

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

/* The two sums of a line: before its MAC, when it has one, and before its hash. */
static void sums(const char *line, size_t before, size_t mac_size, uint8_t ret_sum[SEAL_KEY],
		 char ret_hash[HASH_HEX + 1])
{
	crypto_hash_sha256_state s, first;
	uint8_t sum[SEAL_KEY];

	(void) crypto_hash_sha256_init(&s);
	(void) crypto_hash_sha256_update(&s, (const uint8_t *) line, before);
	first = s;
	(void) crypto_hash_sha256_final(&first, ret_sum);
	(void) crypto_hash_sha256_update(&s, (const uint8_t *) line + before, mac_size);
	(void) crypto_hash_sha256_final(&s, sum);
	(void) sodium_bin2hex(ret_hash, HASH_HEX + 1, sum, sizeof(sum));
}

/* The 64 digits behind ,"NAME":" at 'at'. */
static bool take_hex(const char *at, const char *name, size_t name_size, char ret[HASH_HEX + 1])
{
	if (memcmp(at, name, name_size) != 0 || !is_hex(at + name_size) ||
	    at[name_size + HASH_HEX] != '"')
		return false;
	memcpy(ret, at + name_size, HASH_HEX);
	ret[HASH_HEX] = 0;
	return true;
}

const char *line_parse(const char *line, size_t size, struct line_parts *ret)
{
	static const char no_end[] = "does not end in \"prev\" and \"hash\"";
	const char *tail;
	char sum[HASH_HEX + 1];
	size_t mac_size = 0;

	if (size < LINE_TAIL + 7)
		return "too short to be a line of a ledger";
	tail = line + size - (HASH_HEX + 11);
	if (line[size - 1] != '}' || !take_hex(tail, ",\"hash\":\"", 9, ret->hash))
		return no_end;
	if (size >= LINE_TAIL + LINE_MAC + 7 &&
	    take_hex(tail - LINE_MAC, ",\"mac\":\"", 8, ret->mac))
		mac_size = LINE_MAC;
	else
		ret->mac[0] = 0;
	tail -= mac_size;
	if (!take_hex(tail - (HASH_HEX + 10), ",\"prev\":\"", 9, ret->prev))
		return no_end;
	if (!parse_number(line, size, &ret->n))
		return "does not begin with its number";

	sums(line, (size_t) (tail - line), mac_size, ret->sum, sum);
	return strcmp(sum, ret->hash) == 0 ? NULL : "its bytes do not have the hash that it names";
}

/* ---- writing ------------------------------------------------------------------------------ */

/* prev, mac where it is sealed, and hash behind the first 'n' bytes; returns the whole length. */
static size_t end_line(const struct ledger *l, char *line, size_t n, char *ret_hash)
{
	uint8_t sum[SEAL_KEY], mac[SEAL_KEY];
	crypto_hash_sha256_state s, first;
	char hex[HASH_HEX + 1];

	n += (size_t) sprintf(line + n, ",\"prev\":\"%s\"", l->head);
	(void) crypto_hash_sha256_init(&s);
	(void) crypto_hash_sha256_update(&s, (const uint8_t *) line, n);
	if (l->seal.fd >= 0) {
		size_t before = n;

		first = s;
		(void) crypto_hash_sha256_final(&first, sum);
		seal_mac(&l->seal, sum, mac);
		(void) sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
		n += (size_t) sprintf(line + n, ",\"mac\":\"%s\"", hex);
		(void) crypto_hash_sha256_update(&s, (const uint8_t *) line + before, n - before);
	}
	(void) crypto_hash_sha256_final(&s, sum);
	(void) sodium_bin2hex(ret_hash, HASH_HEX + 1, sum, sizeof(sum));
	return n + (size_t) sprintf(line + n, ",\"hash\":\"%s\"}\n", ret_hash);
}

int line_make(const struct ledger *l, const char *kind, uint64_t wall_us, const struct cJSON *body,
	      char **ret, size_t *ret_size, char ret_hash[HASH_HEX + 1])
{
	_cleanup_(freep) char *text = cJSON_PrintUnformatted(body);
	size_t size = text ? strlen(text) : 0, n;
	char *line, when[40];

	/* The longest number, a date and all that is fixed are less than 512 bytes. */
	line = text ? malloc(size + strlen(kind) + 512) : NULL;
	if (!line)
		return -ENOMEM;
	n = (size_t) sprintf(line, "{\"n\":%" PRIu64 ",\"t\":\"%s\",\"kind\":\"%s\"", l->n + 1,
			     format_wall(wall_us, when, sizeof(when)), kind);
	if (size > 2) { /* "{...}" without its braces */
		line[n++] = ',';
		memcpy(line + n, text + 1, size - 2);
		n += size - 2;
	}
	*ret_size = end_line(l, line, n, ret_hash);
	*ret = line;
	return 0;
}

/* ---- files -------------------------------------------------------------------------------- */

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
