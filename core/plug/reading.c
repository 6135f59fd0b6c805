/*
 * reading - files that stay open, and words of their text.
 *
 * Design.  pread() from the beginning makes the kernel write the file anew; a long one comes in
 * pieces, until nothing follows.  What is longer than ANOD_TEXT_MAX is cut behind its last whole
 * line, so that a parser never takes half a number for a whole one.
 */
#include <anod/reading.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FIRST_ROOM 4096u

void anod_text_free(struct anod_text *t)
{
	free(t->data);
	*t = (struct anod_text){ 0 };
}

/* Room for more, and for the NUL. */
static int grow(struct anod_text *t)
{
	size_t room = t->room ? t->room * 2 : FIRST_ROOM;
	char *data = realloc(t->data, room);

	if (!data)
		return -ENOMEM;
	t->data = data;
	t->room = room;
	return 0;
}

void anod_file_close(struct anod_file *f)
{
	if (f->fd >= 0)
		(void) close(f->fd);
	f->fd = -1;
}

static void cut(struct anod_text *t)
{
	while (t->size > 0 && t->data[t->size - 1] != '\n')
		t->size--;
}

int anod_file_read(struct anod_file *f, struct anod_text *t)
{
	t->size = 0;
	if (f->fd < 0)
		f->fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return -errno;

	for (;;) {
		ssize_t n;

		if (t->room < t->size + 2 && t->room < ANOD_TEXT_MAX && grow(t) < 0)
			return -ENOMEM;
		if (t->room < t->size + 2) {
			cut(t);
			break;
		}
		n = pread(f->fd, t->data + t->size, t->room - t->size - 1, (off_t) t->size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int r = -errno;

			anod_file_close(f);
			return r;
		}
		if (n == 0)
			break;
		t->size += (size_t) n;
	}
	t->data[t->size] = '\0';
	return (int) t->size;
}

bool anod_next_line(const char **at, const char **ret, size_t *ret_size)
{
	const char *end;

	if (!**at)
		return false;
	end = strchrnul(*at, '\n');
	*ret = *at;
	*ret_size = (size_t) (end - *at);
	*at = *end ? end + 1 : end;
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool anod_next_word(const char **at, const char *end, const char **ret, size_t *ret_size)
{
	const char *p = *at;

	while (p < end && is_space(*p))
		p++;
	if (p >= end)
		return false;
	*ret = p;
	while (p < end && !is_space(*p))
		p++;
	*ret_size = (size_t) (p - *ret);
	*at = p;
	return true;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool anod_word_u64(const char *word, size_t size, unsigned base, uint64_t *ret)
{
	uint64_t n = 0;

	if (size == 0)
		return false;
	for (size_t i = 0; i < size; i++) {
		int d = digit(word[i]);

		if (d < 0 || (unsigned) d >= base || n > (UINT64_MAX - (unsigned) d) / base)
			return false;
		n = n * base + (unsigned) d;
	}
	*ret = n;
	return true;
}

bool anod_word_i64(const char *word, size_t size, int64_t *ret)
{
	bool minus = size > 0 && word[0] == '-';
	uint64_t n;

	if (!anod_word_u64(word + minus, size - minus, 10, &n) || n > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t) n : (int64_t) n;
	return true;
}

bool anod_word_is(const char *word, size_t size, const char *text)
{
	return strlen(text) == size && memcmp(word, text, size) == 0;
}
