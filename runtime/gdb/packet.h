/*
 * Packets of gdb's remote protocol: "$data#sum", as the manual's appendix "Remote Protocol" has them. No connection is known
 * here: bytes come in one by one and go out as a string.
 */
#ifndef KIT_RUNTIME_GDB_PACKET_H
#define KIT_RUNTIME_GDB_PACKET_H

#include "lib/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

enum { PACKET_MOST = 0x4000 };

enum packet_token {
	PACKET_NOTHING,
	PACKET_WHOLE,     /* one is in data[0 .. len), followed by a zero byte */
	PACKET_BAD,       /* one with a wrong sum, or a longer one than PACKET_MOST */
	PACKET_INTERRUPT, /* the byte 0x03 between packets */
	PACKET_ACK,
	PACKET_NAK,
};

struct packet_reader {
	enum { READ_OUTSIDE, READ_DATA, READ_SUM1, READ_SUM2 } state;
	bool escaped, too_long;
	uint8_t sum, given;
	unsigned len;
	char data[PACKET_MOST + 1];
};

/* Takes a byte. All zero is the beginning. */
enum packet_token packet_take(struct packet_reader *r, uint8_t c);
/* Appends the packet of n bytes, escaped where they have to be. */
void packet_put(struct strbuf *out, const char *data, size_t n);

/* Hexadecimal digits of bytes, and back: how many bytes; most at most. */
void packet_put_hex(struct strbuf *out, const void *bytes, size_t n);
size_t packet_get_hex(const char *hex, void *bytes, size_t most);
/* A number of hexadecimal digits, of which there is at least one; *s is moved behind it. False: there is none, or it is too large. */
bool packet_number(const char **s, uint64_t *v);

#endif
