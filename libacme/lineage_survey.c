/* SPDX-License-Identifier: ISC */
/*
 * All there is to say about one lineage of the store.
 */
#include "libacme/lineage_survey.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libacme/ari.h"
#include "libacme/backoff.h"
#include "libacme/deploy.h"
#include "libacme/issued.h"
#include "libacme/renewal.h"
#include "libcert/served.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <stdlib.h>

#define PART_MAX ((size_t)256 * 1024)

/* One lineage on its way. */
struct surveying {
	const struct survey_options *options;
	struct certstore *store;
	const char *name;
	struct survey *s;
	STACK_OF(X509) *certs;
};

bool
lineage_exists(struct certstore *store, const char *name)
{
	char *conf, *live;
	bool found;

	if (!certstore_name_ok(span_str(name)))
		return false;
	conf = mem_printf("%s/renewal/%s.conf", certstore_dir(store), name);
	live = mem_printf("%s/live/%s", certstore_dir(store), name);
	found = file_exists(conf) || file_exists(live);
	free(conf);
	free(live);
	return found;
}

/* The first block of fullchain, its key left as it is. */
static int
read_leaf(struct surveying *l, struct span pem, struct err *e)
{
	BIO *bio = BIO_new_mem_buf(pem.p, (int)pem.n);
	X509 *leaf = X509_new_ex(l->options->keyless, NULL);
	int rc = 0;

	l->certs = sk_X509_new_null();
	if (!bio || !leaf || !l->certs || !PEM_read_bio_X509(bio, &leaf, NULL, NULL) ||
	    sk_X509_push(l->certs, leaf) < 1) {
		rc = err_set_openssl(e, ERR_DATA, "no certificate in PEM form");
		X509_free(leaf);
	}
	BIO_free(bio);
	ERR_clear_error();
	return rc;
}

static int
read_certs(struct surveying *l, struct err *e)
{
	struct buf pem;
	int rc;

	buf_init(&pem, PART_MAX);
	rc = certstore_read(l->store, l->name, CERTSTORE_FULLCHAIN, &pem, e);
	if (rc == 0) {
		rc = l->options->keyless ? read_leaf(l, buf_span(&pem), e)
					 : x509info_parse_pem(buf_span(&pem), &l->certs, e);
		if (rc < 0)
			err_wrap(e, "%s/live/%s/fullchain.pem", certstore_dir(l->store), l->name);
	}
	buf_release(&pem);
	return rc;
}

static void
check_key(struct surveying *l)
{
	struct err e = ERR_INIT;
	EVP_PKEY *key = NULL;
	struct buf pem;

	buf_init_secret(&pem, PART_MAX);
	if (certstore_read(l->store, l->name, CERTSTORE_PRIVKEY, &pem, &e) < 0 ||
	    pkey_parse_pem(buf_span(&pem), NULL, &key, &e) < 0)
		inspection_add(&l->s->found, INSPECT_KEY_UNREADABLE,
		    e.kind == ERR_PERM ? INSPECT_WARNING : INSPECT_CRITICAL,
		    "its key cannot be checked: %s", err_text(&e));
	else
		inspect_key(&l->s->found, sk_X509_value(l->certs, 0), key, NULL);
	EVP_PKEY_free(key);
	buf_release(&pem);
	err_release(&e);
}

/* By the CA's window, or by its life. */
static int64_t
due_at(const struct surveying *l)
{
	unsigned char sha256[32];
	struct ari ari;

	x509info_sha256(sk_X509_value(l->certs, 0), sha256);
	(void)ari_load(l->store, l->name, sha256, l->options->arena, &ari);
	return ari_due_at(&ari, l->s->not_before, l->s->not_after);
}

/* What [renewalparams] and [gatehouse] say; verify (in the arena) or NULL. */
static const char *
read_renewal(struct surveying *l)
{
	char *conf = mem_printf("%s/renewal/%s.conf", certstore_dir(l->store), l->name);
	struct survey *s = l->s;
	struct err e = ERR_INIT;
	struct renewal how = { .server = NULL };

	if (file_exists(conf)) {
		if (renewal_load(l->store, l->name, l->options->arena, &how, &e) < 0)
			s->renewal_note = survey_text(l->options, span_str(err_text(&e)));
		else
			s->renewal = how.off ? SURVEY_RENEWAL_OFF : SURVEY_RENEWAL_AUTO;
	}
	if (s->renewal == SURVEY_RENEWAL_AUTO)
		s->due_at = due_at(l);
	err_release(&e);
	free(conf);
	return how.verify;
}

static void
read_backoff(struct surveying *l)
{
	char when[CLOCK_RFC3339_LEN + 1] = "";
	struct backoff b;

	/* Of an attempt that may be going on right now nothing can be said. */
	if (backoff_load(l->store, l->name, &b) && (b.failures > b.open || b.hold_until)) {
		int64_t next = b.hold_until > b.next_try ? b.hold_until : b.next_try;

		if (next > clock_wall())
			clock_format_rfc3339(next, when);
		inspection_add(&l->s->found, INSPECT_RENEWAL_FAILS, INSPECT_WARNING,
		    "its renewal failed %u times%s%s: %s", b.failures,
		    *when ? ", next try not before " : "", when,
		    b.problem ? b.problem : "no reason is known");
	}
	backoff_release(&b);
}

/* What libacme remembers: a deployment that is not over, an order that is not over. */
static void
read_notes(struct surveying *l)
{
	char *order = mem_printf("%s/gatehouse/orders/%s.json", certstore_dir(l->store), l->name);
	struct deploy_note note;

	l->s->order_open = file_exists(order);
	l->s->not_deployed = deploy_note_load(l->store, l->name, &note);
	if (l->s->not_deployed)
		inspection_add(&l->s->found, INSPECT_NOT_DEPLOYED, INSPECT_WARNING,
		    "published but not yet seen served: %s",
		    note.problem ? note.problem : "the run that did it was cut short");
	deploy_note_release(&note);
	free(order);
	read_backoff(l);
}

static void
check_wire(struct surveying *l, const char *address, struct span name)
{
	X509 *served = NULL, *leaf = sk_X509_value(l->certs, 0);
	struct survey *s = l->s;
	struct err e = ERR_INIT;

	s->wire_address = survey_text(l->options, span_str(address));
	s->wire = SURVEY_WIRE_SAME;
	if (served_leaf(address, name, l->options->timeout_ms, &served, &e) < 0) {
		s->wire = SURVEY_WIRE_SILENT;
		inspection_add(&s->found, INSPECT_WIRE_UNREACHABLE, INSPECT_CRITICAL, "%s",
		    err_text(&e));
	} else if (X509_cmp(served, leaf) != 0) {
		struct x509info other;
		char ends[CLOCK_RFC3339_LEN + 1];

		s->wire = SURVEY_WIRE_DIFFERENT;
		x509info_read(served, l->options->arena, &other);
		clock_format_rfc3339(other.not_after, ends);
		inspection_add(&s->found, INSPECT_WIRE_DIFFERS, INSPECT_WARNING,
		    "%s serves another certificate for " SPAN_FMT ": serial " SPAN_FMT
		    ", ending at %s",
		    address, SPAN_ARG(name), SPAN_ARG(other.serial), ends);
	}
	X509_free(served);
	err_release(&e);
}

void
lineage_survey(const struct survey_options *options, struct certstore *store, const char *name,
    struct survey *s)
{
	struct surveying l = { .options = options, .store = store, .name = name, .s = s };
	struct err e = ERR_INIT;
	const char *verify;
	char *path = certstore_path(store, name, CERTSTORE_FULLCHAIN);

	*s = (struct survey){ .kind = SURVEY_LINEAGE };
	s->name = survey_text(options, span_str(name));
	s->path = survey_text(options, span_str(path));
	if (read_certs(&l, &e) < 0) {
		survey_failed(options, s, &e);
	} else {
		survey_certs(options, s, l.certs);
		if (!options->keyless)
			check_key(&l);
		verify = read_renewal(&l);
		read_notes(&l);
		if (options->verify)
			verify = options->verify;
		if (verify && strcmp(verify, "none") != 0 && s->name_count > 0)
			check_wire(&l, verify, s->names[0]);
	}
	sk_X509_pop_free(l.certs, X509_free);
	free(path);
	err_release(&e);
}
