/*
 * Every tests/bad/NAME.conf gives exactly the messages of NAME.expected, and every
 * tests/good/NAME.conf loads.  With ANOD_UPDATE=1 the expectations are written anew.
 */
#include <criterion/criterion.h>
#include <glob.h>

#include "config_env.h"

#define BAD  SOURCE_DIR "/tests/bad"
#define GOOD SOURCE_DIR "/tests/good"

/* What loading 'path', relative to 'folder', says; *ret_r is its result. */
static char *messages(const struct schema *schema, const char *folder, const char *path, int *ret_r)
{
	struct config_env env = env_make(schema, folder);
	struct diag_list diags = { 0 };
	struct config *c = NULL;
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	*ret_r = config_load(path, &env, &diags, &c);
	cr_assert_not_null(f);
	diag_print(&diags, f);
	cr_assert_eq(fclose(f), 0);
	diag_done(&diags);
	config_free(c);
	return text;
}

static char *read_text(const char *path)
{
	char *text = NULL;
	size_t size = 0;

	if (config_read_file(NULL, path, &text, &size) < 0)
		return strdup("");
	return text;
}

/* Lines of one that are not in the other, as a diff shows them. */
static void show_lines(const char *text, const char *other, char sign)
{
	while (*text) {
		size_t n = strcspn(text, "\n");
		char *line = strndup(text, n);

		if (!strstr(other, line))
			fprintf(stderr, "%c %s\n", sign, line);
		free(line);
		text += n + (text[n] == '\n');
	}
}

static void check_bad(const struct schema *schema, const char *file)
{
	const char *name = strrchr(file, '/') + 1;
	char expected_path[512];
	char *said, *expected;
	int r;

	(void) snprintf(expected_path, sizeof(expected_path), "%.*s.expected",
			(int) (strlen(file) - strlen(".conf")), file);
	said = messages(schema, BAD, name, &r);
	if (getenv("ANOD_UPDATE")) {
		FILE *f = fopen(expected_path, "we");

		cr_assert_not_null(f);
		fputs(said, f);
		(void) fclose(f);
	}

	expected = read_text(expected_path);
	cr_expect(r < 0, "%s loads", name);
	cr_expect(*expected != '\0', "%s has no expectation", name);
	cr_expect(strcmp(said, expected) == 0, "%s says something else", name);
	if (strcmp(said, expected) != 0) {
		fprintf(stderr, "--- %s\n", name);
		show_lines(expected, said, '-');
		show_lines(said, expected, '+');
	}
	free(said);
	free(expected);
}

Test(bad_input, every_broken_file_gives_exactly_its_messages)
{
	struct schema *schema = env_schema();
	glob_t g;

	cr_assert_not_null(schema);
	cr_assert_eq(glob(BAD "/*.conf", 0, NULL, &g), 0);
	cr_expect_geq(g.gl_pathc, 60);
	for (size_t i = 0; i < g.gl_pathc; i++)
		check_bad(schema, g.gl_pathv[i]);
	globfree(&g);
	schema_free(schema);
}

Test(bad_input, every_good_file_loads)
{
	struct schema *schema = env_schema();
	glob_t g;

	cr_assert_not_null(schema);
	cr_assert_eq(glob(GOOD "/*.conf", 0, NULL, &g), 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char *said;
		int r;

		said = messages(schema, GOOD, strrchr(g.gl_pathv[i], '/') + 1, &r);
		cr_expect_eq(r, 0, "%s does not load:\n%s", g.gl_pathv[i], said);
		cr_expect_null(strstr(said, "error:"));
		free(said);
	}
	globfree(&g);
	schema_free(schema);
}
