/* SPDX-License-Identifier: ISC */
/*
 * certificate_pack: one host's mistake stays one host's.
 */
#include "proxy/monitor/certificate_pack.h"

#include "base/clock.h"
#include "base/mem.h"
#include "libcert/chain.h"
#include "proxy/monitor/certificate_pair.h"
#include "proxy/tls/tls_settings.h"

#include <openssl/evp.h>

#include <fcntl.h>
#include <stddef.h>
#include <unistd.h>

#define ENTRY_MAX (4 << 20)
#define PATIENCE_MS 500 /* in a whole load, for pairs being replaced */
#define PATIENCE_STEP_MS 50

void
certificate_report_init(struct certificate_report *report, struct arena *arena)
{
	*report = (struct certificate_report){ .arena = arena, .patience_ms = PATIENCE_MS };
	report->tail = &report->first;
}

static const char *
consequence(const struct certificate_ref *ref, enum certificate_outcome outcome)
{
	switch (outcome) {
	case CERTIFICATE_SERVED:
		return "";
	case CERTIFICATE_KEPT:
		return "; the previous one stays in service";
	case CERTIFICATE_DISABLED:
		break;
	}
	return ref->serves ? "; TLS is off for its hosts"
			   : "; upstreams that are to be shown it cannot be reached";
}

static void
add_problem(struct certificate_report *report, const struct certificate_ref *ref,
    enum certificate_outcome outcome, const char *why)
{
	struct certificate_problem *p = arena_zalloc(report->arena, sizeof(*p));

	p->ref = ref;
	p->outcome = outcome;
	p->text = arena_printf(report->arena, "%s certificate \"" SPAN_FMT "\": %s%s",
	    outcome == CERTIFICATE_SERVED ? "serving" : "cannot use", SPAN_ARG(ref->cert_path), why,
	    consequence(ref, outcome));
	*report->tail = p;
	report->tail = &p->next;
}

/* The leaf of an entry of ours; NULL when there is none. */
static X509 *
leaf_of(struct span entry)
{
	const struct bundle_certificate *head = (const void *)entry.p;
	const unsigned char *der;
	uint32_t length;

	if (entry.n < sizeof(*head) + sizeof(length) || head->chain_count == 0)
		return NULL;
	memcpy(&length, entry.p + sizeof(*head), sizeof(length));
	if (length > entry.n - sizeof(*head) - sizeof(length))
		return NULL;
	der = (const unsigned char *)entry.p + sizeof(*head) + sizeof(length);
	return d2i_X509(NULL, &der, (long)length);
}

X509 *
certificate_leaf(const struct bundle *b, const struct certificate_ref *ref)
{
	char *name =
	    mem_printf(SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(ref->cert_path), SPAN_ARG(ref->key_path));
	struct span entry;
	X509 *leaf =
	    bundle_find(b, BUNDLE_CERTIFICATE, span_str(name), &entry) ? leaf_of(entry) : NULL;

	free(name);
	return leaf;
}

static bool
entry_in_date(struct span entry)
{
	X509 *leaf = leaf_of(entry);
	bool in_date = leaf && X509_cmp_current_time(X509_get0_notBefore(leaf)) < 0 &&
		       X509_cmp_current_time(X509_get0_notAfter(leaf)) > 0;

	X509_free(leaf);
	return in_date;
}

/* An SSL_CTX to try certificates on, made when first needed and again for other settings. */
struct trial {
	SSL_CTX *ctx;
	const struct tls_settings *settings;
};

struct packing {
	struct certificate_reader *reader;
	struct trial *trial;
	struct bundle_writer *writer;
	const struct bundle *previous;
	struct certificate_report *report;
	struct span name; /* of the entry */
	struct span old;  /* the previous entry; empty = none that serves */
};

/* Touched just now: what was read of it may be half of it. */
static bool
is_being_written(struct certificate_place *place)
{
	struct file_identity ids[2];

	return certificate_place_identify(place, ids, NULL) == 0 &&
	       !(file_identity_settled(&ids[0]) && file_identity_settled(&ids[1]));
}

/* Read until cert and key are whole and match, while patience lasts. */
static int
read_settled(struct packing *p, const struct certificate_ref *ref, struct certificate_pair *pair,
    struct file_identity ids[2], struct err *e)
{
	for (;;) {
		struct certificate_place place;
		struct file_identity after[2];
		bool mixed = false;
		int rc;

		certificate_place_open(&place, ref->cert_path, ref->key_path);
		place.passwords = ref->password_file;
		rc = certificate_place_identify(&place, ids, e);
		if (rc == 0)
			rc = certificate_pair_read(p->reader, &place, pair, &mixed, e);
		/* Replaced under our eyes: good, but not under the identity seen before. */
		if (rc == 0 && (certificate_place_identify(&place, after, NULL) < 0 ||
				   !file_identity_equal(&ids[0], &after[0]) ||
				   !file_identity_equal(&ids[1], &after[1])))
			ids[0].changed_ns = ids[1].changed_ns = INT64_MAX; /* never settled */
		mixed = mixed || (rc < 0 && is_being_written(&place));
		certificate_place_close(&place);
		if (rc == 0 || !mixed || p->report->patience_ms <= 0)
			return rc;
		p->report->patience_ms -= PATIENCE_STEP_MS;
		usleep(PATIENCE_STEP_MS * 1000);
	}
}

/* Does OpenSSL let a server show it? Its security level forbids weak keys and digests. */
static int
try_chain(struct trial *trial, const struct tls_settings *s, STACK_OF(X509) *chain, struct err *e)
{
	if (!trial->ctx || !span_eq(trial->settings->ciphers, s->ciphers) ||
	    trial->settings->commands != s->commands) {
		SSL_CTX_free(trial->ctx);
		trial->settings = s;
		trial->ctx = tls_settings_context(s, span_of(NULL, 0), NULL);
	}
	/* Settings that are no good are told elsewhere. */
	return trial->ctx ? tls_settings_try_chain(trial->ctx, chain, e) : 0;
}

static void
pack_fresh(struct packing *p, const struct certificate_ref *ref)
{
	struct certificate_pair pair = { 0 };
	struct file_identity ids[2];
	struct err e = ERR_INIT;
	struct buf entry;

	buf_init_secret(&entry, ENTRY_MAX);
	if (read_settled(p, ref, &pair, ids, &e) < 0 ||
	    (ref->tls && try_chain(p->trial, ref->tls, pair.chain, &e) < 0) ||
	    certificate_pair_encode(&pair, &entry, &e) < 0) {
		bundle_writer_add(p->writer, BUNDLE_CERTIFICATE, p->name, p->old);
		add_problem(p->report, ref, p->old.n ? CERTIFICATE_KEPT : CERTIFICATE_DISABLED,
		    err_text(&e));
		goto out;
	}
	if (chain_check_dates(pair.chain, clock_wall(), &e) < 0) {
		if (p->old.n && entry_in_date(p->old)) {
			bundle_writer_add(p->writer, BUNDLE_CERTIFICATE, p->name, p->old);
			add_problem(p->report, ref, CERTIFICATE_KEPT, err_text(&e));
			goto out;
		}
		add_problem(p->report, ref, CERTIFICATE_SERVED, err_text(&e));
	} else {
		/* One out of date is looked at again each time, so that it is reported each time. */
		file_identity_record(p->writer, BUNDLE_CERTIFICATE, p->name, ids, 2);
	}
	bundle_writer_add(p->writer, BUNDLE_CERTIFICATE, p->name, buf_span(&entry));
	p->report->packed++;
	p->report->changed += !span_eq(p->old, buf_span(&entry));
out:
	certificate_pair_release(&pair);
	buf_release(&entry);
	err_release(&e);
}

/* The files did not change since the previous bundle. */
static bool
pack_known(struct packing *p, const struct certificate_ref *ref)
{
	struct certificate_place place;
	struct file_identity ids[2];
	struct span entry;
	bool known;

	if (p->old.n == 0)
		return false;
	if (p->report->watched_only && !ref->watch) {
		bundle_writer_add(p->writer, BUNDLE_CERTIFICATE, p->name, p->old);
		file_identity_carry(p->writer, p->previous, BUNDLE_CERTIFICATE, p->name);
		return true;
	}
	certificate_place_open(&place, ref->cert_path, ref->key_path);
	known = certificate_place_identify(&place, ids, NULL) == 0 &&
		file_identity_reuse(p->previous, BUNDLE_CERTIFICATE, p->name, ids, 2, &entry);
	certificate_place_close(&place);
	if (!known)
		return false;
	bundle_writer_add(p->writer, BUNDLE_CERTIFICATE, p->name, entry);
	file_identity_record(p->writer, BUNDLE_CERTIFICATE, p->name, ids, 2);
	p->report->reused++;
	return true;
}

void
certificate_pack(struct bundle_writer *w, const struct bundle *previous, const struct snapshot *s,
    struct certificate_report *report)
{
	struct certificate_reader *reader = certificate_reader_new();
	struct trial trial = { NULL, NULL };

	for (size_t i = 0; i < s->certificate_count; i++) {
		const struct certificate_ref *ref = s->certificates[i];
		char *name = mem_printf(SPAN_FMT "\n" SPAN_FMT, SPAN_ARG(ref->cert_path),
		    SPAN_ARG(ref->key_path));
		struct packing p = {
			.reader = reader,
			.trial = &trial,
			.writer = w,
			.previous = previous,
			.report = report,
			.name = span_str(name),
		};

		if (previous)
			(void)bundle_find(previous, BUNDLE_CERTIFICATE, p.name, &p.old);
		if (!pack_known(&p, ref))
			pack_fresh(&p, ref);
		free(name);
	}
	SSL_CTX_free(trial.ctx);
	certificate_reader_free(reader);
}
