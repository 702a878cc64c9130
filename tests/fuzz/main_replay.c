/* SPDX-License-Identifier: ISC */
/*
 * A main() that feeds files to LLVMFuzzerTestOneInput, so that any compiler can replay a corpus
 * without libFuzzer. Each input sits in a heap block of exactly its size: a read of one byte too
 * many is then an AddressSanitizer error, not a lucky zero.
 *
 * usage: fuzz_NAME FILE|DIRECTORY...
 */
#include <dirent.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int
replay_file(const char *path, size_t size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = malloc(size);
	int rc = -1;

	if (!file || (!data && size > 0)) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		goto out;
	}
	if (size > 0 && fread(data, 1, size, file) != size) {
		fprintf(stderr, "%s: short read\n", path);
		goto out;
	}
	LLVMFuzzerTestOneInput(data, size);
	rc = 0;
out:
	if (file)
		fclose(file);
	free(data);
	return rc;
}

/* Returns how many files were replayed, or -1. */
static long
replay_path(const char *path)
{
	struct dirent **entries = NULL;
	struct stat st;
	long total = 0;
	int count;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	if (!S_ISDIR(st.st_mode))
		return replay_file(path, (size_t)st.st_size) < 0 ? -1 : 1;

	count = scandir(path, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "%s: %s\n", path, strerror(errno));
		return -1;
	}
	for (int i = 0; i < count; i++) {
		char child[4096];
		long done = 0;

		if (entries[i]->d_name[0] != '.') {
			snprintf(child, sizeof(child), "%s/%s", path, entries[i]->d_name);
			done = replay_path(child);
		}
		total = done < 0 || total < 0 ? -1 : total + done;
		free(entries[i]);
	}
	free(entries);
	return total;
}

int
main(int argc, char **argv)
{
	long total = 0;

	for (int i = 1; i < argc; i++) {
		long done = replay_path(argv[i]);

		if (done < 0)
			return 1;
		total += done;
	}
	printf("%ld inputs\n", total);
	return 0;
}
