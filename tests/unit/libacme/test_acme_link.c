/* SPDX-License-Identifier: ISC */
/* acme_link: RFC 8288's forms, and where reading stops. */
#include "libacme/acme_link.h"
#include "tests/unit/unit.h"

static void
test_links_and_relations(void **state)
{
	static const struct {
		const char *text, *urls[3], *relations[3];
	} rows[] = {
		{ "<https://a/1>;rel=\"alternate\"", { "https://a/1" }, { "alternate" } },
		{ " <a> ; rel=up , <b>;x=1;rel=\"index\"", { "a", "b" }, { "up", "index" } },
		{ "<a>;title=\"x, <z>;rel=no\";rel=alternate,<b>", { "a", "b" },
		    { "alternate", "" } },
		{ "<a,b;c>;REL=Alternate;rel=second", { "a,b;c" }, { "Alternate" } },
		{ "", { NULL }, { NULL } },
		{ "nothing", { NULL }, { NULL } },
		{ "<a>,broken,<b>", { "a" }, { "" } },
		{ "<a", { NULL }, { NULL } },
		{ "<a>;rel=\"open", { "a" }, { "\"open" } },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct span rest = span_str(rows[i].text), url, relation;
		size_t n = 0;

		while (acme_link_next(&rest, &url, &relation)) {
			assert_non_null(rows[i].urls[n]);
			assert_true(span_eq(url, span_str(rows[i].urls[n])));
			assert_true(span_eq(relation, span_str(rows[i].relations[n])));
			n++;
		}
		assert_null(rows[i].urls[n]);
	}
}

int
main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_links_and_relations),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
