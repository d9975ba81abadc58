/* The file of records that processes share (runtime/jit/store.c): what is found, what damage does, who comes in between. */
#include "lib/base/hash.h"
#include "runtime/jit/store.h"
#include "tests/unit/check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { RECORDS = 200 };

static char folder[64];

static void remove_folder(void)
{
	char command[128];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (system(command))
		perror(command);
}

static __attribute__((constructor)) void make_folder(void)
{
	snprintf(folder, sizeof folder, "/tmp/test_store.XXXXXX");
	if (!mkdtemp(folder)) {
		perror(folder);
		exit(1);
	}
	atexit(remove_folder);
}

/* A record of its own length and bytes for each key, and for each time it is written. */
static uint32_t size_of(uint64_t key) { return 8 + (uint32_t)(kit_mix64(key) % 600); }

static void fill(uint8_t *to, uint64_t key, uint8_t time)
{
	for (uint32_t i = 0; i < size_of(key); i++)
		to[i] = (uint8_t)(kit_mix64(key + i) + time);
}

static void add(struct store *s, uint64_t from, uint64_t to, uint8_t time)
{
	for (uint64_t key = from; key < to; key++) {
		uint8_t *room = store_add(s, key, size_of(key));

		if (CHECK(room != NULL))
			fill(room, key, time);
	}
}

/* 1: it is there, as of that time; 0: there is none; -1: something else. */
static int look(const struct store *s, uint64_t key, uint8_t time)
{
	uint8_t want[1024];
	uint32_t bytes;
	const void *got = store_find(s, key, &bytes);

	fill(want, key, time);
	if (!got)
		return 0;
	return bytes == size_of(key) && !memcmp(got, want, bytes) ? 1 : -1;
}

static void check_all(const char *name, uint64_t from, uint64_t to, uint8_t time)
{
	struct store s;

	if (!CHECK(store_open(&s, folder, name)))
		return;
	for (uint64_t key = from; key < to; key++)
		CHECK_EQ(look(&s, key, time), 1);
	CHECK_EQ(look(&s, to + 1000000, time), 0);
	store_close(&s);
	CHECK(!store_has(&s, from));
}

/* Runs add to the file until there are as many segments as there may be, then it becomes one. */
static void test_grows(void)
{
	uint64_t n = 0;

	for (unsigned run = 0; run < 3 * STORE_SEGMENTS; run++) {
		struct store s;
		uint64_t more = run ? RECORDS / 4 : RECORDS;

		if (!CHECK(store_open(&s, folder, "grows")))
			return;
		CHECK_EQ(s.records, n);
		CHECK(s.segment_count <= STORE_SEGMENTS);
		add(&s, n, n + more, 0);
		CHECK_EQ(look(&s, n, 0), 0);
		CHECK(store_write(&s));
		n += more;
		check_all("grows", 0, n, 0);
	}
}

static void test_newest(void)
{
	for (uint8_t time = 0; time < 10; time++) {
		struct store s;

		if (!CHECK(store_open(&s, folder, "newest")))
			return;
		add(&s, 0, time ? 20 : RECORDS, time);
		add(&s, 0, 10, (uint8_t)(time + 100));
		CHECK(store_write(&s));
		check_all("newest", 0, 10, (uint8_t)(time + 100));
		check_all("newest", 10, 20, time);
		check_all("newest", 20, RECORDS, 0);
	}
}

static void test_dropped(void)
{
	struct store s;

	CHECK(store_open(&s, folder, "dropped"));
	add(&s, 0, 10, 0);
	store_drop(&s);
	CHECK(!store_write(&s));
	add(&s, 20, 30, 0);
	CHECK(store_write(&s));
	check_all("dropped", 20, 30, 0);
	CHECK(store_open(&s, folder, "dropped"));
	CHECK_EQ(look(&s, 5, 0), 0);
}

/* A byte that is another one, a file that is shorter or longer: each record is there as it was, or is not. */
static void test_damage(void)
{
	char path[128];
	struct stat st;
	struct store s;
	uint8_t *whole;
	int fd;

	CHECK(store_open(&s, folder, "damage"));
	add(&s, 0, 20, 0);
	CHECK(store_write(&s));
	snprintf(path, sizeof path, "%s/damage", folder);
	fd = open(path, O_RDWR);
	if (!CHECK(fd >= 0 && fstat(fd, &st) == 0))
		return;
	whole = malloc((size_t)st.st_size);
	CHECK(pread(fd, whole, (size_t)st.st_size, 0) == st.st_size);
	for (uint64_t n = 0; n < 3000; n++) {
		const uint64_t random = kit_mix64(kit_mix64(n + 1) + n);
		const off_t at = (off_t)(random % (n < 1000 ? 128 : (uint64_t)st.st_size));
		const uint8_t byte = (uint8_t)(whole[at] ^ (1 + (random >> 40) % 255));
		unsigned found = 0;

		CHECK(pwrite(fd, &byte, 1, at) == 1);
		if (n % 3 == 0)
			CHECK(ftruncate(fd, (off_t)((random >> 20) % (uint64_t)st.st_size)) == 0);
		CHECK(store_open(&s, folder, "damage"));
		for (uint64_t key = 0; key < 20; key++) {
			const int is = look(&s, key, 0);

			CHECK(is >= 0);
			found += is == 1;
		}
		CHECK(n % 3 == 0 || at < 32 || found >= 1);
		/* Whatever is there, more can be added. */
		if (n % 50 == 0) {
			add(&s, 100, 110, 0);
			CHECK(store_write(&s));
			check_all("damage", 100, 110, 0);
			close(fd);
			fd = open(path, O_RDWR | O_TRUNC);
		}
		CHECK(ftruncate(fd, st.st_size) == 0);
		CHECK(pwrite(fd, whole, (size_t)st.st_size, 0) == st.st_size);
	}
	close(fd);
	free(whole);
}

/* What many write at once is there, or is not because somebody else was writing. */
static void test_together(void)
{
	enum { WRITERS = 8, ROUNDS = 20 };
	struct store s;
	unsigned found = 0;

	for (uint64_t w = 0; w < WRITERS; w++)
		if (fork() == 0) {
			for (uint64_t n = 0; n < ROUNDS; n++) {
				store_open(&s, folder, "together");
				add(&s, (w * ROUNDS + n) * 10, (w * ROUNDS + n) * 10 + 10, 0);
				store_write(&s);
			}
			_exit(check_failed != 0);
		}
	for (unsigned w = 0; w < WRITERS; w++) {
		int status = -1;

		wait(&status);
		CHECK_EQ(status, 0);
	}
	CHECK(store_open(&s, folder, "together"));
	for (uint64_t key = 0; key < WRITERS * ROUNDS * 10; key++) {
		const int is = look(&s, key, 0);

		CHECK(is >= 0);
		found += is == 1;
	}
	CHECK(found >= ROUNDS * 10);
}

/* A folder that others can write to, a file that is none, a folder that is another one by now. */
static void test_refused(void)
{
	char path[128], other[160];
	struct store s;

	snprintf(path, sizeof path, "%s/open", folder);
	CHECK(mkdir(path, 0700) == 0 && chmod(path, 0777) == 0);
	CHECK(!store_open(&s, path, "x"));
	CHECK(store_add(&s, 1, 8) == NULL && !store_write(&s) && !store_has(&s, 1));
	CHECK(!store_open(&s, "/dev/null", "x"));
	snprintf(path, sizeof path, "%s/deep/er", folder);
	CHECK(store_open(&s, path, "x"));
	add(&s, 0, 10, 0);
	snprintf(other, sizeof other, "%s/moved", folder);
	CHECK(rename(path, other) == 0 && mkdir(path, 0700) == 0);
	CHECK(!store_write(&s));
	CHECK(store_open(&s, path, "link"));
	add(&s, 0, 10, 0);
	snprintf(other, sizeof other, "%s/link", path);
	CHECK(symlink("/etc/passwd", other) == 0);
	CHECK(!store_write(&s));
}

CHECK_MAIN(test_grows, test_newest, test_dropped, test_damage, test_together, test_refused)
