/* The examples must work as their comments say. */
#include "fake_agent_host.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

Test(hello, sensor_publishes_the_load)
{
	struct fake *f = fake_load(BUILD_DIR "/examples/hello-sensor.so");

	cr_assert(eq(int, fake_start(f), 0));
	cr_expect(eq(int, fake_get(f, "load", "self", "one").type, ANOD_UNKNOWN));
	fake_advance(f, 1000000);
	cr_expect(eq(int, fake_get(f, "load", "self", "one").type, ANOD_REAL));
	cr_expect(ge(dbl, fake_get(f, "load", "self", "one").u.r, 0));
	fake_free(f);
}

Test(hello, agent_finds_a_link_without_carrier)
{
	struct fake *f = fake_load(BUILD_DIR "/examples/hello-agent.so");

	fake_opt_text(f, "greeting", "good evening");
	cr_assert(eq(int, fake_start(f), 0));
	cr_expect(strstr(f->log, "good evening") != NULL);
	cr_assert(zero(strcmp(f->watch.expr, "link.admin_up == true and link.carrier == false")));

	f->watch.fn(&f->ctx, f->watch.id, "eth1", ANOD_TRUE, f->watch.data);
	cr_expect(fake_open(f, "hello-no-carrier", "eth1") != NULL);
	f->watch.fn(&f->ctx, f->watch.id, "eth1", ANOD_DOUBT, f->watch.data);
	cr_expect(fake_open(f, "hello-no-carrier", "eth1") != NULL);
	f->watch.fn(&f->ctx, f->watch.id, "eth1", ANOD_FALSE, f->watch.data);
	cr_expect(eq(uint, fake_n_open(f), 0));
	fake_free(f);
}
