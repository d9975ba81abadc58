/* Records in a file that processes share; see store.h. */
#include "runtime/jit/store.h"

#include "lib/base/bits.h"
#include "lib/base/hash.h"
#include "runtime/mem/mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum {
	ALIGN_BYTES = 8,
	FIRST_BYTES = 1 << 16,
	HIGH_FD = 512, /* a number that a guest's close_range or dup2 hits less easily */
	FRESH_MAX_BYTES = 64 << 20,
	PATH_BYTES = 4096,
	STALE_SECONDS = 86400, /* a file is said to be in use once a day */
};

static const char magic[8] = "kitstor1";

struct file_head {
	char magic[8];
	uint64_t used_bytes; /* of the file: what lies behind is none of it; written last */
};

struct segment_head {
	uint64_t bytes;      /* with this head */
	uint32_t slot_count; /* a power of two */
	uint32_t count;      /* of records */
};

/* Free: bytes is 0. */
struct store_slot {
	uint64_t key;
	uint32_t at,
	    bytes; /* the record: in the segment, in units of ALIGN_BYTES; and how long it is */
	uint64_t check;
};

static uint64_t check_of(uint64_t key, const void *record, uint32_t bytes)
{
	return kit_mix64(kit_hash(record, bytes) ^ key);
}

/* ---- reading ------------------------------------------------------------------------------------- */

static const struct store_slot *slot_at(const struct store_segment *g, uint64_t key)
{
	const uint32_t mask = g->slot_count - 1;

	for (uint32_t n = 0, i = (uint32_t)key & mask; n < g->slot_count; n++, i = (i + 1) & mask) {
		if (!g->slot[i].bytes)
			return NULL;
		if (g->slot[i].key == key)
			return &g->slot[i];
	}
	return NULL;
}

/* The record of a slot, if it is whole. */
static const void *record_of(const struct store_segment *g, const struct store_slot *slot)
{
	const uint64_t at = (uint64_t)slot->at * ALIGN_BYTES;
	const uint8_t *record = g->at + at;

	return at <= g->bytes && slot->bytes <= g->bytes - at
		       && check_of(slot->key, record, slot->bytes) == slot->check
		   ? record
		   : NULL;
}

const void *store_find(const struct store *s, uint64_t key, uint32_t *bytes)
{
	for (unsigned n = s->segment_count; n--;) {
		const struct store_slot *slot = slot_at(&s->segment[n], key);
		const void *record = slot ? record_of(&s->segment[n], slot) : NULL;

		if (!record)
			continue;
		*bytes = slot->bytes;
		return record;
	}
	return NULL;
}

bool store_has(const struct store *s, uint64_t key)
{
	for (unsigned n = s->segment_count; n--;)
		if (slot_at(&s->segment[n], key))
			return true;
	return false;
}

/* Maps a file of so many bytes, and finds its segments. */
static void read_file(struct store *s, int fd, uint64_t file_bytes)
{
	const struct file_head *head;
	const uint8_t *at;
	uint64_t pos = sizeof *head;

	if (file_bytes < sizeof *head || file_bytes > STORE_FILE_MAX_BYTES)
		return;
	s->map = at = mem_file_map(fd, (size_t)file_bytes);
	if (!at)
		return;
	s->map_bytes = (size_t)file_bytes;
	head = s->map;
	if (memcmp(head->magic, magic, sizeof magic) || head->used_bytes > file_bytes)
		return;
	file_bytes = head->used_bytes;
	while (s->segment_count < STORE_SEGMENTS
	       && pos + sizeof(struct segment_head) <= file_bytes) {
		const struct segment_head *h = (const void *)(at + pos);
		const uint64_t slots = (uint64_t)h->slot_count * sizeof(struct store_slot);

		if (h->bytes > file_bytes - pos || h->bytes % ALIGN_BYTES || !h->slot_count
		    || h->slot_count & (h->slot_count - 1) || h->bytes < sizeof *h + slots)
			return;
		s->segment[s->segment_count++] = (struct store_segment){
			.at = at + pos,
			.slot = (const void *)(h + 1),
			.bytes = h->bytes,
			.slot_count = h->slot_count,
			.count = h->count,
		};
		s->records += h->count;
		pos += h->bytes;
	}
}

/* The user's own, and nobody else may write to it. */
static bool is_own(const struct stat *st)
{
	return st->st_uid == geteuid() && !(st->st_mode & (S_IWGRP | S_IWOTH));
}

/* Opens the file if it is a plain one of the user's; -1: there is none. */
static int open_own(const char *path, int flags, struct stat *st)
{
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600), high;

	if (fd < 0)
		return -1;
	if (fstat(fd, st) < 0 || !S_ISREG(st->st_mode) || !is_own(st)) {
		close(fd);
		return -1;
	}
	high = fcntl(fd, F_DUPFD_CLOEXEC, HIGH_FD);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

/* So that those used last are known, whose access times the file system may not keep. */
static void note_use(int fd, const struct stat *st)
{
	if (time(NULL) - st->st_mtime > STALE_SECONDS)
		futimens(fd, NULL);
}

/* Makes folder and those above it. */
static void make_folders(const char *folder)
{
	char path[PATH_BYTES];
	const size_t n = strlen(folder);

	if (n >= sizeof path || mkdir(folder, 0700) == 0 || errno != ENOENT)
		return;
	memcpy(path, folder, n + 1);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i])
			continue;
		path[i] = 0;
		mkdir(path, 0700);
		path[i] = '/';
	}
}

static bool same_folder(const struct store *s)
{
	struct stat st;

	return stat(s->folder, &st) == 0 && st.st_dev == s->folder_dev
	       && st.st_ino == s->folder_ino;
}

static const char *look_at_folder(const char *folder, struct stat *st)
{
	if (stat(folder, st) < 0) {
		make_folders(folder);
		if (stat(folder, st) < 0)
			return strerror(errno);
	}
	if (!S_ISDIR(st->st_mode))
		return strerror(ENOTDIR);
	if (st->st_uid != geteuid())
		return "it is another user's";
	return is_own(st) ? NULL : "others may write there";
}

const char *store_refuses(const char *folder)
{
	struct stat st;

	return look_at_folder(folder, &st);
}

bool store_open(struct store *s, const char *folder, const char *name)
{
	const size_t n = strlen(folder) + strlen(name) + 2;
	struct stat st;
	int fd;

	*s = (struct store){ 0 };
	if (look_at_folder(folder, &st))
		return false;
	s->folder_dev = st.st_dev;
	s->folder_ino = st.st_ino;
	s->folder = strdup(folder);
	s->path = malloc(n);
	if (!s->folder || !s->path) {
		store_close(s);
		return false;
	}
	snprintf(s->path, n, "%s/%s", folder, name);
	fd = open_own(s->path, O_RDONLY, &st);
	if (fd >= 0) {
		read_file(s, fd, (uint64_t)st.st_size);
		note_use(fd, &st);
		close(fd);
	}
	return true;
}

void store_close(struct store *s)
{
	if (s->map)
		mem_file_unmap(s->map, s->map_bytes);
	free(s->folder);
	free(s->path);
	free(s->fresh);
	free(s->slot);
	*s = (struct store){ 0 };
}

/* ---- adding -------------------------------------------------------------------------------------- */

/* Makes room for n more of what is size bytes; false: no memory. */
static bool grow(void **at, size_t used, size_t n, size_t *cap, size_t size, size_t first)
{
	size_t want = *cap ? *cap : first;
	void *p;

	while (want < used + n)
		want *= 2;
	if (want == *cap)
		return true;
	p = realloc(*at, want * size);
	if (!p)
		return false;
	*at = p;
	*cap = want;
	return true;
}

void *store_add(struct store *s, uint64_t key, uint32_t bytes)
{
	const size_t room = align_up(bytes, ALIGN_BYTES);
	size_t slots = s->slot_cap;
	void *fresh = s->fresh, *slot = s->slot;
	bool ok;

	if (!s->path || !bytes || bytes > STORE_RECORD_MAX_BYTES
	    || s->fresh_bytes + room > FRESH_MAX_BYTES)
		return NULL;
	ok = grow(&fresh, s->fresh_bytes, room, &s->fresh_cap, 1, FIRST_BYTES)
	     && grow(&slot, s->fresh_count, 1, &slots, sizeof *s->slot, FIRST_BYTES / 64);
	s->fresh = fresh;
	s->slot = slot;
	s->slot_cap = (uint32_t)slots;
	if (!ok)
		return NULL;
	s->slot[s->fresh_count++] = (struct store_slot){
		.key = key,
		.at = (uint32_t)(s->fresh_bytes / ALIGN_BYTES),
		.bytes = bytes,
	};
	fresh = s->fresh + s->fresh_bytes;
	memset(fresh, 0, room);
	s->fresh_bytes += room;
	return fresh;
}

void store_drop(struct store *s)
{
	s->fresh_bytes = 0;
	s->fresh_count = 0;
}

/* ---- writing ------------------------------------------------------------------------------------- */

/* A segment while it is made: slots first, records behind them. */
struct making {
	uint8_t *at;
	struct segment_head *head;
	struct store_slot *slot;
	uint64_t used_bytes;
};

/* For at most count records of so many bytes in all. */
static bool make_segment(struct making *m, uint64_t count, uint64_t bytes)
{
	uint32_t slots = 2;
	uint64_t records;

	while (slots < count * 2)
		slots *= 2;
	records = sizeof *m->head + slots * sizeof *m->slot;
	m->at = calloc(1, records + bytes);
	if (!m->at)
		return false;
	m->head = (void *)m->at;
	m->head->slot_count = slots;
	m->slot = (void *)(m->head + 1);
	m->used_bytes = records;
	return true;
}

/* Unless there is one of its key already. */
static void put_record(struct making *m, uint64_t key, const void *record, uint32_t bytes)
{
	const uint32_t mask = m->head->slot_count - 1;
	uint32_t i = (uint32_t)key & mask;

	for (; m->slot[i].bytes; i = (i + 1) & mask)
		if (m->slot[i].key == key)
			return;
	m->slot[i] = (struct store_slot){
		.key = key,
		.at = (uint32_t)(m->used_bytes / ALIGN_BYTES),
		.bytes = bytes,
		.check = check_of(key, record, bytes),
	};
	memcpy(m->at + m->used_bytes, record, bytes);
	m->used_bytes += align_up(bytes, ALIGN_BYTES);
	m->head->count++;
}

/* The newest first, since the first of a key is what stays. */
static void put_fresh(struct making *m, const struct store *s)
{
	for (uint32_t n = s->fresh_count; n--;)
		put_record(m, s->slot[n].key, s->fresh + (size_t)s->slot[n].at * ALIGN_BYTES,
			   s->slot[n].bytes);
}

static void put_old(struct making *m, const struct store *old)
{
	for (unsigned n = old->segment_count; n--;) {
		const struct store_segment *g = &old->segment[n];

		for (uint32_t i = 0; i < g->slot_count; i++) {
			const void *record = g->slot[i].bytes ? record_of(g, &g->slot[i]) : NULL;

			if (record)
				put_record(m, g->slot[i].key, record, g->slot[i].bytes);
		}
	}
}

static bool write_at(int fd, const void *bytes, uint64_t size, uint64_t at)
{
	const uint8_t *from = bytes;

	while (size) {
		ssize_t n = pwrite(fd, from, size, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		at += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return true;
}

/* Writes a segment at a place of a file of which nothing behind it counts, then that it is there. */
static bool write_segment(int fd, struct making *m, uint64_t at)
{
	struct file_head head = { .used_bytes = at + m->used_bytes };
	struct rlimit limit;

	memcpy(head.magic, magic, sizeof magic);
	m->head->bytes = m->used_bytes;
	/* A write beyond the limit is a signal for the guest. */
	if (head.used_bytes > STORE_FILE_MAX_BYTES || getrlimit(RLIMIT_FSIZE, &limit) < 0
	    || head.used_bytes > limit.rlim_cur)
		return false;
	return write_at(fd, m->at, m->used_bytes, at) && write_at(fd, &head, sizeof head, 0);
}

static bool append(const struct store *s, int fd, uint64_t used_bytes)
{
	struct making m;
	bool ok;

	if (!make_segment(&m, s->fresh_count, s->fresh_bytes))
		return false;
	put_fresh(&m, s);
	ok = write_segment(fd, &m, used_bytes);
	free(m.at);
	return ok;
}

/* A file of one segment, of what is fresh and what is in old, takes the place of the store's. */
static bool renew(const struct store *s, const struct store *old)
{
	uint64_t count = s->fresh_count + old->records, bytes = s->fresh_bytes;
	char path[PATH_BYTES];
	struct making m;
	struct stat st;
	bool ok;
	int fd;

	for (unsigned n = 0; n < old->segment_count; n++)
		bytes += old->segment[n].bytes;
	if (snprintf(path, sizeof path, "%s.%d", s->path, getpid()) >= (int)sizeof path)
		return false;
	unlink(path);
	fd = open_own(path, O_RDWR | O_CREAT | O_EXCL, &st);
	if (fd < 0)
		return false;
	ok = make_segment(&m, count, bytes);
	if (ok) {
		put_fresh(&m, s);
		put_old(&m, old);
		ok = write_segment(fd, &m, sizeof(struct file_head)) && rename(path, s->path) == 0;
		free(m.at);
	}
	if (!ok)
		unlink(path);
	close(fd);
	return ok;
}

/* Removes the file of the folder that nobody has used for longest, while all are more than there may be. */
static void trim(const struct store *s)
{
	for (;;) {
		char oldest[PATH_BYTES], path[PATH_BYTES];
		uint64_t all = 0;
		time_t when = 0;
		struct dirent *e;
		struct stat st;
		DIR *d = opendir(s->folder);

		oldest[0] = 0;
		while (d && (e = readdir(d))) {
			if (snprintf(path, sizeof path, "%s/%s", s->folder, e->d_name)
				>= (int)sizeof path
			    || lstat(path, &st) < 0 || !S_ISREG(st.st_mode))
				continue;
			all += (uint64_t)st.st_blocks * 512;
			if (!oldest[0] || st.st_mtime < when) {
				when = st.st_mtime;
				memcpy(oldest, path, sizeof path);
			}
		}
		if (d)
			closedir(d);
		if (all <= STORE_FOLDER_MAX_BYTES || !oldest[0] || !strcmp(oldest, s->path)
		    || unlink(oldest) < 0)
			return;
	}
}

/* With the file's lock: what it holds now decides what is done. */
static bool write_locked(const struct store *s, int fd, uint64_t file_bytes)
{
	uint64_t used_bytes = sizeof(struct file_head);
	struct store now = { 0 };
	bool ok;

	read_file(&now, fd, file_bytes);
	for (unsigned n = 0; n < now.segment_count; n++)
		used_bytes += now.segment[n].bytes;
	if (now.segment_count > 0 && now.segment_count < STORE_SEGMENTS
	    && s->fresh_count < now.records) {
		ok = append(s, fd, used_bytes);
	} else {
		/* What would be too large begins anew. */
		if (used_bytes + s->fresh_bytes > STORE_FILE_MAX_BYTES / 2)
			now.segment_count = 0;
		ok = renew(s, &now);
		trim(s);
	}
	store_close(&now);
	return ok;
}

bool store_write(struct store *s)
{
	struct stat st, named;
	bool ok = false;
	int fd;

	if (!s->path || !s->fresh_count || !same_folder(s)) {
		store_drop(s);
		return false;
	}
	fd = open_own(s->path, O_RDWR | O_CREAT, &st);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) == 0 && fstat(fd, &st) == 0
	    && stat(s->path, &named) == 0 && named.st_ino == st.st_ino)
		ok = write_locked(s, fd, (uint64_t)st.st_size);
	if (fd >= 0)
		close(fd);
	store_drop(s);
	return ok;
}
