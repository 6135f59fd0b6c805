/*
 * fuzz_snapshot - any bytes as a snapshot: no crash, no leak; what is read can be written and read
 * again to the same objects.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/snapshot.h"

#define SIZE_MAX_TESTED (16u << 10)

struct copy {
	struct model *m;
	FILE *f;
};

static int write_one(const struct anod_object *o, void *data)
{
	struct copy *c = data;
	char line[4096];

	snapshot_line(c->m, o, line, sizeof(line));
	(void) fprintf(c->f, "%s\n", line);
	return 0;
}

static int must_be_there(const struct anod_object *o, void *data)
{
	struct copy *c = data;
	struct anod_object got;

	if (model_get(c->m, o, &got) < 0 || memcmp(&got, o, sizeof(got)) != 0)
		abort();
	return 0;
}

static int read_again(struct model *m)
{
	_cleanup_(model_freep) struct model *back = model_new();
	struct diag_list diags = { 0 };
	struct copy c = { .m = m };
	char *text = NULL;
	size_t size;
	int r;

	c.f = open_memstream(&text, &size);
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES; t++)
		(void) model_each(m, (enum anod_obj_type) t, write_one, &c);
	(void) fclose(c.f);
	r = snapshot_read("again", text, size, back, NULL, NULL, &diags);
	c.m = back;
	for (int t = ANOD_OBJ_LINK; t < ANOD_OBJ_TYPES && r == 0; t++)
		(void) model_each(m, (enum anod_obj_type) t, must_be_there, &c);
	free(text);
	diag_done(&diags);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(model_freep) struct model *m = model_new();
	struct diag_list diags = { 0 };
	char *text;
	int r;

	if (!m || size > SIZE_MAX_TESTED)
		return 0;
	text = malloc(size + 1);
	if (!text)
		return 0;
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	r = snapshot_read("fuzz", text, size, m, NULL, NULL, &diags);
	if ((r < 0) != (diags.n_errors > 0))
		abort();
	if (r == 0 && read_again(m) < 0)
		abort();
	diag_done(&diags);
	free(text);
	return 0;
}
