/*
 * frame - evidence as data.
 *
 * Design.  The writer works into one buffer of fixed size.  A member that does not fit is taken
 * back as a whole and its container ends there, so the result is JSON at every size; room for the
 * closing brackets and for the mark is kept aside.
 *
 * Which text is from outside is not left to the caller's care: what is not one plain word (a
 * name, an address, a number) is wrapped, whoever wrote it.  Wrapping too much costs a few bytes;
 * wrapping too little hands the model to whoever can name an interface.
 */
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "infer/infer.h"
#include "infer/strict.h"

#define FRAME_WORD_MAX	  48  /* bytes of a text that is shown bare */
#define FRAME_KEY_MAX	  48  /* of a key */
#define FRAME_OUTSIDE_MAX 256 /* of a text from outside; more is cut and ends in "..." */
#define FRAME_DEPTH_MAX	  12
#define FRAME_ROOM	  64 /* kept for FRAME_DEPTH_MAX brackets and the mark */

DEFINE_CLEANUP(cJSON *, cJSON_Delete);

struct frame {
	char *buf; /* INFER_INPUT_MAX bytes */
	size_t used;
	bool full;	/* the last write did not fit */
	bool truncated; /* something was left out */
};

static bool put_value(struct frame *f, const cJSON *v, unsigned depth);

static void put(struct frame *f, const char *text, size_t size)
{
	if (f->full || f->used + size > INFER_INPUT_MAX - FRAME_ROOM) {
		f->full = true;
		return;
	}
	memcpy(f->buf + f->used, text, size);
	f->used += size;
}

static void puts_(struct frame *f, const char *text)
{
	put(f, text, strlen(text));
}

/* Closing brackets always fit: FRAME_ROOM is theirs. */
static void close_with(struct frame *f, char bracket)
{
	f->buf[f->used++] = bracket;
}

/* A JSON string of at most 'max' bytes of 'text', what cannot be seen replaced by '?'. */
static void put_string(struct frame *f, const char *text, size_t max)
{
	const unsigned char *p = (const unsigned char *) text, *end = p + strlen(text);
	const unsigned char *stop = (size_t) (end - p) > max ? p + max : end;

	puts_(f, "\"");
	while (p < stop) {
		uint32_t cp;
		unsigned n = utf8_decode(p, end, &cp);

		if (n > 0 && p + n > stop)
			break;
		if (n == 0 || char_hidden(cp))
			puts_(f, "?");
		else if (*p == '"' || *p == '\\') {
			put(f, "\\", 1);
			put(f, (const char *) p, 1);
		} else
			put(f, (const char *) p, n);
		p += n > 0 ? n : 1;
	}
	if (p < end) {
		puts_(f, "...");
		f->truncated = true;
	}
	puts_(f, "\"");
}

/* A key is a name of the caller; should it come from outside, it cannot form a sentence. */
static void put_key(struct frame *f, const char *text)
{
	puts_(f, "\"");
	for (unsigned n = 0; *text && n < FRAME_KEY_MAX; text++, n++) {
		const char c[2] = { *text, '\0' };

		puts_(f, word_plain(c, 1) ? c : "_");
	}
	puts_(f, "\":");
}

static void put_outside(struct frame *f, const char *text)
{
	puts_(f, "{\"outside\":");
	put_string(f, text, FRAME_OUTSIDE_MAX);
	puts_(f, "}");
}

static void put_number(struct frame *f, double d)
{
	char text[32];

	if (!isfinite(d))
		snprintf(text, sizeof(text), "null");
	else if (d == floor(d) && fabs(d) < 1e15)
		snprintf(text, sizeof(text), "%.0f", d);
	else
		snprintf(text, sizeof(text), "%.6g", d);
	puts_(f, text);
}

/* The text of {"outside":"..."} as the caller wrapped it, or NULL. */
static const char *wrapped(const cJSON *v)
{
	const cJSON *m = v->child;

	return m && !m->next && m->string && strcmp(m->string, "outside") == 0 && cJSON_IsString(m)
		       ? m->valuestring
		       : NULL;
}

static void put_container(struct frame *f, const cJSON *v, unsigned depth)
{
	bool object = cJSON_IsObject(v);
	const cJSON *m;

	puts_(f, object ? "{" : "[");
	if (f->full)
		return;
	cJSON_ArrayForEach(m, v)
	{
		size_t before = f->used;

		if (m != v->child)
			puts_(f, ",");
		if (object)
			put_key(f, m->string);
		if (!put_value(f, m, depth + 1)) {
			f->used = before;
			f->full = false;
			f->truncated = true;
			break;
		}
	}
	close_with(f, object ? '}' : ']');
}

/* False: it did not fit, or lies too deep; the caller takes back what was written. */
static bool put_value(struct frame *f, const cJSON *v, unsigned depth)
{
	if (depth > FRAME_DEPTH_MAX)
		return false;

	if (cJSON_IsObject(v) && wrapped(v))
		put_outside(f, wrapped(v));
	else if (cJSON_IsObject(v) || cJSON_IsArray(v))
		put_container(f, v, depth);
	else if (cJSON_IsString(v) && word_plain(v->valuestring, FRAME_WORD_MAX))
		put_string(f, v->valuestring, FRAME_WORD_MAX);
	else if (cJSON_IsString(v))
		put_outside(f, v->valuestring);
	else if (cJSON_IsNumber(v))
		put_number(f, v->valuedouble);
	else
		puts_(f, cJSON_IsTrue(v) ? "true" : cJSON_IsFalse(v) ? "false" : "null");
	return !f->full;
}

char *evidence_frame(const char *input_json)
{
	static const char head[] = "{\"data\":", mark[] = ",\"truncated\":true";
	struct frame f = { .buf = malloc(INFER_INPUT_MAX) };
	_cleanup_(cJSON_Deletep) cJSON *root = cJSON_ParseWithOpts(input_json, NULL, true);
	char *small;

	if (!f.buf)
		return NULL;

	puts_(&f, head);
	if (!root)
		put_outside(&f, input_json);
	else if (!put_value(&f, root, 0)) {
		f.used = sizeof(head) - 1;
		f.full = false;
		f.truncated = true;
		puts_(&f, "null");
	}
	if (f.truncated) {
		memcpy(f.buf + f.used, mark, sizeof(mark) - 1);
		f.used += sizeof(mark) - 1;
	}
	close_with(&f, '}');
	close_with(&f, '\0');

	small = realloc(f.buf, f.used);
	return small ? small : f.buf;
}
