#include "infer/offer.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

#include "infer_actions.h"

Test(prompt, offers_the_actions_and_marks_evidence_as_data)
{
	char *text = prompt_system(NULL, test_actions, test_links, false);

	cr_expect(eq(int,
		     strstr(text, "- link.set: dev (a link) admin? (up or down) mtu? (in bytes) "
				  "68..65535") != NULL,
		     1),
		  "%s", text);
	cr_expect(eq(int, strstr(text, "Links: wan0, wan1, lan0") != NULL, 1));
	cr_expect(eq(int, strstr(text, "\"outside\"") != NULL, 1));
	cr_expect(eq(int, strstr(text, "refused") == NULL, 1));
	free(text);

	text = prompt_system("Do the other task.", test_actions, NULL, true);
	cr_expect(eq(ptr, strstr(text, "Do the other task."), text));
	cr_expect(eq(int, strstr(text, "link.set") == NULL, 1), "no link may be named");
	cr_expect(eq(int, strstr(text, "refused") != NULL, 1));
	free(text);
}
