/* SPDX-License-Identifier: ISC */
/*
 * mkcert-selfsigned: a private key and a certificate signed with it, for the names given.
 *
 * From argument to file: options fill struct request; names and subject are completed from each
 * other (or asked for on a terminal); x509gen makes the certificate; certpair puts both files in
 * place; what was made is told as text or JSON.
 */
#include "base/arena.h"
#include "base/cli.h"
#include "base/clock.h"
#include "base/encode.h"
#include "base/mem.h"
#include "libcert/certpair.h"
#include "libcert/name.h"
#include "libcert/pkey.h"
#include "libcert/subject.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"

#include <cjson/cJSON.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define NAMES_MAX 100
#define DAYS_DEFAULT 397
#define DAYS_MAX 36500
#define DAYS_APPLE 825
#define DAY_SECONDS INT64_C(86400)
#define BACKDATE INT64_C(3600)
#define COMMON_NAME 64 /* ub-common-name, RFC 5280 appendix A.1 */

struct request {
	/* as typed */
	const char *cert_path, *key_path;
	struct pkey_spec key_spec;
	const EVP_MD *digest;
	int64_t days;      /* 0 = not given */
	int64_t not_after; /* 0 = not given */
	bool x509, force, quiet, json;
	bool req;     /* the word "req" came first */
	size_t words; /* operands so far */
	/* completed */
	struct name names[NAMES_MAX];
	size_t name_count;
	X509_NAME *subject;
	int64_t not_before;
	char *cert_file, *key_file;
};

static void
request_release(struct request *r)
{
	while (r->name_count > 0)
		name_release(&r->names[--r->name_count]);
	X509_NAME_free(r->subject);
	free(r->cert_file);
	free(r->key_file);
}

/* ---- options ---- */

static bool
has_name(const struct request *r, const struct name *name)
{
	for (size_t i = 0; i < r->name_count; i++) {
		if (r->names[i].kind == name->kind && strcmp(r->names[i].text, name->text) == 0)
			return true;
	}
	return false;
}

/* A name given twice counts once. */
static int
add_name(struct request *r, struct span text, struct err *e)
{
	struct name name;

	if (r->name_count == NAMES_MAX)
		return err_set(e, ERR_USAGE, "more than %d names", NAMES_MAX);
	if (name_parse(text, &name, e) < 0)
		return -1;
	if (has_name(r, &name))
		name_release(&name);
	else
		r->names[r->name_count++] = name;
	return 0;
}

static int
take_word(void *ctx, const char *word, struct err *e)
{
	struct request *r = ctx;

	if (r->words++ == 0 && r->req)
		return 0;
	return add_name(r, span_str(word), e);
}

static int
take_cert_path(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;

	r->cert_path = value;
	return *value ? 0 : err_set(e, ERR_USAGE, "an empty file name");
}

static int
take_key_path(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;

	r->key_path = value;
	return *value ? 0 : err_set(e, ERR_USAGE, "an empty file name");
}

static int
take_days(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;
	uint64_t days;

	if (span_to_u64(span_str(value), DAYS_MAX, &days) < 0 || days == 0)
		return err_set(e, ERR_USAGE, "\"%s\" is not a number of days from 1 to %d", value,
		    DAYS_MAX);
	r->days = (int64_t)days;
	return 0;
}

static int
take_not_after(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;
	char *end_of_day = mem_printf("%sT23:59:59Z", value);
	int rc = 0;

	if (clock_parse_rfc3339(span_str(value), &r->not_after) < 0 &&
	    clock_parse_rfc3339(span_str(end_of_day), &r->not_after) < 0) {
		rc = err_set(e, ERR_USAGE, "\"%s\" is not a date", value);
		err_hint(e, "as in 2027-01-31 or 2027-01-31T12:00:00Z");
	}
	free(end_of_day);
	return rc;
}

static int
take_newkey(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;

	return pkey_spec_parse(span_str(value), &r->key_spec, e);
}

static int
take_subject(void *ctx, const char *value, struct err *e)
{
	struct request *r = ctx;

	X509_NAME_free(r->subject);
	r->subject = NULL;
	return subject_parse(span_str(value), &r->subject, e);
}

/* openssl's "subjectAltName=DNS:a,IP:b"; other extensions are ours to choose. */
static int
take_addext(void *ctx, const char *value, struct err *e)
{
	struct span rest = span_str(value), name, key = SPAN("subjectAltName=");

	if (!span_starts(rest, key)) {
		err_set(e, ERR_USAGE, "only subjectAltName can be added, not \"%s\"", value);
		return err_hint(e,
		    "the other extensions of a server's certificate are there already");
	}
	rest = span_after(rest, key.n);
	while (span_split(&rest, ',', &name)) {
		if (add_name(ctx, span_trim(name), e) < 0)
			return -1;
	}
	return 0;
}

static int
take_x509(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->x509 = true;
	return 0;
}

/* What it asks for is what always happens: a new key, not encrypted. */
static int
take_always(void *ctx, const char *value, struct err *e)
{
	return 0;
}

static int
take_sha256(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->digest = EVP_sha256();
	return 0;
}

static int
take_sha384(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->digest = EVP_sha384();
	return 0;
}

static int
take_sha512(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->digest = EVP_sha512();
	return 0;
}

static int
take_force(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->force = true;
	return 0;
}

static int
take_quiet(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->quiet = true;
	return 0;
}

static int
take_json(void *ctx, const char *value, struct err *e)
{
	((struct request *)ctx)->json = true;
	return 0;
}

static const struct cli_option options[] = {
	{ "out", 'o', "FILE", "certificate file; default NAME.crt", CLI_SINGLE_DASH,
	    take_cert_path },
	{ "keyout", 0, "FILE",
	    "private key file; default NAME.key. The same FILE as -out: one file with both",
	    CLI_SINGLE_DASH, take_key_path },
	{ "newkey", 0, "TYPE",
	    "rsa:2048 to rsa:8192, ec:P-256 (default), ec:P-384, ec:P-521, ed25519",
	    CLI_SINGLE_DASH, take_newkey },
	{ "days", 0, "N", "valid for N days from now; default 397", CLI_SINGLE_DASH, take_days },
	{ "not-after", 0, "DATE", "valid until DATE instead (2027-01-31, or RFC 3339)", 0,
	    take_not_after },
	{ "subj", 0, "SUBJECT", "subject as in /C=DE/O=Example/CN=a.example; default CN=NAME",
	    CLI_SINGLE_DASH, take_subject },
	{ "addext", 0, "subjectAltName=LIST", "more names, as openssl writes them", CLI_SINGLE_DASH,
	    take_addext },
	{ "sha256", 0, NULL, "sign with SHA-256 (default)", CLI_SINGLE_DASH, take_sha256 },
	{ "sha384", 0, NULL, "sign with SHA-384", CLI_SINGLE_DASH, take_sha384 },
	{ "sha512", 0, NULL, "sign with SHA-512", CLI_SINGLE_DASH, take_sha512 },
	{ "x509", 0, NULL, "make a certificate (openssl's word; always so)", CLI_SINGLE_DASH,
	    take_x509 },
	{ "nodes", 0, NULL, "do not encrypt the key (openssl's word; always so)", CLI_SINGLE_DASH,
	    take_always },
	{ "noenc", 0, NULL, "the same", CLI_SINGLE_DASH | CLI_HIDDEN, take_always },
	{ "new", 0, NULL, "the same", CLI_SINGLE_DASH | CLI_HIDDEN, take_always },
	{ "force", 'f', NULL, "replace files that exist", 0, take_force },
	{ "quiet", 'q', NULL, "print nothing unless something failed", 0, take_quiet },
	{ "json", 0, NULL, "tell what was made as JSON", 0, take_json },
	{ 0 },
};

static const struct cli_program program = {
	.name = "mkcert-selfsigned",
	.usage = "[options] NAME...\n"
		 "req -x509 -nodes [-days N] [-newkey TYPE] -keyout FILE -out FILE [-subj SUBJECT]",
	.summary =
	    "Make a private key and a certificate signed with it. NAME is a host name, a wildcard, "
	    "an IP address, an e-mail address or a URI; every NAME goes into subjectAltName.",
	.examples =
	    "mkcert-selfsigned localhost 127.0.0.1 ::1\n"
	    "    localhost.crt and localhost.key for this machine\n"
	    "mkcert-selfsigned -newkey rsa:2048 -days 90 -keyout k.pem -out c.pem a.example '*.a.example'\n"
	    "    RSA, 90 days, a name and all names below it\n"
	    "mkcert-selfsigned req -x509 -nodes -days 365 -newkey rsa:2048 -keyout k.pem -out c.pem\n"
	    "    the tutorials' openssl line as it stands; asks the classic questions\n",
	.details = "Environment:\n"
		   "  SOURCE_DATE_EPOCH  the time to date the certificate from, instead of now\n"
		   "Exit codes:\n"
		   "  0 done, 64 usage, 73 a file exists or cannot be created, 74 I/O error,\n"
		   "  77 permission\n",
	.options = options,
	.operand = take_word,
};

/* ---- completing the request ---- */

/* The subject's common name joins the names, if it is one; clients look nowhere else. */
static void
add_common_name(struct request *r)
{
	char *name = subject_common_name(r->subject);

	if (name)
		(void)add_name(r, span_str(name), NULL);
	free(name);
}

/* Neither name nor subject: the classic questions, if somebody is there to answer. */
static int
ask_subject(struct request *r, struct err *e)
{
	if (!isatty(STDIN_FILENO)) {
		err_set(e, ERR_USAGE, "no name given");
		return err_hint(e, "as in: mkcert-selfsigned localhost 127.0.0.1 ::1");
	}
	return subject_ask(stdin, stderr, &r->subject, e);
}

static int
complete_subject(struct request *r, struct err *e)
{
	if (!r->subject && r->name_count == 0 && ask_subject(r, e) < 0)
		return -1;
	if (r->subject) {
		add_common_name(r);
		return 0;
	}
	r->subject = X509_NAME_new();
	if (!r->subject)
		return err_set_openssl(e, ERR_BUG, "cannot make a subject");
	if (strlen(r->names[0].text) > COMMON_NAME)
		return 0;
	return subject_add(r->subject, "CN", span_str(r->names[0].text), e);
}

/* SOURCE_DATE_EPOCH, or now. */
static int
start_time(int64_t *start, struct err *e)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	uint64_t value;

	*start = clock_wall();
	if (!epoch || !*epoch)
		return 0;
	if (span_to_u64(span_str(epoch), INT64_C(253402300799), &value) < 0)
		return err_set(e, ERR_USAGE, "SOURCE_DATE_EPOCH is \"%s\", not a number of seconds",
		    epoch);
	*start = (int64_t)value;
	return 0;
}

static int
complete_dates(struct request *r, struct err *e)
{
	int64_t start;

	if (r->days > 0 && r->not_after > 0)
		return err_set(e, ERR_USAGE, "-days and --not-after contradict each other");
	if (start_time(&start, e) < 0)
		return -1;
	if (r->not_after == 0)
		r->not_after = start + (r->days ? r->days : DAYS_DEFAULT) * DAY_SECONDS;
	else if (r->not_after <= start)
		return err_set(e, ERR_USAGE, "--not-after is in the past");
	/* A client whose clock is behind still accepts it. */
	r->not_before = start > BACKDATE ? start - BACKDATE : 0;
	return 0;
}

static int
complete_paths(struct request *r, struct err *e)
{
	if (!r->cert_path && r->name_count == 0)
		return err_set(e, ERR_USAGE, "no name to call the files by: give -out and -keyout");
	r->cert_file = r->cert_path ? mem_strdup(r->cert_path) : certpair_cert_name(&r->names[0]);
	r->key_file = r->key_path ? mem_strdup(r->key_path) : certpair_key_name(r->cert_file);
	return 0;
}

static int
complete(struct request *r, struct err *e)
{
	if (r->req && !r->x509) {
		err_set(e, ERR_USAGE,
		    "\"req\" without -x509 asks for a signing request, not a certificate");
		return err_hint(e, "add -x509, or make the request with openssl");
	}
	if (complete_subject(r, e) < 0 || complete_dates(r, e) < 0)
		return -1;
	return complete_paths(r, e);
}

/* ---- telling ---- */

static void
warn(const struct request *r)
{
	if (r->quiet)
		return;
	if (r->name_count == 0)
		fprintf(stderr, "%s: no host name in it: no browser will accept it for any site\n",
		    program.name);
	if ((r->not_after - r->not_before) / DAY_SECONDS > DAYS_APPLE)
		fprintf(stderr, "%s: valid for more than %d days: Apple's systems refuse it\n",
		    program.name, DAYS_APPLE);
}

/* What there is to tell; strings owned. */
struct told {
	char from[CLOCK_RFC3339_LEN + 1], until[CLOCK_RFC3339_LEN + 1], key[32];
	struct buf sha256, pin;
	struct arena *arena;
	struct x509info info;
};

static void
told_init(struct told *t, X509 *cert, EVP_PKEY *key)
{
	unsigned char pin[32];

	*t = (struct told){ .arena = arena_new(0) };
	buf_init(&t->sha256, 128);
	buf_init(&t->pin, 128);
	x509info_read(cert, t->arena, &t->info);
	x509info_pin(cert, pin);
	clock_format_rfc3339(t->info.not_before, t->from);
	clock_format_rfc3339(t->info.not_after, t->until);
	pkey_describe(key, t->key);
	encode_hex_colon(&t->sha256, span_of(t->info.sha256, 32));
	encode_base64(&t->pin, span_of(pin, 32));
}

static void
told_release(struct told *t)
{
	buf_release(&t->sha256);
	buf_release(&t->pin);
	arena_free(t->arena);
}

static void
tell_text(const struct request *r, struct told *t)
{
	printf("certificate  %s\n", r->cert_file);
	printf("key          %s (%s)\n", r->key_file, t->key);
	for (size_t i = 0; i < r->name_count; i++)
		printf("%s %s %s\n", i == 0 ? "names       " : "            ",
		    name_kind_word(r->names[i].kind), r->names[i].text);
	printf("valid        %s to %s (%lld days)\n", t->from, t->until,
	    (long long)((t->info.not_after - t->info.not_before) / DAY_SECONDS));
	printf("sha256       %s\n", buf_str(&t->sha256));
	printf("pin-sha256   %s\n", buf_str(&t->pin));
}

static bool
add_names(cJSON *names, const struct request *r)
{
	bool ok = true;

	for (size_t i = 0; ok && i < r->name_count; i++) {
		cJSON *name = cJSON_CreateObject();

		ok = cJSON_AddItemToArray(names, name) &&
		     cJSON_AddStringToObject(name, "type", name_kind_word(r->names[i].kind)) &&
		     cJSON_AddStringToObject(name, "value", r->names[i].text);
	}
	return ok;
}

static int
tell_json(const struct request *r, struct told *t, struct err *e)
{
	cJSON *o = cJSON_CreateObject();
	bool ok = cJSON_AddNumberToObject(o, "schema", 1) &&
		  cJSON_AddStringToObject(o, "certificate", r->cert_file) &&
		  cJSON_AddStringToObject(o, "key", r->key_file) &&
		  cJSON_AddStringToObject(o, "key_type", t->key) &&
		  add_names(cJSON_AddArrayToObject(o, "names"), r) &&
		  cJSON_AddStringToObject(o, "serial", t->info.serial.p) &&
		  cJSON_AddStringToObject(o, "not_before", t->from) &&
		  cJSON_AddStringToObject(o, "not_after", t->until) &&
		  cJSON_AddStringToObject(o, "sha256", buf_str(&t->sha256)) &&
		  cJSON_AddStringToObject(o, "pin_sha256", buf_str(&t->pin));
	char *text = ok ? cJSON_Print(o) : NULL;

	cJSON_Delete(o);
	if (!text)
		return err_set(e, ERR_BUG, "cannot write JSON");
	printf("%s\n", text);
	free(text);
	return 0;
}

static int
tell(const struct request *r, X509 *cert, EVP_PKEY *key, struct err *e)
{
	struct told t;
	int rc = 0;

	if (r->quiet && !r->json)
		return 0;
	told_init(&t, cert, key);
	if (r->json)
		rc = tell_json(r, &t, e);
	else
		tell_text(r, &t);
	told_release(&t);
	if (rc == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		rc = err_set(e, ERR_IO, "cannot write to standard output");
	return rc;
}

/* ---- making ---- */

static int
write_files(const struct request *r, X509 *cert, EVP_PKEY *key, struct certpair *pair,
    struct err *e)
{
	struct buf cert_pem, key_pem;
	int rc = -1;

	buf_init(&cert_pem, 1024 * 1024);
	buf_init_secret(&key_pem, 64 * 1024);
	if (x509info_format_pem(cert, &cert_pem, e) == 0 &&
	    pkey_format_pem(key, &key_pem, e) == 0) {
		pair->cert = buf_span(&cert_pem);
		pair->key = buf_span(&key_pem);
		rc = certpair_write(pair, e);
	}
	buf_release(&cert_pem);
	buf_release(&key_pem);
	return rc;
}

static int
make(struct request *r, struct err *e)
{
	struct x509gen_request gen = { .use = X509GEN_SERVER };
	struct certpair pair = { .replace = r->force };
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	int rc = -1;

	if (complete(r, e) < 0)
		return -1;
	pair.cert_path = r->cert_file;
	pair.key_path = r->key_file;
	if (certpair_check(&pair, e) < 0 || pkey_generate(&r->key_spec, &key, e) < 0)
		return -1;
	gen.subject = r->subject;
	gen.names = r->names;
	gen.name_count = r->name_count;
	gen.not_before = r->not_before;
	gen.not_after = r->not_after;
	gen.digest = r->digest;
	gen.key = key;
	if (x509gen_make(&gen, &cert, e) == 0 && write_files(r, cert, key, &pair, e) == 0) {
		warn(r);
		rc = tell(r, cert, key, e);
	}
	X509_free(cert);
	EVP_PKEY_free(key);
	return rc;
}

int
main(int argc, char **argv)
{
	struct request r = {
		.key_spec = { .kind = PKEY_EC, .curve = "P-256" },
		.req = argc > 1 && strcmp(argv[1], "req") == 0,
	};
	struct err e = ERR_INIT;
	enum cli_result parsed = cli_parse(&program, argc, argv, &r, &e);

	if (parsed == CLI_OK)
		(void)make(&r, &e);
	if (e.kind != ERR_NONE)
		err_print(&e);
	request_release(&r);
	argc = err_exit_code(e.kind);
	err_release(&e);
	return argc;
}
