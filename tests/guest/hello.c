/* guest: args=one,two,-x status=42 */
/* Arguments, environment, stdio, exit handlers, exit status. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

extern char **environ;

static void bye(void) { puts("bye"); }

__attribute__((constructor)) static void early(void) { puts("constructor"); }
__attribute__((destructor)) static void late(void) { puts("destructor"); }

int main(int argc, char **argv)
{
	int env = 0;

	atexit(bye);
	printf("hello, %d arguments\n", argc - 1);
	for (int i = 1; i < argc; i++)
		printf("argv[%d] = %s\n", i, argv[i]);
	printf("argv[argc] %s\n", argv[argc] ? "?" : "NULL");
	for (char **e = environ; *e; e++)
		env++;
	printf("environment %s, PATH %s\n", env ? "is there" : "is empty",
	       getenv("PATH") ? "is set" : "is not set");
	setenv("GUEST", "yes", 1);
	printf("GUEST=%s\n", getenv("GUEST"));
	return 42;
}
