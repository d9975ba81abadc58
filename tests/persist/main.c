/* What big.c does with its functions (tests/persist/run), as its argument says. */
static void *thread(void *arg) { return (void *)work((unsigned long)arg); }

/* Eight at once, whose results are told in order. */
static void threads(void)
{
	pthread_t id[8];

	for (unsigned long n = 0; n < 8; n++)
		pthread_create(&id[n], NULL, thread, (void *)n);
	for (unsigned n = 0; n < 8; n++) {
		void *x;

		pthread_join(id[n], &x);
		printf("%lx\n", (unsigned long)x);
	}
}

static void forks(void)
{
	for (unsigned long n = 0; n < 8; n++) {
		int status;

		fflush(stdout);
		if (fork() == 0) {
			printf("%lx\n", work(n));
			exit(0);
		}
		wait(&status);
		printf("%d\n", status);
	}
}

/* One of four, each of other functions. */
static unsigned long part(unsigned number)
{
	static unsigned long (*const parts[])(unsigned long) = { part0, part1, part2, part3 };
	unsigned long x = number;

	for (int i = 0; i < 200; i++)
		x = parts[number % 4](x);
	return x;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	switch (*what) {
	case 't':
		threads();
		return 0;
	case 'f':
		forks();
		return 0;
	case 'e':
		printf("%lx\n", work(3));
		fflush(stdout);
		execl("/proc/self/exe", argv[0], (char *)NULL);
		return 1;
	case 'p':
		printf("%lx\n", part((unsigned)atoi(argv[2])));
		return 0;
	case 'c':
		chdir("/");
		break;
	}
	printf("%lx\n", work(1));
	return 0;
}
