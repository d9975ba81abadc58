/* gdb's packets from and to bytes, its signal numbers, and breakpoints laid over code. */
#include "tests/unit/check.h"

#include "runtime/core/points.h"
#include "runtime/gdb/gdb_priv.h"

#include <stdlib.h>

static struct packet_reader reader;

/* The last token of the bytes, and how many packets were whole. */
static enum packet_token feed(const char *s, size_t n, unsigned *whole)
{
	enum packet_token last = PACKET_NOTHING;

	*whole = 0;
	for (size_t i = 0; i < n; i++) {
		last = packet_take(&reader, (uint8_t)s[i]);
		*whole += last == PACKET_WHOLE;
	}
	return last;
}

static void test_packets(void)
{
	static const struct {
		const char *bytes;
		enum packet_token last;
		const char *data; /* of a whole one */
	} rows[] = {
		{ "$#00", PACKET_WHOLE, "" },
		{ "$g#67", PACKET_WHOLE, "g" },
		{ "+-+$OK#9a", PACKET_WHOLE, "OK" },
		{ "noise $OK#9A", PACKET_WHOLE, "OK" },
		{ "$}\003}]#5a", PACKET_WHOLE, "#}" },
		{ "$cut$OK#9a", PACKET_WHOLE, "OK" },
		{ "$OK#9b", PACKET_BAD, NULL },
		{ "$OK#9z", PACKET_BAD, NULL },
		{ "$OK#z9", PACKET_BAD, NULL },
		{ "$}#7d", PACKET_BAD, NULL },
		{ "\003", PACKET_INTERRUPT, NULL },
		{ "$OK#9a+", PACKET_ACK, NULL },
		{ "-", PACKET_NAK, NULL },
		{ "#", PACKET_NOTHING, NULL },
	};
	unsigned whole;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_AT("%s", rows[i].bytes);
		CHECK_EQ(feed(rows[i].bytes, strlen(rows[i].bytes), &whole), rows[i].last);
		if (rows[i].data)
			CHECK_STR(reader.data, rows[i].data);
	}
}

static void test_long_packet(void)
{
	unsigned whole;

	for (unsigned n = PACKET_MOST - 1; n <= PACKET_MOST + 1; n++) {
		struct strbuf data = STRBUF_INIT, out = STRBUF_INIT;

		for (unsigned i = 0; i < n; i++)
			strbuf_putc(&data, (char)(i * 7));
		packet_put(&out, data.s, n);
		CHECK_AT("%u bytes", n);
		CHECK_EQ(feed(out.s, out.len, &whole),
			 n <= PACKET_MOST ? PACKET_WHOLE : PACKET_BAD);
		if (n <= PACKET_MOST) {
			CHECK_EQ(reader.len, n);
			CHECK(!memcmp(reader.data, data.s, n));
		}
		strbuf_fini(&data);
		strbuf_fini(&out);
	}
}

/* Any bytes at all: what is whole has the length that fits, and is terminated. */
static void test_random_bytes(void)
{
	static const char likely[] = "$$##}*+-\003Gm0123456789abcdef";
	uint32_t x = 1;
	unsigned whole = 0;

	for (unsigned i = 0; i < 2000000; i++) {
		x = x * 1664525 + 1013904223;
		uint8_t c =
		    x >> 28 ? (uint8_t)likely[(x >> 8) % (sizeof likely - 1)] : (uint8_t)(x >> 12);

		if (packet_take(&reader, c) != PACKET_WHOLE)
			continue;
		whole++;
		REQUIRE(reader.len <= PACKET_MOST && !reader.data[reader.len]);
	}
	CHECK(whole > 10);
}

static void test_numbers(void)
{
	static const struct {
		const char *text;
		bool good;
		uint64_t value;
		const char *rest;
	} rows[] = {
		{ "0", true, 0, "" },
		{ "1aF,2", true, 0x1af, ",2" },
		{ "ffffffffffffffff", true, UINT64_MAX, "" },
		{ "10000000000000000", false, 0, "10000000000000000" },
		{ "", false, 0, "" },
		{ "-1", false, 0, "-1" },
		{ "g", false, 0, "g" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *s = rows[i].text;
		uint64_t v;
		bool good = packet_number(&s, &v);

		CHECK_AT("%s", rows[i].text);
		CHECK_EQ(good, rows[i].good);
		if (good)
			CHECK_EQ(v, rows[i].value);
		CHECK_STR(s, rows[i].rest);
	}
}

static void test_threads(void)
{
	static const struct {
		const char *text;
		bool good;
		int64_t pid, tid;
	} rows[] = {
		{ "p1.2", true, 1, 2 },      { "p1.-1", true, 1, -1 }, { "pa", true, 10, -1 },
		{ "-1", true, 0, -1 },       { "0", true, 0, 0 },      { "1f", true, 0, 31 },
		{ "p", false, 0, 0 },        { "p1.", false, 0, 0 },   { "", false, 0, 0 },
		{ "80000000", false, 0, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *s = rows[i].text;
		int64_t pid, tid;
		bool good = gdb_get_thread(&s, &pid, &tid);

		CHECK_AT("%s", rows[i].text);
		CHECK_EQ(good, rows[i].good);
		if (good) {
			CHECK_EQ(pid, rows[i].pid);
			CHECK_EQ(tid, rows[i].tid);
		}
	}
}

static void test_signals(void)
{
	CHECK_EQ(gdb_signal(SIGSEGV), 11);
	CHECK_EQ(gdb_signal(SIGUSR1), 30);
	CHECK_EQ(gdb_signal(SIGBUS), 10);
	CHECK_EQ(gdb_signal(32), 77);
	CHECK_EQ(gdb_signal(33), 45);
	CHECK_EQ(gdb_signal(64), 78);
	CHECK_EQ(gdb_signal(0), 0);
	CHECK_EQ(gdb_signal(65), 0);
	/* 16 is SIGSTKFLT, which gdb does not know. */
	for (int signo = 1; signo <= GDB_SIGNALS; signo++)
		if (signo != 16)
			CHECK_EQ(gdb_host_signal(gdb_signal(signo)), signo);
}

static void test_overlay(void)
{
	static const gaddr points[] = { 0x1000, 0x1004 | POINT_WIDE, 0x1ffe | POINT_WIDE };
	uint8_t want[32], got[sizeof want];
	gaddr next;

	point_table.break_count = ARRAY_LEN(points);
	memcpy(point_table.brk, points, sizeof points);
	/* Each window that touches them shows the same bytes at the same addresses. */
	for (unsigned i = 0; i < sizeof want; i++)
		want[i] = (uint8_t)(0x40 + i);
	memcpy(want + 8, "\x02\x90", 2);
	memcpy(want + 12, "\x73\x00\x10\x00", 4);
	for (unsigned from = 0; from < 24; from++) {
		for (unsigned n = 0; from + n <= sizeof want; n++) {
			for (unsigned i = 0; i < n; i++)
				got[i] = (uint8_t)(0x40 + from + i);
			point_overlay(&point_table, 0xff8 + from, got, n);
			CHECK_AT("%u bytes from %u", n, from);
			REQUIRE(!memcmp(got, want + from, n));
		}
	}
	CHECK_AT_END();
	next = point_next(&point_table, 0x1001);
	CHECK_EQ(next, 0x1004);
	CHECK(point_is_at(&point_table, 0x1004) && point_is_at(&point_table, 0x1000)
	      && !point_is_at(&point_table, 0x1002));
	CHECK_EQ(point_next(&point_table, 0x2000), ~(gaddr)0);
	point_drop_all();
	CHECK(!point_is_at(&point_table, 0x1000));
}

static void test_watches(void)
{
	gaddr hit = 0;

	point_table.watch_count = 2;
	point_table.watch[0] = (struct point_watch){ 0x2000, 8, POINT_WRITE };
	point_table.watch[1] = (struct point_watch){ 0x3000, 1, POINT_READ };
	CHECK(point_watches(&point_table, 0x1ffc, 8, POINT_WRITE, &hit) && hit == 0x2000);
	CHECK(point_watches(&point_table, 0x2007, 1, POINT_WRITE | POINT_READ, &hit)
	      && hit == 0x2007);
	CHECK(!point_watches(&point_table, 0x2008, 8, POINT_WRITE, &hit));
	CHECK(!point_watches(&point_table, 0x1ff8, 8, POINT_WRITE, &hit));
	CHECK(!point_watches(&point_table, 0x2000, 8, POINT_READ, &hit));
	CHECK(point_watches(&point_table, 0x2ffd, 4, POINT_READ, &hit) && hit == 0x3000);
	point_drop_all();
}

CHECK_MAIN(test_packets, test_long_packet, test_random_bytes, test_numbers, test_threads,
	   test_signals, test_overlay, test_watches)
