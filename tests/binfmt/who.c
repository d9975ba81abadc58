/* Prints how it was started: arguments, ids, AT_SECURE, AT_EXECFN; "exec PROGRAM..." executes that first. */
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc > 2 && !strcmp(argv[1], "exec")) {
		execv(argv[2], argv + 2);
		perror(argv[2]);
		return 1;
	}
	printf("%d/%d %d/%d secure %lu execfn %s", getuid(), geteuid(), getgid(), getegid(),
	       getauxval(AT_SECURE), (const char *)getauxval(AT_EXECFN));
	for (int i = 0; i < argc; i++)
		printf(" [%s]", argv[i]);
	puts("");
	return argc;
}
