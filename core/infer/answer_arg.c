/*
 * answer_arg - one argument of a proposed action against its description.
 *
 * Design.  A model's number is in the base unit that the schema names, so nothing is converted
 * here.  A TEXT is one of the description's words, one of the question's links, or at least a
 * plain word: never free text, which could be something that an outsider had written into the
 * evidence.
 */
#include "infer/answer.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "facts/value.h"
#include "infer/strict.h"

bool param_is_link(const struct anod_param *p)
{
	return p->type == ANOD_TEXT && p->entity && strcmp(p->entity, "link") == 0;
}

unsigned list_size(const char *const *list)
{
	unsigned n = 0;

	while (list && list[n])
		n++;
	return n;
}

bool list_has(const char *const *list, const char *word)
{
	for (; list && *list; list++)
		if (strcmp(*list, word) == 0)
			return true;
	return false;
}

const struct anod_action_desc *action_find(const struct anod_action_desc *const *actions,
					   const char *kind)
{
	for (; actions && *actions; actions++)
		if (strcmp((*actions)->kind, kind) == 0)
			return *actions;
	return NULL;
}

static int check_int(const struct anod_param *p, const cJSON *v, struct anod_value *ret, char *why,
		     size_t why_size)
{
	double d = v->valuedouble;

	if (!cJSON_IsNumber(v) || !isfinite(d) || d != floor(d) || fabs(d) > ANSWER_INT_MAX) {
		snprintf(why, why_size, "argument %s is not a whole number", p->name);
		return -EBADMSG;
	}
	if ((p->min || p->max) && (d < (double) p->min || d > (double) p->max)) {
		snprintf(why, why_size, "argument %s is not within %" PRId64 "..%" PRId64, p->name,
			 p->min, p->max);
		return -EBADMSG;
	}
	*ret = value_int((int64_t) d, p->unit);
	return 0;
}

static int check_text(const struct anod_param *p, const cJSON *v, const char *const *links,
		      struct anod_value *ret, char *why, size_t why_size)
{
	const char *t = v->valuestring;

	if (!cJSON_IsString(v) || strlen(t) >= ANOD_TEXT_SIZE)
		snprintf(why, why_size, "argument %s is not a text of at most %d bytes", p->name,
			 ANOD_TEXT_SIZE - 1);
	else if (param_is_link(p) && !list_has(links, t))
		snprintf(why, why_size, "argument %s is not one of the links in question", p->name);
	else if (p->words && !list_has(p->words, t))
		snprintf(why, why_size, "argument %s is not one of its words", p->name);
	else if (!word_plain(t, ANOD_TEXT_SIZE - 1))
		snprintf(why, why_size, "argument %s is not one plain word", p->name);
	else {
		*ret = value_text(t);
		return 0;
	}
	return -EBADMSG;
}

static int check_prefix(const struct anod_param *p, const cJSON *v, struct anod_value *ret,
			char *why, size_t why_size)
{
	struct anod_prefix prefix;

	if (!cJSON_IsString(v) || prefix_parse(v->valuestring, &prefix) < 0) {
		snprintf(why, why_size,
			 "argument %s is not an address or a prefix without host "
			 "bits",
			 p->name);
		return -EBADMSG;
	}
	*ret = value_prefix(&prefix);
	return 0;
}

int answer_check_arg(const struct anod_param *p, const cJSON *v, const char *const *links,
		     struct anod_value *ret, char *why, size_t why_size)
{
	switch ((enum anod_type) p->type) {
	case ANOD_BOOL:
		if (!cJSON_IsBool(v))
			break;
		*ret = value_bool(cJSON_IsTrue(v));
		return 0;
	case ANOD_INT:
		return check_int(p, v, ret, why, why_size);
	case ANOD_REAL:
		if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble))
			break;
		*ret = value_real(v->valuedouble, p->unit);
		return 0;
	case ANOD_TEXT:
		return check_text(p, v, links, ret, why, why_size);
	case ANOD_PREFIX:
		return check_prefix(p, v, ret, why, why_size);
	case ANOD_UNKNOWN:
		break;
	}
	snprintf(why, why_size, "argument %s has the wrong type", p->name);
	return -EBADMSG;
}
