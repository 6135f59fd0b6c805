/*
 * count_alloc - counts every allocation of the program that includes it, once.
 *
 * Under a sanitizer, which has an allocator of its own, the count stays zero.
 */
#ifndef TESTS_COUNT_ALLOC_H
#define TESTS_COUNT_ALLOC_H

#include <stddef.h>

static unsigned long n_allocations;

#ifndef __SANITIZE_ADDRESS__
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);

void *malloc(size_t size)
{
	n_allocations++;
	return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	n_allocations++;
	return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	n_allocations++;
	return __libc_realloc(p, size);
}
#endif

#endif
