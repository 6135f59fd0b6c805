/*
 * fuzz_config - any bytes as a configuration: neither a crash, nor a leak, nor a loop.
 *
 * The same bytes are the file and what it includes.  What loads must load again to the same hash.
 */
#include "config_env.h"
#include "policy/analyse.h"

#define SIZE_MAX_TESTED (64u << 10)

struct input {
	const uint8_t *data;
	size_t size;
};

static int read_input(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	static const char other[] = "set other = link { wan0 }\n";
	const struct input *in = data;
	bool first = strcmp(path, "fuzz.conf") == 0;
	size_t size = first ? in->size : strlen(other);
	char *text;

	if (!first && strcmp(path, "other.policy") != 0)
		return -ENOENT;
	text = malloc(size + 1);
	if (!text)
		return -ENOMEM;
	if (size > 0)
		memcpy(text, first ? (const char *) in->data : other, size);
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static int glob_input(void *data, const char *pattern, char ***ret_paths)
{
	char **paths = calloc(2, sizeof(*paths));

	(void) data;
	if (!paths)
		return -ENOMEM;
	if (pattern[0] == 'o')
		paths[0] = strdup("other.policy");
	*ret_paths = paths;
	return paths[0] ? 1 : 0;
}

static struct config *load(const struct schema *schema, struct input *in)
{
	struct config_env env = env_make(schema, NULL);
	struct diag_list diags = { 0 };
	struct config *c = NULL;
	FILE *null = fopen("/dev/null", "we");
	int r;

	env.read_file = read_input;
	env.glob = glob_input;
	env.data = in;
	r = config_load("fuzz.conf", &env, &diags, &c);
	if ((r < 0) != (c == NULL) || (r < 0) != (diags.n_errors > 0))
		abort(); /* an error says why, and only an error does */
	if (null) {
		diag_print(&diags, null);
		(void) fclose(null);
	}
	/* What loads is looked through as well, and that never fails. */
	if (c && analyse_load(c, &env, &diags) < 0)
		abort();
	diag_done(&diags);
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct schema *schema;
	struct input in = { data, size };
	struct config *a, *b;

	if (size > SIZE_MAX_TESTED)
		return 0;
	if (!schema)
		schema = env_schema();
	a = load(schema, &in);
	if (!a)
		return 0;
	b = load(schema, &in);
	if (!b || memcmp(a->hash, b->hash, sizeof(a->hash)) != 0)
		abort();
	config_free(a);
	config_free(b);
	return 0;
}
