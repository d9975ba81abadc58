/*
 * What the kernel starts for programs of another machine (scripts/emulate): qemu-user, with the processor that the tests
 * are for. The program's environment is its own: variables that qemu would take for itself come to it by -E.
 *
 * QEMU and CPU are strings that the compiler is given.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

extern char **environ;

enum { FIXED = 8 };

static int count(char **v)
{
	int n = 0;

	while (v[n])
		n++;
	return n;
}

/* argv: this program, the file, the file's argv. */
int main(int argc, char **argv)
{
	char **args = calloc((size_t)(FIXED + argc + 2 * count(environ)), sizeof *args);
	int n = 0, kept = 0;

	if (!args || argc < 3)
		return 125;
	args[n++] = QEMU;
	args[n++] = "-cpu";
	args[n++] = CPU;
	args[n++] = "-0";
	args[n++] = argv[2];
	for (char **e = environ; *e; e++) {
		if (strncmp(*e, "QEMU_", strlen("QEMU_")) != 0) {
			environ[kept++] = *e;
			continue;
		}
		args[n++] = "-E";
		args[n++] = *e;
	}
	environ[kept] = NULL;
	args[n++] = argv[1];
	memcpy(args + n, argv + 3, (size_t)(argc - 3) * sizeof *args);
	execve(QEMU, args, environ);
	perror(QEMU);
	return 125;
}
