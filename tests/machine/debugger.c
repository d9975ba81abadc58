/*
 * Stands in for gdb where there is none: starts a guest with -g, sends packets, prints what comes of each.
 *
 * usage: debugger KITEMU [OPTION...] GUEST MODE -- PACKET...
 *
 * Ids of processes and threads, and registers that come unasked, are left out, so that every machine prints the same. The
 * exit status is the guest's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define SOCKET "/tmp/debugged"

static FILE *in, *out;

static void fail(const char *why)
{
	fprintf(stderr, "debugger: %s\n", why);
	exit(2);
}

/* The guest waits for a client; its process. */
static pid_t start(char **argv)
{
	enum { MOST = 16 };
	char *args[MOST + 3] = { argv[0], "-g", "unix:" SOCKET };
	pid_t pid;

	for (int i = 1; argv[i] && i < MOST; i++)
		args[i + 2] = argv[i];
	unlink(SOCKET);
	pid = fork();
	if (!pid) {
		execv(args[0], args);
		fail(args[0]);
	}
	return pid;
}

static void reach(void)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX, .sun_path = SOCKET };
	int s = socket(AF_UNIX, SOCK_STREAM, 0);

	for (int i = 0; connect(s, (struct sockaddr *)&at, sizeof at); i++) {
		if (i == 3000)
			fail("nobody listens");
		usleep(20000);
	}
	in = fdopen(s, "r");
	out = fdopen(dup(s), "w");
}

/* The reply to a packet. */
static const char *ask(const char *packet)
{
	static char reply[4096];
	unsigned sum = 0, n = 0;
	int c;

	for (const char *p = packet; *p; p++)
		sum += (unsigned char)*p;
	fprintf(out, "$%s#%02x", packet, sum & 0xff);
	fflush(out);
	while ((c = getc(in)) != '$')
		if (c == EOF)
			return "the end of the connection";
	while ((c = getc(in)) != '#' && c != EOF && n + 1 < sizeof reply)
		reply[n++] = (char)c;
	reply[n] = 0;
	(void)getc(in);
	(void)getc(in);
	return reply;
}

/* Of a stop or an end what is the same everywhere. */
static void print(const char *packet, const char *reply)
{
	char text[4096], *part, *rest = text + 3;

	strcpy(text, reply);
	if (!strchr("TWX", text[0]) || strlen(text) < 3) {
		printf("%s: %s\n", packet, text);
		return;
	}
	printf("%s: %.3s", packet, text);
	while ((part = strsep(&rest, ";")))
		if (strchr("fsvw", part[0]) && strchr(part, ':')) /* fork, swbreak, vfork, watch */
			printf(" %.*s", part[0] == 'w' ? -1 : (int)strcspn(part, ":"), part);
	printf("\n");
}

int main(int argc, char **argv)
{
	int i = 1, status;
	pid_t pid;

	while (i < argc && strcmp(argv[i], "--") != 0)
		i++;
	if (i == argc)
		fail("no packets");
	argv[i] = NULL;
	pid = start(argv + 1);
	reach();
	ask("qSupported:multiprocess+;swbreak+;hwbreak+;fork-events+;vfork-events+");
	ask("QStartNoAckMode");
	while (++i < argc)
		print(argv[i], ask(argv[i]));
	fclose(out);
	fclose(in);
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}
