/* Prints what options change: arguments, environment, the release, AT_RANDOM, the stack's limit. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

extern char **environ;

int main(int argc, char **argv)
{
	const unsigned char *r = (const unsigned char *)getauxval(AT_RANDOM);
	struct utsname u;

	if (argc > 1 && !strcmp(argv[1], "exec"))
		return execve("/proc/self/exe", argv + 1, environ);
	if (argc > 1 && !strcmp(argv[1], "cpuinfo")) {
		FILE *f = fopen("/proc/cpuinfo", "r");
		char line[256];

		while (fgets(line, sizeof line, f))
			if (!strncmp(line, "isa", 3))
				return fputs(line, stdout) < 0;
	}
	uname(&u);
	for (int i = 0; i < argc; i++)
		printf("argv[%d]=%s\n", i, argv[i]);
	for (char **e = environ; *e; e++)
		puts(*e);
	printf("release %s\nrandom ", u.release);
	for (int i = 0; i < 16; i++)
		printf("%02x", r[i]);
	printf("\nstack %#lx\n", (unsigned long)&u >> 12 << 12);
	return 0;
}
