/*
 * reflexes_file - what of the reflexes outlives a restart.
 *
 * Design.  "reflexes.json" in the state folder: whose the open transactions are, what puts a
 * primary back that is not yet, and the account of the last firings.  The ledger has the records of
 * all that; the file only saves reading it at every start.  Written beside and renamed, not synced:
 * after a loss of power nothing of it is so any more, and the account may lack its last line.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/log.h"
#include "host/reflexes_int.h"
#include "policy/action_text.h"

#define FILE_NAME "reflexes.json"

static void file_path(const struct host *h, const char *end, char *ret, size_t size)
{
	(void) snprintf(ret, size, "%s/" FILE_NAME "%s", h->state_dir, end);
}

/* ---- writing --------------------------------------------------------------------------------- */

static cJSON *firing_json(const struct firing *f)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "tx", (double) f->tx);
	cJSON_AddNumberToObject(o, "wall_us", (double) f->wall_us);
	cJSON_AddNumberToObject(o, "cause", f->cause);
	cJSON_AddNumberToObject(o, "took_ns", (double) f->took_ns);
	cJSON_AddNumberToObject(o, "end", f->end);
	cJSON_AddNumberToObject(o, "settled_us", (double) f->settled_us);
	cJSON_AddStringToObject(o, "why", f->why);
	return o;
}

static cJSON *one_json(const struct reflex *x)
{
	cJSON *o = cJSON_CreateObject(), *list;
	char text[512];

	cJSON_AddStringToObject(o, "name", x->name);
	cJSON_AddNumberToObject(o, "slot", x->slot);
	cJSON_AddNumberToObject(o, "tx", (double) x->tx);
	cJSON_AddNumberToObject(o, "fired", (double) x->n_fired);
	cJSON_AddNumberToObject(o, "verified", (double) x->n_verified);
	cJSON_AddNumberToObject(o, "undone", (double) x->n_undone);
	/* Nothing is to be put back of one that has not fired. */
	list = cJSON_AddArrayToObject(o, "back");
	for (unsigned i = 0; i < x->n_back; i++)
		cJSON_AddItemToArray(
			list, cJSON_CreateString(action_format(&x->back[i], text, sizeof(text))));
	cJSON_AddBoolToObject(o, "out", x->phase >= REFLEX_FIRED);
	list = cJSON_AddArrayToObject(o, "firings");
	for (unsigned i = 0; i < x->n_firings; i++)
		cJSON_AddItemToArray(list, firing_json(&x->firing[i]));
	return o;
}

static int write_text(const struct host *h, const char *text)
{
	char path[600], tmp[600];
	_cleanup_(closep) int fd = -1;
	ssize_t n = (ssize_t) strlen(text), done;

	file_path(h, "", path, sizeof(path));
	file_path(h, ".new", tmp, sizeof(tmp));
	fd = open(tmp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	done = write(fd, text, (size_t) n);
	if (done != n)
		return done < 0 ? -errno : -ENOSPC;
	return rename(tmp, path) < 0 ? -errno : 0;
}

void reflexes_save(struct reflexes *s)
{
	cJSON *o = cJSON_CreateObject(), *list = cJSON_AddArrayToObject(o, "reflexes");
	_cleanup_(freep) char *text = NULL;
	int r;

	for (unsigned i = 0; i < s->n; i++)
		cJSON_AddItemToArray(list, one_json(s->item[i]));
	text = cJSON_PrintUnformatted(o);
	cJSON_Delete(o);
	r = text ? write_text(s->h, text) : -ENOMEM;
	if (r < 0)
		log_warning("%s/" FILE_NAME ": %s", s->h->state_dir, strerror(-r));
}

/* ---- reading --------------------------------------------------------------------------------- */

static double number(const cJSON *o, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(o, name);

	return cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble < 9e15 ? v->valuedouble
										 : 0;
}

static const char *text_of(const cJSON *o, const char *name)
{
	const char *v = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(o, name));

	return v ? v : "";
}

static void read_firing(struct reflex *x, const cJSON *o)
{
	struct firing *f;

	if (!cJSON_IsObject(o) || x->n_firings == FIRINGS_KEPT)
		return;
	f = &x->firing[x->n_firings++];
	*f = (struct firing){ .tx = (uint64_t) number(o, "tx"),
			      .wall_us = (uint64_t) number(o, "wall_us"),
			      .cause = (uint32_t) number(o, "cause"),
			      .took_ns = (uint64_t) number(o, "took_ns"),
			      .settled_us = (uint64_t) number(o, "settled_us"),
			      .end = number(o, "end") <= FIRING_UNSURE
					     ? (enum firing_end) number(o, "end")
					     : FIRING_UNSURE };
	(void) copy_text(f->why, sizeof(f->why), text_of(o, "why"));
}

static void read_back(struct reflex *x, const cJSON *text)
{
	struct diag_list diags = { 0 };
	struct lexer l;

	if (!cJSON_IsString(text) || x->n_back == ANOD_ACTIONS_MAX)
		return;
	lex_init(&l, FILE_NAME, text->valuestring, strlen(text->valuestring));
	if (action_parse(&l, (const struct anod_action_desc *const *) x->h->plugins->actions,
			 &diags, &x->back[x->n_back]) == 0)
		x->n_back++;
	diag_done(&diags);
}

static void read_one(struct reflexes *s, const cJSON *o)
{
	struct reflex *x = calloc(1, sizeof(*x));
	const cJSON *i;

	if (!x || !text_of(o, "name")[0] || number(o, "slot") >= REFLEX_SLOTS) {
		free(x);
		return;
	}
	x->h = s->h;
	(void) copy_text(x->name, sizeof(x->name), text_of(o, "name"));
	x->slot = (unsigned) number(o, "slot");
	for (unsigned k = 0; k < s->n; k++)
		if (s->item[k]->slot == x->slot || strcmp(s->item[k]->name, x->name) == 0) {
			free(x);
			return;
		}
	x->tx = (uint64_t) number(o, "tx");
	x->n_fired = (uint64_t) number(o, "fired");
	x->n_verified = (uint64_t) number(o, "verified");
	x->n_undone = (uint64_t) number(o, "undone");
	cJSON_ArrayForEach(i, cJSON_GetObjectItemCaseSensitive(o, "back")) read_back(x, i);
	cJSON_ArrayForEach(i, cJSON_GetObjectItemCaseSensitive(o, "firings")) read_firing(x, i);
	rfx_enter(x, REFLEX_WAITING, "anod has just started");
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(o, "out")) && !x->tx && x->n_back)
		rfx_enter(x, REFLEX_REFRACTORY, "%s", "");
	else if (!x->tx)
		x->n_back = 0;
	s->item[s->n++] = x;
}

void reflexes_load(struct reflexes *s)
{
	_cleanup_(freep) char *text = NULL;
	const cJSON *i;
	char path[600];
	size_t size;
	cJSON *o;
	int r;

	file_path(s->h, "", path, sizeof(path));
	r = config_read_file(NULL, path, &text, &size);
	if (r == -ENOENT)
		return;
	o = r < 0 ? NULL : cJSON_ParseWithLength(text, size);
	if (!o) {
		log_warning("%s: %s; the account of the reflexes begins anew", path,
			    r < 0 ? strerror(-r) : "it is damaged");
		return;
	}
	cJSON_ArrayForEach(i, cJSON_GetObjectItemCaseSensitive(o, "reflexes"))
	{
		if (s->n < REFLEXES_MAX)
			read_one(s, i);
	}
	cJSON_Delete(o);
}
