/*
 * snapshot_value - the words and values that a line of a snapshot is made of.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "facts/value.h"
#include "model/snapshot_int.h"

int snapshot_wrong(struct reading *r, const struct token *t, const char *want)
{
	bool end = t->type == TOKEN_NEWLINE || t->type == TOKEN_END;

	if (end)
		diag_add(r->diags, DIAG_ERROR, &t->place, "the line ends where %s is expected",
			 want);
	else
		diag_add(r->diags, DIAG_ERROR, &t->place, "expected %s, not '%.*s'", want,
			 (int) t->len, t->text);
	return -EINVAL;
}

bool snapshot_at_end(struct reading *r)
{
	const struct token *t = lex_peek(&r->l, 0);

	return t->type == TOKEN_NEWLINE || t->type == TOKEN_END;
}

bool snapshot_accept(struct reading *r, const char *word)
{
	struct token t;

	if (!token_is(lex_peek(&r->l, 0), word))
		return false;
	lex_next(&r->l, &t);
	return true;
}

/* ---- values ------------------------------------------------------------------------------ */

int snapshot_number(struct reading *r, uint64_t max, uint64_t *ret)
{
	struct token t;

	lex_next(&r->l, &t);
	if (t.type != TOKEN_VALUE || t.value.type != ANOD_INT || t.value.u.i < 0 ||
	    (uint64_t) t.value.u.i > max)
		return snapshot_wrong(r, &t, max > UINT8_MAX ? "a number" : "a number up to 255");
	*ret = (uint64_t) t.value.u.i;
	return 0;
}

int snapshot_number32(struct reading *r, uint32_t *ret)
{
	uint64_t n = 0;
	int k = snapshot_number(r, UINT32_MAX, &n);

	*ret = (uint32_t) n;
	return k;
}

int snapshot_number8(struct reading *r, uint8_t *ret)
{
	uint64_t n = 0;
	int k = snapshot_number(r, UINT8_MAX, &n);

	*ret = (uint8_t) n;
	return k;
}

/* Kept as the label + 1. */
int snapshot_label(struct reading *r, uint32_t *ret)
{
	uint64_t n = 0;
	int k = snapshot_number(r, (1u << 20) - 1, &n);

	*ret = (uint32_t) n + 1;
	return k;
}

bool snapshot_flag(struct reading *r, struct anod_object *o)
{
	if (snapshot_accept(r, "lossy"))
		o->flags |= ANOD_OBJ_LOSSY;
	else if (snapshot_accept(r, "unsure"))
		o->flags |= ANOD_OBJ_UNSURE;
	else
		return false;
	return true;
}

int snapshot_name(struct reading *r, char *buf, size_t size)
{
	_cleanup_(freep) char *text = NULL;
	struct token t;

	lex_next(&r->l, &t);
	if (t.type != TOKEN_WORD && t.type != TOKEN_STRING)
		return snapshot_wrong(r, &t, "a name");
	text = token_dup(&t);
	if (!text)
		return -ENOMEM;
	if (!text[0] || strlen(text) >= size)
		return snapshot_wrong(r, &t, "a name of at most 15 characters");
	(void) copy_text(buf, size, text);
	return 0;
}

int snapshot_prefix(struct reading *r, struct anod_prefix *ret)
{
	struct token t;

	lex_next(&r->l, &t);
	if (t.type != TOKEN_VALUE || t.value.type != ANOD_PREFIX)
		return snapshot_wrong(r, &t, "an address or a prefix");
	*ret = t.value.u.prefix;
	return 0;
}

struct by_name {
	const char *name;
	uint32_t ifindex;
};

static int has_name(const struct anod_object *o, void *data)
{
	struct by_name *b = data;

	if (strcmp(o->u.link.name, b->name) == 0)
		b->ifindex = o->u.link.ifindex;
	return b->ifindex != 0;
}

uint32_t snapshot_named(const struct model *m, const char *link)
{
	struct by_name b = { .name = link };

	(void) model_each(m, ANOD_OBJ_LINK, has_name, &b);
	return b.ifindex;
}

/* The name of a link of this file, or its index. */
int snapshot_device(struct reading *r, uint32_t *ret)
{
	struct token t = *lex_peek(&r->l, 0);
	char text[ANOD_IFNAME_SIZE];
	int k;

	if (t.type == TOKEN_VALUE)
		return snapshot_number32(r, ret);
	k = snapshot_name(r, text, sizeof(text));
	if (k < 0)
		return k;
	*ret = snapshot_named(r->m, text);
	/* Masters may come later in the same pass. */
	if (*ret || r->links)
		return 0;
	diag_add(r->diags, DIAG_ERROR, &t.place, "there is no link '%s'; write a line for it",
		 text);
	return -EINVAL;
}

int snapshot_lladdr(struct reading *r, uint8_t *ret, uint8_t *ret_len)
{
	_cleanup_(freep) char *text = NULL;
	struct token t;
	const char *c;

	lex_next(&r->l, &t);
	text = t.type == TOKEN_STRING ? token_dup(&t) : NULL;
	*ret_len = 0;
	for (c = text; c && *c && *ret_len < ANOD_LLADDR_MAX; c += c[2] ? 3 : 2) {
		unsigned byte;

		if (sscanf(c, "%2x", &byte) != 1 || (c[2] && c[2] != ':'))
			break;
		ret[(*ret_len)++] = (uint8_t) byte;
	}
	if (!c || *c)
		return snapshot_wrong(r, &t, "an address such as \"02:00:00:00:00:01\"");
	return 0;
}

int snapshot_proto(struct reading *r, uint8_t *ret)
{
	struct token t;

	lex_next(&r->l, &t);
	return snapshot_protocol(&t, ret)
		       ? 0
		       : snapshot_wrong(r, &t, "a protocol such as static or bgp");
}

/* With the bits of the host, which the lexer refuses in a prefix. */
int snapshot_address(struct reading *r, struct anod_prefix *ret)
{
	char text[INET6_ADDRSTRLEN + 8], *slash;
	struct token t;
	int len = -1;

	lex_next(&r->l, &t);
	(void) snprintf(text, sizeof(text), "%.*s", (int) MIN_OF(t.len, sizeof(text) - 1), t.text);
	slash = strchr(text, '/');
	*ret = (struct anod_prefix){ .family = strchr(text, ':') ? AF_INET6 : AF_INET };
	if (slash) {
		*slash = '\0';
		if (sscanf(slash + 1, "%d", &len) != 1)
			return snapshot_wrong(r, &t, "an address with its length");
	} else {
		len = ret->family == AF_INET6 ? 128 : 32;
	}
	if (len < 0 || len > (ret->family == AF_INET6 ? 128 : 32) ||
	    inet_pton(ret->family, text, ret->addr) != 1)
		return snapshot_wrong(r, &t, "an address with its length such as 192.0.2.1/24");
	ret->len = (uint8_t) len;
	return 0;
}

/* What no line of this kind knows. */
int snapshot_unknown(struct reading *r, const char *const *words, const char *subject)
{
	struct token t;
	char text[32];
	const char *near;

	lex_next(&r->l, &t);
	(void) snprintf(text, sizeof(text), "%.*s", (int) MIN_OF(t.len, sizeof(text) - 1), t.text);
	near = nearest_word(text, words);
	diag_add(r->diags, DIAG_ERROR, &t.place,
		 near ? "'%s' is not known of a %s; did you mean '%s'?"
		      : "'%s' is not known of a %s",
		 text, subject, near);
	return -EINVAL;
}
