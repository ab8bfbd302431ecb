/*
 * Gives each file named to a fuzzer, as libFuzzer would: so a corpus is
 * replayed where there is no libFuzzer.  usage: replay file ...
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
replay(const char *name)
{
	struct stat st;
	uint8_t *data;
	size_t size;
	FILE *f;

	if ((f = fopen(name, "rb")) == NULL || fstat(fileno(f), &st) == -1)
		err(1, "%s", name);
	size = (size_t)st.st_size;
	if ((data = malloc(size > 0 ? size : 1)) == NULL)
		err(1, "%s", name);
	if (fread(data, 1, size, f) != size)
		err(1, "%s", name);
	fclose(f);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
}

int
main(int argc, char *argv[])
{
	if (argc < 2)
		errx(1, "no file to replay");
	for (int i = 1; i < argc; i++)
		replay(argv[i]);
	printf("%d inputs replayed\n", argc - 1);
	return 0;
}
