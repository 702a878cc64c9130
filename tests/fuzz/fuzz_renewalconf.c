/* SPDX-License-Identifier: ISC */
/*
 * fuzz_renewalconf: what is accepted is written back byte for byte (but for the last newline), and a
 * value that is read survives being set and read again.
 */
#include "libcert/renewalconf.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool truth)
{
	if (!truth)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct renewalconf *conf = renewalconf_new(), *again = renewalconf_new();
	struct span in = span_of(data, size);
	const char *key;
	struct buf out;

	buf_init(&out, 2 * size + 4096);
	if (renewalconf_parse(conf, in, "fuzz", NULL) == 0) {
		must(renewalconf_format(conf, &out) == 0);
		must(span_starts(buf_span(&out), in) && out.len <= in.n + 1);
		for (size_t i = 0; (key = renewalconf_key(conf, "", i)); i++) {
			const char *value = renewalconf_item(conf, "", key, 0);

			if (value && renewalconf_set(again, "s", "k", value) == 0) {
				buf_reset(&out);
				must(renewalconf_format(again, &out) == 0);
				must(renewalconf_parse(again, buf_span(&out), "fuzz", NULL) == 0);
				must(span_eq(span_str(renewalconf_get(again, "s", "k")),
				    span_str(value)));
			}
		}
	}
	buf_release(&out);
	renewalconf_free(conf);
	renewalconf_free(again);
	return 0;
}
