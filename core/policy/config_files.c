/*
 * config_files - the usual way to read files and to find them by pattern.
 *
 * Design.  The only file of the policy that touches the file system; everything else goes
 * through struct config_env, so that tests and the fuzzer need no files.
 */
#include <errno.h>
#include <glob.h>
#include <string.h>
#include <sys/stat.h>

#include "policy/config.h"

int config_read_file(void *data, const char *path, char **ret_text, size_t *ret_size)
{
	_cleanup_(fclosep) FILE *f = fopen(path, "re");
	_cleanup_(freep) char *text = NULL;
	struct stat st;
	size_t n, room;

	(void) data;
	if (!f)
		return -errno;
	if (fstat(fileno(f), &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t) CONFIG_FILE_SIZE)
		return -EFBIG;

	/* Room for a file that grows meanwhile, and one byte more than is allowed. */
	room = MIN_OF((size_t) st.st_size + 4096, (size_t) CONFIG_FILE_SIZE + 1);
	text = malloc(room + 1);
	if (!text)
		return -ENOMEM;
	n = fread(text, 1, room, f);
	if (ferror(f))
		return -EIO;
	if (n > CONFIG_FILE_SIZE)
		return -EFBIG;

	text[n] = '\0';
	*ret_text = TAKE(text);
	*ret_size = n;
	return 0;
}

/* A folder that is not there matches nothing; one that cannot be read is an error. */
static int glob_error(const char *path, int error)
{
	(void) path;
	return error != ENOENT && error != ENOTDIR;
}

int config_glob(void *data, const char *pattern, char ***ret_paths)
{
	char **paths;
	glob_t g;
	int r;

	(void) data;
	r = glob(pattern, 0, glob_error, &g);
	if (r == GLOB_NOMATCH) {
		globfree(&g);
		g.gl_pathc = 0;
		paths = calloc(1, sizeof(*paths));
		*ret_paths = paths;
		return paths ? 0 : -ENOMEM;
	}
	if (r != 0) {
		globfree(&g);
		return r == GLOB_NOSPACE ? -ENOMEM : -EACCES;
	}

	paths = calloc(g.gl_pathc + 1, sizeof(*paths));
	r = paths ? (int) g.gl_pathc : -ENOMEM;
	for (size_t i = 0; paths && i < g.gl_pathc; i++) {
		paths[i] = strdup(g.gl_pathv[i]);
		if (!paths[i])
			r = -ENOMEM;
	}
	globfree(&g);
	if (r < 0) {
		for (char **p = paths; p && *p; p++)
			free(*p);
		free(paths);
		return r;
	}
	*ret_paths = paths;
	return r;
}
