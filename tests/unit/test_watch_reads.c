#include "facts/watch.h"

#include "unit/watch_help.h"

Test(watch_reads, the_subject_kind_is_that_of_the_first_nameless_fact)
{
	_cleanup_(schema_freep) struct schema *schema = help_schema();
	static const struct {
		const char *text, *kind;
	} row[] = {
		{ "link.carrier", "link" },
		{ "link.wan0.carrier", NULL },
		{ "link.wan0.carrier and path.loss > 1%", "path" },
		{ "path.loss > 1% and link.carrier", "path" },
		{ "count(link where carrier) > 1", NULL },
		{ "count(link where link.carrier and path.loss > 1%) > 1", "path" },
		{ "max(link.mtu) > 1", NULL },
		{ "link.carrier for 5s", "link" },
		{ "bgp.flaps > 1", NULL },
		{ "model.confidence > 0.5", NULL },
	};

	for (size_t i = 0; i < ARRAY_SIZE(row); i++) {
		_cleanup_(expr_freep) struct expr *e = help_expr(schema, row[i].text);
		uint16_t kind = row[i].kind ? schema_kind_id(schema, row[i].kind) : 0;

		cr_expect(eq(int, watch_subject_kind(e), kind), "%s", row[i].text);
	}
}
