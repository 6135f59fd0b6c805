/*
 * replay - run a fuzz target over files, once each, without a fuzzer.
 *
 * Takes files and folders; prints how many inputs were tried.  A target that finds something
 * ends the program by abort().
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static int replay_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(size + 1);
	size_t n;

	if (!f || !data) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	n = fread(data, 1, size, f);
	(void) fclose(f);
	/* A copy of the exact size, so that a sanitizer sees a read behind the end. */
	data = realloc(data, n > 0 ? n : 1);
	(void) LLVMFuzzerTestOneInput(data, n);
	free(data);
	n_inputs++;
	return 0;
}

static int replay(const char *path)
{
	struct stat st;
	struct dirent *e;
	DIR *d;
	int r = 0;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t) st.st_size);

	d = opendir(path);
	if (!d) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return 1;
	}
	while (r == 0 && (e = readdir(d))) {
		char inner[4096];

		if (e->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, e->d_name);
		r = replay(inner);
	}
	(void) closedir(d);
	return r;
}

int main(int argc, char **argv)
{
	int r = 0;

	for (int i = 1; r == 0 && i < argc; i++)
		r = replay(argv[i]);
	printf("%u inputs\n", n_inputs);
	return r;
}
