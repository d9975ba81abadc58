/*
 * A program that embeds kitemu: runs a riscv64 program, tells what system calls it makes, and answers one of them itself.
 *
 *     cc example.c $(pkg-config --cflags --libs kitemu) -o example
 *     ./example ./prog args...
 */
#include <kitemu/kit.h>
#include <stdio.h>
#include <string.h>

enum { GETPID = 172, CALLS = 512 };

static unsigned made[CALLS];

/* Every guest is process 4711; all other calls are made. */
static bool on_call(void *context, struct kit_machine *m, uint64_t number, const uint64_t args[6],
		    int64_t *result)
{
	(void)context, (void)m, (void)args;
	made[number % CALLS]++;
	*result = 4711;
	return number == GETPID;
}

int main(int argc, char **argv)
{
	struct kit_machine *m = kit_machine_new(NULL);
	enum kit_stop why;
	int status = 1;

	if (!m || argc < 2
	    || !kit_machine_load_file(m, argv[1], (const char *const *)argv + 1, NULL)) {
		fprintf(stderr, "example: %s\n",
			argc < 2 ? "which program?" : kit_machine_error(m));
		kit_machine_free(m);
		return 1;
	}
	kit_machine_on_call(m, on_call, NULL);
	why = kit_machine_run(m);
	if (why == KIT_STOP_EXITED) {
		status = kit_machine_status(m);
		fprintf(stderr, "exit status %d\n", status);
	} else {
		struct kit_fault f = kit_machine_fault(m);

		fprintf(stderr, "%s at pc %#llx, address %#llx\n", strsignal(f.signal),
			(unsigned long long)kit_machine_pc(m), (unsigned long long)f.address);
	}
	for (unsigned n = 0; n < CALLS; n++)
		if (made[n])
			fprintf(stderr, "system call %u: %u\n", n, made[n]);
	kit_machine_free(m);
	return status;
}
