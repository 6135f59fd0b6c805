/*
 * fuzz_bond - kernel messages of any shape into the reader of bonds, or, when the input begins
 * with text, a text of /proc/net/bonding.
 *
 * Names have to end, words to exist, and no more members can carry than there are.
 */
#include "plugins/bond/facts.c"
#include "plugins/bond/parse.c"
#include "plugins/bond/words.c"

#include "fuzz/messages.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct bond bond;
static struct bond_count count;

static void take(const struct nlmsghdr *m)
{
	int64_t raw[(int) MEMBER_NUMBERS > (int) BOND_NUMBERS ? (int) MEMBER_NUMBERS
							      : (int) BOND_NUMBERS];
	struct bond_member member;
	struct bond b;

	if (bond_parse(m, &b) > 0) {
		if (strnlen(b.name, sizeof(b.name)) == sizeof(b.name) || !bond_mode_word(b.mode) ||
		    !bond_hash_word(b.hash))
			abort();
		bond = b;
		memset(&count, 0, sizeof(count));
	}
	if (bond_parse_member(m, &member) > 0) {
		if (strnlen(member.name, sizeof(member.name)) == sizeof(member.name) ||
		    !member.master || !bond_mii_word(member.mii))
			abort();
		member_count(&member, &bond, &count);
		if (member_fill(&member, &bond, &count, raw) >> MEMBER_NUMBERS)
			abort();
	}
	if (count.carrying + count.bad > count.members || count.carrying > count.up ||
	    count.paired > count.carrying || bond_fill(&bond, &count, raw) >> BOND_NUMBERS)
		abort();
}

static void take_text(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	uint8_t actor, partner;

	if (!text)
		return;
	memcpy(text, data, size);
	text[size] = '\0';
	if (bond_churn_of(text, "v0", &actor, &partner) &&
	    (!bond_churn_word(actor) || partner > CHURN_UNKNOWN))
		abort();
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	memset(&bond, 0, sizeof(bond));
	memset(&count, 0, sizeof(count));
	if (size > 4 && data[0] >= ' ' && data[1] >= ' ' && data[2] >= ' ' && data[3] >= ' ')
		take_text(data, size);
	else
		fuzz_messages(data, size, take);
	return 0;
}
