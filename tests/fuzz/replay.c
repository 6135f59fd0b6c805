/*
 * replay - run a fuzz target over files: what a fuzzer once found is found again by "make check".
 *
 * usage: replay_NAME FILE|FOLDER...    prints "N inputs"
 */
#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned n_inputs;

static void run_file(const char *path, size_t size)
{
	FILE *f = fopen(path, "re");
	uint8_t *data;

	/* Exactly as large as the input, so that a sanitizer sees one byte too many. */
	data = malloc(size ? size : 1);
	if (!f || !data || fread(data, 1, size, f) != size) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	(void) fclose(f);
	(void) LLVMFuzzerTestOneInput(data, size);
	free(data);
	n_inputs++;
}

static void run(const char *path)
{
	char child[PATH_MAX];
	struct dirent *entry;
	struct stat st;
	DIR *folder;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		run_file(path, (size_t) st.st_size);
		return;
	}

	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		(void) snprintf(child, sizeof(child), "%s/%s", path, entry->d_name);
		run(child);
	}
	if (folder)
		(void) closedir(folder);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		run(argv[i]);
	printf("%u inputs\n", n_inputs);
	return n_inputs > 0 ? 0 : 1;
}
