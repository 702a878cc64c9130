/* SPDX-License-Identifier: ISC */
/* variable: see variable.h. */
#include "proxy/config/variable.h"

#include "proxy/config/map.h"
#include "proxy/config/suggest.h"

void
variable_definitions_init(struct variable_definitions *d, struct arena *arena)
{
	*d = (struct variable_definitions){ .arena = arena };
	span_map_init(&d->names, arena);
}

static const struct variable *
find_exact(const struct variable_table *t, struct span name)
{
	for (; t; t = t->shared) {
		for (size_t i = 0; i < t->count; i++) {
			if (!t->rows[i].prefix && span_eq(t->rows[i].name, name))
				return &t->rows[i];
		}
	}
	return NULL;
}

static const struct variable *
find_family(const struct variable_table *t, struct span name)
{
	for (; t; t = t->shared) {
		for (size_t i = 0; i < t->count; i++) {
			const struct variable *v = &t->rows[i];

			if (v->prefix && name.n > v->name.n && span_starts(name, v->name))
				return v;
		}
	}
	return NULL;
}

const struct variable *
variable_find(const struct variable_table *t, struct span name, struct span *arg)
{
	const struct variable *exact = find_exact(t, name), *family;

	*arg = span_of(NULL, 0);
	if (exact)
		return exact;
	family = find_family(t, name);
	if (family)
		*arg = span_after(name, family->name.n);
	return family;
}

void
variable_offer(const struct variable_table *t, struct suggestion *s)
{
	for (; t; t = t->shared) {
		for (size_t i = 0; i < t->count; i++) {
			if (!t->rows[i].prefix)
				suggestion_offer(s, t->rows[i].name);
		}
	}
}

static struct defined_variable *
definition(const struct variable_table *t, struct span name)
{
	struct variable_definitions *d = t->definitions;
	struct defined_variable *v = span_map_get(&d->names, name);
	struct defined_variable **more;

	if (v)
		return v;
	v = arena_zalloc(d->arena, sizeof(*v));
	v->variable.name = name;
	v->variable.defined = v;
	v->index = (unsigned)d->count;
	v->store = t->store;
	v->unset = t->unset;
	v->family = variable_find(t, name, &v->rest);
	span_map_add(&d->names, name, v);
	/* Full exactly at powers of two. */
	if ((d->count & (d->count - 1)) == 0) {
		more = arena_array(d->arena, d->count ? 2 * d->count : 1, sizeof(*more));
		if (d->count > 0)
			memcpy(more, d->all, d->count * sizeof(*more));
		d->all = more;
	}
	d->all[d->count++] = v;
	return v;
}

const struct variable *
variable_mention(const struct variable_table *t, struct span name, struct span *arg)
{
	const struct variable *own = find_exact(t, name);

	*arg = span_of(NULL, 0);
	if (own)
		return own;
	if (!t->definitions || !t->store)
		return variable_find(t, name, arg);
	return &definition(t, name)->variable;
}

static struct defined_variable *
define(const struct variable_table *t, struct span name)
{
	struct defined_variable *v;

	if (find_exact(t, name) || !t->definitions || !t->store)
		return NULL;
	v = definition(t, name);
	v->is_defined = true;
	return v;
}

const struct defined_variable *
variable_define_map(const struct variable_table *t, struct span name, const struct map *map)
{
	struct defined_variable *v = define(t, name);

	if (v)
		v->map = map;
	return v;
}

const struct defined_variable *
variable_define_group(const struct variable_table *t, struct span name)
{
	return define(t, name);
}

const struct variable *
variable_define_set(const struct variable_table *t, struct span name)
{
	const struct variable *own = find_exact(t, name);
	struct defined_variable *v;

	if (own)
		return own->set ? own : NULL;
	v = define(t, name);
	if (!v)
		return NULL;
	v->is_set = true;
	return &v->variable;
}

void
variable_store_init(struct variable_store *s, struct arena *arena, unsigned count)
{
	*s = (struct variable_store){ .arena = arena, .count = count };
}

static struct variable_slot *
slot_of(struct variable_store *s, const struct defined_variable *d)
{
	if (!s->slots)
		s->slots = arena_array(s->arena, s->count, sizeof(*s->slots));
	return &s->slots[d->index];
}

enum regex_result
variable_store_match(struct variable_store *s, const struct regex *re, struct span subject)
{
	struct captures found;
	enum regex_result result = regex_match(re, subject, s->arena, &found);

	if (result != REGEX_MATCH)
		return result;
	s->captures = found;
	for (unsigned i = 0; i < re->name_count; i++) {
		struct variable_slot *slot = slot_of(s, re->names[i].variable);

		slot->state = VARIABLE_SET;
		slot->value = captures_get(&found, re->names[i].group);
	}
	return result;
}

/* A map is asked once, unless it is volatile; one that leads back to itself has no value. */
static struct span
map_result(const struct defined_variable *d, struct variable_slot *slot, void *subject,
    struct variable_store *s)
{
	struct span value;

	slot->state = VARIABLE_BUSY;
	value = map_value(d->map, subject, s);
	if (!value.p)
		value = SPAN("");
	slot->value = value;
	slot->state = d->map->is_volatile ? VARIABLE_UNSET : VARIABLE_SET;
	return value;
}

static struct span
unset_value(const struct defined_variable *d, void *subject)
{
	if (!d->is_set)
		return span_of(NULL, 0);
	if (d->unset)
		d->unset(subject, d->variable.name);
	return SPAN("");
}

static struct span
defined_value(const struct defined_variable *d, void *subject)
{
	struct variable_store *s;
	struct variable_slot *slot;

	if (!d->is_defined)
		return d->family->get(subject, d->rest);
	s = d->store(subject);
	slot = slot_of(s, d);
	switch (slot->state) {
	case VARIABLE_SET:
		return slot->value;
	case VARIABLE_UNSET:
		return d->map ? map_result(d, slot, subject, s) : unset_value(d, subject);
	case VARIABLE_BUSY:
		break;
	}
	return SPAN("");
}

struct span
variable_value(const struct variable *v, void *subject, struct span arg)
{
	return v->get ? v->get(subject, arg) : defined_value(v->defined, subject);
}

void
variable_assign(const struct variable *v, void *subject, struct span value)
{
	struct variable_slot *slot;

	if (v->set) {
		v->set(subject, value);
		return;
	}
	slot = slot_of(v->defined->store(subject), v->defined);
	slot->state = VARIABLE_SET;
	slot->value = value;
}
