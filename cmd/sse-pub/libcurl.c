#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "libcurl.h"

/* Were pages changed that the file says are only read? */
static bool
has_text_relocations(const struct dl_phdr_info *o)
{
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		/* Where it is mapped is a number until it is looked at. */
		const ElfW(Dyn) *d = (const void *)(o->dlpi_addr + p->p_vaddr);

		if (p->p_type != PT_DYNAMIC)
			continue;
		for (; d->d_tag != DT_NULL; d++)
			if (d->d_tag == DT_TEXTREL ||
			    (d->d_tag == DT_FLAGS &&
				(d->d_un.d_val & DF_TEXTREL)))
				return true;
	}
	return false;
}

/*
 * libcurl comes with thirty libraries, whose tables of symbols and relocations
 * only their loading reads: megabytes that would stay resident.  What is wanted
 * again comes from the file again.
 */
static int
release_tables(struct dl_phdr_info *o, size_t size, void *arg)
{
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	if (has_text_relocations(o))
		return 0;
	for (size_t i = 0; i < o->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &o->dlpi_phdr[i];
		uintptr_t from = o->dlpi_addr + p->p_vaddr;
		uintptr_t to = from + p->p_memsz;

		from &= ~(page - 1);
		if (p->p_type == PT_LOAD && !(p->p_flags & (PF_W | PF_X)))
			(void)madvise((void *)from, to - from, MADV_DONTNEED);
	}
	return 0;
}

int
libcurl_load(struct libcurl *c)
{
	const struct {
		const char *name;
		void *to;
	} names[] = {
		{ "curl_easy_init", &c->init },
		{ "curl_easy_setopt", &c->setopt },
		{ "curl_easy_perform", &c->perform },
		{ "curl_easy_getinfo", &c->getinfo },
		{ "curl_easy_strerror", &c->strerror },
		{ "curl_easy_cleanup", &c->cleanup },
		{ "curl_slist_append", &c->append },
		{ "curl_slist_free_all", &c->free_all },
	};
	void *handle = dlopen("libcurl.so.4", RTLD_NOW);

	if (handle == NULL)
		return -1;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		void *f = dlsym(handle, names[i].name);

		if (f == NULL)
			return -1;
		memcpy(names[i].to, &f, sizeof(f));
	}
	(void)dl_iterate_phdr(release_tables, NULL);
	return 0;
}
