/*
 * Machines as kit.h has them, in a program that is none of kitemu's: usage: machines GUEST hooked watched. The numbers are addresses of the
 * guest's function and variable, that of its touch() behind them. Prints what fails; exits with 1 then.
 */
#include <kitemu/kit.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *guest;
static uint64_t hooked_at, watched_at;
static int failures;
static const struct kit_config *config;

#define CHECK(x)                                                                                   \
	do {                                                                                       \
		if (!(x)) {                                                                        \
			printf("%s:%d: %s\n", __func__, __LINE__, #x);                             \
			failures++;                                                                \
		}                                                                                  \
	} while (0)

static struct kit_machine *loaded(const char *a, const char *b)
{
	const char *args[] = { "guest", a, b, NULL };
	struct kit_machine *m = kit_machine_new(config);

	CHECK(m && !*kit_machine_error(m));
	CHECK(kit_machine_load_file(m, guest, args, NULL));
	return m;
}

static bool answer(void *context, struct kit_machine *m, uint64_t number, const uint64_t args[6],
		   int64_t *result)
{
	const uint64_t *want = context;

	(void)m, (void)args;
	*result = 4711;
	return number == *want;
}

/* Gathers what the guest writes. */
struct text {
	char s[256];
	size_t n;
};

static bool gather(void *context, struct kit_machine *m, uint64_t number, const uint64_t args[6],
		   int64_t *result)
{
	struct text *t = context;

	if (number != 64 || args[0] != 1)
		return false;
	if (t->n + args[2] < sizeof t->s && kit_machine_read(m, args[1], t->s + t->n, args[2]))
		t->n += args[2];
	*result = (int64_t)args[2];
	return true;
}

static void calls(void)
{
	uint64_t getpid_number = 172;
	struct kit_machine *m = loaded("pid", NULL);
	struct text t = { .n = 0 };

	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 6);
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 6);
	kit_machine_on_call(m, answer, &getpid_number);
	CHECK(kit_machine_reset(m));
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 5);
	kit_machine_free(m);
	m = loaded("count", "100000");
	kit_machine_on_call(m, gather, &t);
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 3);
	CHECK(!strcmp(t.s, "5000050000 100000\n"));
	kit_machine_free(m);
}

static unsigned times;

static void counting(void *context, struct kit_machine *m, uint64_t address)
{
	CHECK(address == hooked_at && kit_machine_pc(m) == address);
	CHECK(kit_machine_reg(m, 10) == times++ % 1000);
	if (context)
		kit_machine_set_reg(m, 10, kit_machine_reg(m, 10) + 1);
}

/* In the function's place: returns to its caller. */
static void instead(void *context, struct kit_machine *m, uint64_t address)
{
	(void)context, (void)address;
	kit_machine_set_reg(m, 10, 1);
	kit_machine_set_pc(m, kit_machine_reg(m, 1));
}

static void stopping(void *context, struct kit_machine *m, uint64_t address)
{
	(void)context, (void)address;
	times++;
	kit_machine_stop(m);
}

static void addresses(void)
{
	struct kit_machine *m = loaded("count", "1000");
	struct text t = { .n = 0 };
	unsigned stops = 0;

	kit_machine_on_call(m, gather, &t);
	times = 0;
	CHECK(kit_machine_on_address(m, hooked_at, counting, &t));
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && times == 1000);
	CHECK(!strcmp(t.s, "501500 1000\n"));
	memset(&t, 0, sizeof t);
	CHECK(kit_machine_on_address(m, hooked_at, instead, NULL) && kit_machine_reset(m));
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && !strcmp(t.s, "1000 0\n"));
	memset(&t, 0, sizeof t);
	times = 0;
	CHECK(kit_machine_on_address(m, hooked_at, stopping, NULL) && kit_machine_reset(m));
	while (kit_machine_run(m) == KIT_STOP_ASKED) {
		CHECK(kit_machine_pc(m) == hooked_at);
		if (++stops == 600) /* by then it is translated, without */
			CHECK(kit_machine_on_address(m, hooked_at, NULL, NULL));
	}
	CHECK(stops == 600 && times == 600 && !strcmp(t.s, "500500 1000\n"));
	CHECK(!kit_machine_on_address(m, 1, counting, NULL)
	      && !kit_machine_on_address(m, 0x100, counting, NULL));
	kit_machine_free(m);
}

static void memory(void)
{
	struct kit_machine *m = loaded("touch", NULL);
	int64_t value = 0, list[4];
	unsigned writes = 0, reads = 0;
	enum kit_stop why;

	CHECK(kit_machine_read(m, watched_at, list, sizeof list) && list[0] == 1 && list[3] == 4);
	CHECK(!kit_machine_read(m, 0x100, &value, sizeof value));
	CHECK(!kit_machine_read(m, ~UINT64_C(0) - 3, &value, sizeof value));
	CHECK(!kit_machine_write(m, 0x7f0000000000, &value, sizeof value));
	CHECK(kit_machine_watch(m, watched_at + 8, 8, KIT_WATCH_WRITE));
	CHECK(kit_machine_watch(m, watched_at + 16, 8, KIT_WATCH_READ));
	while ((why = kit_machine_run(m)) == KIT_STOP_WATCHED) {
		if (kit_machine_fault(m).address == watched_at + 8) {
			CHECK(kit_machine_read(m, watched_at + 8, &value, sizeof value)
			      && value == 7);
			writes++;
		} else {
			CHECK(kit_machine_fault(m).address == watched_at + 16);
			reads++;
		}
	}
	/* main reads it too. */
	CHECK(why == KIT_STOP_EXITED && kit_machine_status(m) == 4 && writes == 1 && reads == 2);
	CHECK(kit_machine_watch(m, watched_at + 8, 8, 0)
	      && kit_machine_watch(m, watched_at + 16, 8, 0));
	CHECK(kit_machine_reset(m));
	value = 5;
	CHECK(kit_machine_read(m, watched_at + 8, list, sizeof list[0]) && list[0] == 2);
	CHECK(kit_machine_write(m, watched_at + 16, &value, sizeof value));
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 2);
	kit_machine_free(m);
}

static void ends(void)
{
	const char *const argv[] = { "g", "env", NULL }, *const envp[] = { "A=B", "VALUE=77",
									   NULL };
	struct kit_machine *m = loaded("crash", NULL);
	struct kit_fault f;
	uint64_t pc;

	CHECK(kit_machine_run(m) == KIT_STOP_SIGNAL);
	f = kit_machine_fault(m);
	pc = kit_machine_pc(m);
	CHECK(f.signal == SIGSEGV && f.code == SEGV_MAPERR && f.address == 0x123450);
	CHECK(kit_machine_run(m) == KIT_STOP_SIGNAL && kit_machine_pc(m) == pc);
	kit_machine_free(m);
	m = loaded("abort", NULL);
	CHECK(kit_machine_run(m) == KIT_STOP_SIGNAL && kit_machine_fault(m).signal == SIGABRT);
	kit_machine_free(m);
	m = loaded("fork", NULL);
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 8);
	CHECK(kit_machine_load_file(m, guest, argv, envp));
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && kit_machine_status(m) == 77);
	CHECK(!kit_machine_load_file(m, "/etc/passwd", NULL, NULL) && *kit_machine_error(m));
	CHECK(!kit_machine_load_file(m, "/no/such/file", NULL, NULL) && *kit_machine_error(m));
	CHECK(kit_machine_run(m) == KIT_STOP_EMPTY || kit_machine_status(m) == 77);
	CHECK(*kit_machine_error(NULL));
	kit_machine_free(m);
}

/* How often 100 blocks are stepped until the program, taken from memory, has counted so far. */
static unsigned steps_to(struct kit_machine *m, const char *data, size_t n, const char *most,
			 const char *says)
{
	const char *const argv[] = { "guest", "count", most, NULL };
	struct text t = { .n = 0 };
	unsigned steps = 0;
	enum kit_stop why;

	CHECK(kit_machine_load_bytes(m, data, n, argv, NULL));
	kit_machine_on_call(m, gather, &t);
	while ((why = kit_machine_step(m, 100)) == KIT_STOP_STEPPED)
		steps++;
	CHECK(why == KIT_STOP_EXITED && kit_machine_status(m) == 3 && !strcmp(t.s, says));
	return steps;
}

/* The program from memory; so many blocks at a time. */
static void bytes(void)
{
	FILE *f = fopen(guest, "rb");
	char *data = malloc(4 << 20);
	size_t n = f ? fread(data, 1, 4 << 20, f) : 0;
	struct kit_machine *m = kit_machine_new(config);
	unsigned none, many;

	fclose(f);
	CHECK(kit_machine_run(m) == KIT_STOP_EMPTY && !kit_machine_reset(m));
	CHECK(!kit_machine_load_bytes(m, "no program", 10, NULL, NULL) && *kit_machine_error(m));
	none = steps_to(m, data, n, "0", "0 0\n");
	many = steps_to(m, data, n, "2000", "2001000 2000\n");
	free(data);
	/* A turn of the loop is a call, a return and a branch: three blocks. */
	CHECK(many > none + 55 && many < none + 65);
	kit_machine_free(m);
}

static void *run_one(void *arg)
{
	struct text t = { .n = 0 };
	struct kit_machine *m = loaded("count", arg);

	kit_machine_on_call(m, gather, &t);
	for (int i = 0; i < 5; i++) {
		t.n = 0;
		CHECK(kit_machine_run(m) == KIT_STOP_EXITED && !strcmp(t.s, "12502500 5000\n"));
		CHECK(kit_machine_reset(m));
	}
	kit_machine_free(m);
	return NULL;
}

static void *stop_it(void *m)
{
	usleep(30000);
	kit_machine_stop(m);
	return NULL;
}

/* Several, in turn and in threads; one that would go on for ever is stopped from another thread. */
static void several(void)
{
	struct kit_machine *m[20];
	pthread_t t[4];

	for (int i = 0; i < 20; i++) {
		char n[16];

		snprintf(n, sizeof n, "%d", 100 + i);
		m[i] = loaded("count", n);
		kit_machine_on_call(m[i], gather, &(struct text){ .n = 0 });
	}
	for (int going = 20; going;) {
		going = 0;
		for (int i = 0; i < 20; i++) {
			struct text text = { .n = 0 };

			kit_machine_on_call(m[i], gather, &text);
			going += kit_machine_step(m[i], 500) == KIT_STOP_STEPPED;
		}
	}
	for (int i = 0; i < 20; i++) {
		CHECK(kit_machine_status(m[i]) == 3);
		kit_machine_free(m[i]);
	}
	for (int i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, run_one, "5000");
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	m[0] = loaded("spin", NULL);
	pthread_create(&t[0], NULL, stop_it, m[0]);
	CHECK(kit_machine_run(m[0]) == KIT_STOP_ASKED);
	pthread_join(t[0], NULL);
	kit_machine_free(m[0]);
}

/* Addresses run out at some time: that is said. */
static void room(void)
{
	enum { MOST = 1000 };
	static struct kit_machine *m[MOST];
	int n = 0;

	if (config && config->address_bits)
		return;
	while (n < MOST && (m[n] = kit_machine_new(config)) && !*kit_machine_error(m[n]))
		n++;
	CHECK(n > 100 && n < MOST && strstr(kit_machine_error(m[n]), "room"));
	CHECK(!kit_machine_load_file(m[n], guest, NULL, NULL));
	for (int i = 0; i <= n && i < MOST; i++)
		kit_machine_free(m[i]);
	kit_machine_free(loaded("count", "1"));
}

static sigjmp_buf jump;

static void on_segv(int sig, siginfo_t *info, void *uc)
{
	(void)sig, (void)uc;
	siglongjmp(jump, info->si_addr == (void *)0x40 ? 1 : 2);
}

/* The program's own faults stay its own. */
static void own_faults(void)
{
	struct kit_machine *m = loaded("count", "10");
	struct text t = { .n = 0 };
	int got = sigsetjmp(jump, 1);

	if (!got)
		*(volatile int *)0x40 = 1;
	CHECK(got == 1);
	kit_machine_on_call(m, gather, &t);
	CHECK(kit_machine_run(m) == KIT_STOP_EXITED && t.n);
	kit_machine_free(m);
}

int main(int argc, char **argv)
{
	const struct kit_config small = { .interpret = true, .address_bits = 32, .cpu = "rv64gc" };
	struct kit_machine *m;

	if (argc != 4)
		return 2;
	sigaction(SIGSEGV, &(struct sigaction){ .sa_sigaction = on_segv, .sa_flags = SA_SIGINFO },
		  NULL);
	guest = argv[1];
	hooked_at = strtoull(argv[2], NULL, 16);
	watched_at = strtoull(argv[3], NULL, 16);
	for (int i = 0; i < 2; i++, config = &small) {
		calls();
		addresses();
		memory();
		ends();
		bytes();
		several();
		own_faults();
		room();
	}
	m = kit_machine_new(&(struct kit_config){ .address_bits = 50 });
	CHECK(*kit_machine_error(m));
	kit_machine_free(m);
	m = kit_machine_new(&(struct kit_config){ .cpu = "none" });
	CHECK(*kit_machine_error(m));
	kit_machine_free(m);
	return failures > 0;
}
