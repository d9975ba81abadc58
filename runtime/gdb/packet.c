/* See packet.h. */
#include "runtime/gdb/packet.h"

enum { ESCAPE = '}', ESCAPE_XOR = 0x20, INTERRUPT = 3 };

static int digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static void begin(struct packet_reader *r)
{
	r->state = READ_DATA;
	r->escaped = r->too_long = false;
	r->sum = 0;
	r->len = 0;
}

static void add(struct packet_reader *r, uint8_t c)
{
	r->sum += c;
	if (!r->escaped && c == ESCAPE) {
		r->escaped = true;
		return;
	}
	if (r->len == PACKET_MOST)
		r->too_long = true;
	else
		r->data[r->len++] = (char)(r->escaped ? c ^ ESCAPE_XOR : c);
	r->escaped = false;
}

static enum packet_token outside(struct packet_reader *r, uint8_t c)
{
	switch (c) {
	case '$':
		begin(r);
		return PACKET_NOTHING;
	case '+':
		return PACKET_ACK;
	case '-':
		return PACKET_NAK;
	case INTERRUPT:
		return PACKET_INTERRUPT;
	default: /* noise */
		return PACKET_NOTHING;
	}
}

enum packet_token packet_take(struct packet_reader *r, uint8_t c)
{
	switch (r->state) {
	case READ_OUTSIDE:
		return outside(r, c);
	case READ_DATA:
		if (c == '#')
			r->state = READ_SUM1;
		else if (c == '$') /* the one before was cut off */
			begin(r);
		else
			add(r, c);
		return PACKET_NOTHING;
	case READ_SUM1:
		r->given = (uint8_t)(digit(c) << 4);
		r->too_long |= digit(c) < 0;
		r->state = READ_SUM2;
		return PACKET_NOTHING;
	case READ_SUM2:
		break;
	}
	r->state = READ_OUTSIDE;
	r->data[r->len] = 0;
	if (digit(c) < 0 || r->too_long || r->escaped || (r->given | (uint8_t)digit(c)) != r->sum)
		return PACKET_BAD;
	return PACKET_WHOLE;
}

static void put_digits(struct strbuf *out, uint8_t byte)
{
	static const char digits[] = "0123456789abcdef";

	strbuf_putc(out, digits[byte >> 4]);
	strbuf_putc(out, digits[byte & 15]);
}

void packet_put(struct strbuf *out, const char *data, size_t n)
{
	uint8_t sum = 0;

	strbuf_putc(out, '$');
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)data[i];

		if (c == '$' || c == '#' || c == '*' || c == ESCAPE) {
			strbuf_putc(out, ESCAPE);
			sum += ESCAPE;
			c ^= ESCAPE_XOR;
		}
		strbuf_putc(out, (char)c);
		sum += c;
	}
	strbuf_putc(out, '#');
	put_digits(out, sum);
}

void packet_put_hex(struct strbuf *out, const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		put_digits(out, ((const uint8_t *)bytes)[i]);
}

size_t packet_get_hex(const char *hex, void *bytes, size_t most)
{
	size_t n = 0;

	while (n < most && digit((uint8_t)hex[2 * n]) >= 0 && digit((uint8_t)hex[2 * n + 1]) >= 0) {
		((uint8_t *)bytes)[n] =
		    (uint8_t)(digit((uint8_t)hex[2 * n]) << 4 | digit((uint8_t)hex[2 * n + 1]));
		n++;
	}
	return n;
}

bool packet_number(const char **s, uint64_t *v)
{
	const char *p = *s;

	*v = 0;
	for (; digit((uint8_t)*p) >= 0; p++) {
		if (*v >> 60)
			return false;
		*v = *v << 4 | (uint64_t)digit((uint8_t)*p);
	}
	if (p == *s)
		return false;
	*s = p;
	return true;
}
