/* Files that stay open, words of their text, and when they are read. */
#include <anod/reading.h>

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_file(const char *path, const char *text, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	cr_assert(fd >= 0 && write(fd, text, size) == (ssize_t) size);
	close(fd);
}

Test(reading, a_file_is_read_anew_from_its_beginning_and_opened_again_when_it_has_gone)
{
	char path[] = "/tmp/anod-reading-XXXXXX";
	struct anod_text t = { 0 };
	struct anod_file f = ANOD_FILE(path);
	char *big = malloc(6 << 20);

	close(mkstemp(path));
	write_file(path, "one\n", 4);
	cr_assert_eq(anod_file_read(&f, &t), 4);
	cr_expect_str_eq(t.data, "one\n");
	write_file(path, "", 0);
	cr_assert_eq(anod_file_read(&f, &t), 0);
	cr_expect_str_eq(t.data, "");
	write_file(path, "three3\n", 7);
	cr_assert_eq(anod_file_read(&f, &t), 7);
	cr_expect_str_eq(t.data, "three3\n");

	/* Larger than the buffer, and larger than any buffer. */
	memset(big, 'x', 6 << 20);
	for (size_t i = 99; i < 6 << 20; i += 100)
		big[i] = '\n';
	write_file(path, big, 100000);
	cr_assert_eq(anod_file_read(&f, &t), 100000);
	write_file(path, big, 6 << 20);
	{
		int n = anod_file_read(&f, &t);

		cr_assert(n > 3 << 20 && n <= 4 << 20);
		cr_expect_eq(t.data[n - 1], '\n', "cut behind a whole line");
		cr_expect_eq(t.data[n], '\0');
	}

	unlink(path);
	anod_file_close(&f);
	cr_expect_eq(anod_file_read(&f, &t), -ENOENT);
	write_file(path, "back\n", 5);
	cr_expect_eq(anod_file_read(&f, &t), 5);
	unlink(path);
	anod_file_close(&f);
	anod_file_close(&f);
	/* A folder opens, and does not read. */
	f.path = "/proc";
	cr_expect_eq(anod_file_read(&f, &t), -EISDIR);
	cr_expect_eq(f.fd, -1);
	anod_text_free(&t);
	free(big);
}

Test(reading, lines_words_and_numbers)
{
	const char *at = "a  bc\td\n\nlast", *line, *word, *p;
	uint64_t u;
	int64_t i;
	size_t size, n;

	cr_assert(anod_next_line(&at, &line, &size));
	p = line;
	cr_assert(anod_next_word(&p, line + size, &word, &n) && anod_word_is(word, n, "a"));
	cr_assert(anod_next_word(&p, line + size, &word, &n) && anod_word_is(word, n, "bc"));
	cr_assert(anod_next_word(&p, line + size, &word, &n) && anod_word_is(word, n, "d"));
	cr_assert(!anod_next_word(&p, line + size, &word, &n));
	cr_assert(anod_next_line(&at, &line, &size) && size == 0);
	cr_assert(anod_next_line(&at, &line, &size) && size == 4);
	cr_assert(!anod_next_line(&at, &line, &size));
	cr_expect(!anod_word_is("ab", 2, "a") && !anod_word_is("a", 1, "ab"));

	cr_expect(anod_word_u64("18446744073709551615", 20, 10, &u) && u == UINT64_MAX);
	cr_expect(!anod_word_u64("18446744073709551616", 20, 10, &u));
	cr_expect(anod_word_u64("fF", 2, 16, &u) && u == 255);
	cr_expect(!anod_word_u64("fg", 2, 16, &u) && !anod_word_u64("a", 1, 10, &u));
	cr_expect(!anod_word_u64("", 0, 10, &u) && !anod_word_u64("-1", 2, 10, &u));
	cr_expect(anod_word_i64("-9223372036854775807", 20, &i) && i == -INT64_MAX);
	cr_expect(!anod_word_i64("9223372036854775808", 19, &i) && !anod_word_i64("-", 1, &i));
	cr_expect(!anod_word_i64("--1", 3, &i));
}

/* ---- rhythm: a host that is a clock ------------------------------------------------------- */

static struct clock {
	uint64_t now_us, due_us, pace_us, period_us;
	anod_timer_fn *fn;
	void *data;
	unsigned n_read;
	uint64_t read_us[16];
} c;

static uint64_t now_us(struct anod_ctx *ctx)
{
	(void) ctx;
	return c.now_us;
}

static int timer(struct anod_ctx *ctx, uint64_t first_us, uint64_t every_us, anod_timer_fn *fn,
		 void *data, uint64_t *ret_id)
{
	(void) ctx;
	cr_assert_eq(every_us, 0);
	cr_assert_null(c.fn, "one timer at a time");
	c.due_us = c.now_us + first_us;
	c.fn = fn;
	c.data = data;
	*ret_id = 7;
	return 0;
}

static int cancel(struct anod_ctx *ctx, uint64_t id)
{
	(void) ctx;
	cr_assert(id == 7 && c.fn);
	c.fn = NULL;
	return 0;
}

static int health(struct anod_ctx *ctx, enum anod_health what, uint64_t n)
{
	(void) ctx;
	if (what == ANOD_HEALTH_PERIOD)
		c.period_us = n;
	return 0;
}

static uint64_t pace(struct anod_ctx *ctx, uint64_t wanted_us, uint64_t held_us)
{
	(void) ctx, (void) held_us;
	return wanted_us > c.pace_us ? wanted_us : c.pace_us;
}

static const struct anod_host table = { .size = sizeof(table),
					.now_us = now_us,
					.timer = timer,
					.cancel = cancel,
					.health = health,
					.pace = pace };
static struct anod_ctx ctx = { .host = &table };

static void on_read(struct anod_ctx *x, void *data)
{
	(void) x;
	if (c.n_read < 16)
		c.read_us[c.n_read] = c.now_us;
	c.n_read++;
	anod_rhythm_next(data, 0);
}

static void until(uint64_t us)
{
	while (c.fn && c.due_us <= us) {
		anod_timer_fn *fn = c.fn;

		c.now_us = c.due_us;
		c.fn = NULL;
		fn(&ctx, 7, c.data);
	}
	c.now_us = us;
}

#define S UINT64_C(1000000)

Test(reading, is_done_as_often_as_somebody_needs_it_and_the_budget_allows)
{
	struct anod_rhythm r = {
		.ctx = &ctx, .read = on_read, .data = &r, .idle_us = 15 * S, .health = true
	};

	c = (struct clock){ .now_us = 100 * S };
	cr_assert_eq(anod_rhythm_start(&r, 1000), 0);
	until(131 * S);
	cr_expect_eq(c.n_read, 3, "every 15 s: %u", c.n_read);
	cr_expect_eq(c.period_us, 15 * S);
	cr_expect_eq(anod_rhythm_need(&r, S), 0);
	until(141 * S);
	cr_expect(c.n_read >= 12 && c.n_read <= 14, "every second, from now on: %u", c.n_read);

	/* The budget: every 5 s; and when the host says it again, now. */
	c.pace_us = 5 * S;
	c.n_read = 0;
	until(161 * S);
	cr_expect(c.n_read >= 4 && c.n_read <= 6, "%u", c.n_read);
	cr_expect_eq(c.period_us, 5 * S);
	c.n_read = 0;
	cr_expect_eq(anod_rhythm_need(&r, S), 0);
	until(c.now_us + 10000);
	cr_expect_eq(c.n_read, 1);
	c.pace_us = 0;
	cr_expect_eq(anod_rhythm_need(&r, 0), 0);
	until(200 * S);
	c.n_read = 0;
	until(260 * S);
	cr_expect_eq(c.n_read, 4);

	/* Never more often than its own bound. */
	r.least_us = 10 * S;
	(void) anod_rhythm_need(&r, S);
	until(300 * S);
	c.n_read = 0;
	until(400 * S);
	cr_expect_eq(c.n_read, 10);
	anod_rhythm_stop(&r);
	cr_expect_null(c.fn);
	anod_rhythm_stop(&r);

	/* What comes of two readings is there soon. */
	r = (struct anod_rhythm){
		.ctx = &ctx, .read = on_read, .data = &r, .idle_us = 15 * S, .pair = true
	};
	c = (struct clock){ .now_us = 100 * S };
	cr_assert_eq(anod_rhythm_start(&r, 1000), 0);
	until(105 * S);
	cr_expect_eq(c.n_read, 2);
	anod_rhythm_stop(&r);
}
