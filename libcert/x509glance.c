/* SPDX-License-Identifier: ISC */
/*
 * x509glance: a walk over DER's tags and lengths (RFC 5280 4.1) down to the two dates.
 */
#include "libcert/x509glance.h"

#include "base/buf.h"
#include "base/clock.h"
#include "base/encode.h"

#include <openssl/sha.h>

#include <stdlib.h>

#define DER_MAX ((size_t)64 * 1024)
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"

/* The access method id-ad-ocsp (RFC 5280 4.2.2.1), as DER has it. */
static const struct span OCSP_METHOD = SPAN_INIT("\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01");

enum {
	TAG_INTEGER = 0x02,
	TAG_UTC_TIME = 0x17,
	TAG_TIME = 0x18,
	TAG_SEQUENCE = 0x30,
	TAG_V3 = 0xa0
};

/* The next element of *in: its content; *in moves past it. Definite lengths of up to three bytes, which DER has here. */
static int
take(struct span *in, unsigned char tag, struct span *content)
{
	const unsigned char *p = (const unsigned char *)in->p;
	size_t head = 2, n, more;

	if (in->n < 2 || p[0] != tag)
		return -1;
	n = p[1];
	if (n >= 0x80) {
		more = n - 0x80;
		if (more == 0 || more > 3 || in->n < 2 + more)
			return -1;
		n = 0;
		for (size_t i = 0; i < more; i++)
			n = n << 8 | p[2 + i];
		head += more;
	}
	if (n > in->n - head)
		return -1;
	*content = span_of(in->p + head, n);
	*in = span_after(*in, head + n);
	return 0;
}

static int
two_digits(const char *p)
{
	if (p[0] < '0' || p[0] > '9' || p[1] < '0' || p[1] > '9')
		return -1;
	return (p[0] - '0') * 10 + p[1] - '0';
}

/* "YYMMDDHHMMSSZ" or "YYYYMMDDHHMMSSZ" (4.1.2.5). */
static int
take_time(struct span *in, int64_t *wall)
{
	struct clock_date d = { .year = 0 };
	int century, field[6];
	struct span text;

	if (take(in, TAG_UTC_TIME, &text) == 0 && text.n == 13) {
		field[0] = two_digits(text.p);
		century = field[0] < 50 ? 20 : 19;
	} else if (take(in, TAG_TIME, &text) == 0 && text.n == 15) {
		century = two_digits(text.p);
		text = span_after(text, 2);
		field[0] = two_digits(text.p);
	} else {
		return -1;
	}
	for (size_t i = 1; i < 6; i++)
		field[i] = two_digits(text.p + 2 * i);
	for (size_t i = 0; i < 6; i++) {
		if (field[i] < 0)
			return -1;
	}
	if (century < 0 || text.p[12] != 'Z' || field[1] < 1 || field[1] > 12 || field[2] < 1 ||
	    field[2] > 31 || field[3] > 23 || field[4] > 59 || field[5] > 59)
		return -1;
	d.year = century * 100 + field[0];
	d.month = field[1];
	d.day = field[2];
	d.hour = field[3];
	d.minute = field[4];
	d.second = field[5];
	*wall = clock_from_utc(&d);
	return 0;
}

static int
read_der(struct span der, struct x509glance *glance)
{
	struct span whole, tbs, ignored, validity;

	if (take(&der, TAG_SEQUENCE, &whole) < 0 || der.n || take(&whole, TAG_SEQUENCE, &tbs) < 0)
		return -1;
	if (take(&tbs, TAG_V3, &ignored) < 0 || take(&tbs, TAG_INTEGER, &ignored) < 0 ||
	    take(&tbs, TAG_SEQUENCE, &ignored) < 0 || take(&tbs, TAG_SEQUENCE, &ignored) < 0 ||
	    take(&tbs, TAG_SEQUENCE, &validity) < 0)
		return -1;
	return take_time(&validity, &glance->not_before) < 0 ||
		       take_time(&validity, &glance->not_after) < 0
		   ? -1
		   : 0;
}

/* The base64 text of the first block, its line ends taken out. */
static int
first_block(struct span pem, struct buf *text)
{
	const char *begin = memmem(pem.p, pem.n, BEGIN, sizeof(BEGIN) - 1), *end;
	struct span rest, line;

	if (!begin)
		return -1;
	rest = span_after(pem, (size_t)(begin - pem.p) + sizeof(BEGIN) - 1);
	end = memmem(rest.p, rest.n, END, sizeof(END) - 1);
	if (!end)
		return -1;
	rest = span_of(rest.p, (size_t)(end - rest.p));
	while (span_split(&rest, '\n', &line))
		buf_add(text, span_trim(line));
	return text->full ? -1 : 0;
}

int
x509glance_pem(struct span pem, struct x509glance *glance)
{
	struct buf text, der;
	int rc = -1;

	if (pem.n == 0)
		return -1;
	buf_init(&text, 2 * DER_MAX);
	buf_init(&der, DER_MAX);
	if (first_block(pem, &text) == 0 && decode_base64(&der, buf_span(&text)) == 0 &&
	    read_der(buf_span(&der), glance) == 0) {
		SHA256((const unsigned char *)der.p, der.len, glance->sha256);
		glance->ocsp = memmem(der.p, der.len, OCSP_METHOD.p, OCSP_METHOD.n) != NULL;
		rc = 0;
	}
	buf_release(&text);
	buf_release(&der);
	return rc;
}
