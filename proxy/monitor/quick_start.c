/* SPDX-License-Identifier: ISC */
/* quick_start: see quick_start.h. */
#include "proxy/monitor/quick_start.h"

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/name.h"
#include "libcert/pkey.h"
#include "libcert/x509gen.h"
#include "libcert/x509info.h"
#include "proxy/config/host_port.h"

#include <openssl/x509.h>

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define DIRECTORY "/tmp/tinyproxyd-XXXXXX"
#define CERT "self-signed.crt"
#define KEY "self-signed.key"
#define BACKDATED_S 3600
#define LIFE_S (397 * 24 * 3600)
#define NAMES_MAX 3

/* What the configuration may hold of the command line. */
static int
check_word(const char *option, const char *word, struct err *e)
{
	static const char fine[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:-_/[]*";

	if (*word && word[strspn(word, fine)] == '\0')
		return 0;
	return err_set(e, ERR_USAGE, "%s \"%s\" is no address", option, word);
}

static int
check_address(const char *option, const char *word, bool may_omit_host, struct err *e)
{
	struct host_port hp;
	const char *wrong;

	if (check_word(option, word, e) < 0)
		return -1;
	wrong = host_port_split(span_str(word), may_omit_host, &hp);
	if (!wrong && hp.port == 0 && !hp.is_unix)
		wrong = "no port";
	if (!wrong)
		return 0;
	err_set(e, ERR_USAGE, "%s \"%s\": %s", option, word, wrong);
	return err_hint(e, may_omit_host ? "write it like \"443\" or \"127.0.0.1:8443\""
					 : "write it like \"127.0.0.1:8080\"");
}

static int
write_file(const struct quick_start *q, const char *name, struct span text, struct err *e)
{
	char *path = mem_printf("%s%s", q->directory, name);
	int rc = file_write_new(path, text, 0600, e);

	free(path);
	return rc;
}

/* localhost, this machine's name, and the address if --from names one. */
static size_t
find_names(const struct quick_start *q, struct name names[NAMES_MAX])
{
	char host[256] = "";
	const char *words[] = { "localhost", host };
	struct host_port hp = { .port = 0 };
	size_t count = 0;

	(void)gethostname(host, sizeof(host) - 1);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		count += name_parse(span_str(words[i]), &names[count], NULL) == 0;
	if (host_port_split(span_str(q->from), true, &hp) == NULL && hp.host.n > 0 && !hp.is_unix)
		count += name_parse(hp.host, &names[count], NULL) == 0;
	return count;
}

static int
make_certificate(const struct quick_start *q, struct err *e)
{
	const struct pkey_spec spec = { .kind = PKEY_EC, .curve = "P-256" };
	struct name names[NAMES_MAX];
	struct x509gen_request request = {
		.use = X509GEN_SERVER,
		.names = names,
		.name_count = find_names(q, names),
		.not_before = clock_wall() - BACKDATED_S,
		.not_after = clock_wall() + LIFE_S,
	};
	X509_NAME *subject = X509_NAME_new();
	EVP_PKEY *key = NULL;
	X509 *cert = NULL;
	struct buf text, secret;
	int rc = -1;

	buf_init(&text, 65536);
	buf_init_secret(&secret, 65536);
	if (!subject || pkey_generate(&spec, &key, e) < 0)
		goto out;
	request.subject = subject;
	request.key = key;
	if (x509gen_make(&request, &cert, e) == 0 && x509info_format_pem(cert, &text, e) == 0 &&
	    pkey_format_pem(key, &secret, e) == 0 && write_file(q, CERT, buf_span(&text), e) == 0 &&
	    write_file(q, KEY, buf_span(&secret), e) == 0)
		rc = 0;
out:
	for (size_t i = 0; i < request.name_count; i++)
		name_release(&names[i]);
	X509_NAME_free(subject);
	X509_free(cert);
	EVP_PKEY_free(key);
	buf_release(&secret);
	buf_release(&text);
	return rc;
}

/* A path of the command line's, as it goes between quotes. */
static char *
quoted(const char *path)
{
	char *full = path[0] == '/' ? mem_strdup(path) : realpath(path, NULL);
	char *out = mem_alloc(2 * strlen(full ? full : path) + 1), *at = out;

	for (const char *p = full ? full : path; *p; p++) {
		if (*p == '"' || *p == '\\')
			*at++ = '\\';
		*at++ = *p;
	}
	*at = '\0';
	free(full);
	return out;
}

static int
write_configuration(const struct quick_start *q, struct err *e)
{
	char *cert = q->cert ? quoted(q->cert) : mem_strdup(CERT);
	char *key = q->key ? quoted(q->key) : mem_strdup(KEY);
	char *text =
	    mem_printf("daemon off;\n"
		       "pid %stinyproxyd.pid;\n"
		       "error_log stderr notice;\n"
		       "worker_processes auto;\n"
		       "events { worker_connections 4096; }\n"
		       "http {\n"
		       "    access_log off;\n"
		       "    client_max_body_size 0;\n"
		       "    server {\n"
		       "        listen %s ssl;\n"
		       "        ssl_certificate \"%s\";\n"
		       "        ssl_certificate_key \"%s\";\n"
		       "        location / {\n"
		       "            proxy_pass http://%s;\n"
		       "            proxy_request_buffering off;\n"
		       "            proxy_set_header Host $http_host;\n"
		       "            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n"
		       "            proxy_set_header X-Forwarded-Proto $scheme;\n"
		       "        }\n"
		       "    }\n"
		       "}\n",
		q->directory, q->from, cert, key, q->to);
	int rc = write_file(q, QUICK_START_CONF, span_str(text), e);

	free(text);
	free(key);
	free(cert);
	return rc;
}

int
quick_start_prepare(struct quick_start *q, struct err *e)
{
	char made[] = DIRECTORY;

	if (!q->from || !q->to)
		return err_set(e, ERR_USAGE, "--from and --to go together");
	if (!q->cert != !q->key)
		return err_set(e, ERR_USAGE, "--cert and --key go together");
	if (check_address("--from", q->from, true, e) < 0 ||
	    check_address("--to", q->to, false, e) < 0)
		return -1;
	if (!mkdtemp(made))
		return err_set_errno(e, errno, "cannot make a directory like " DIRECTORY);
	/* Workers find their temp paths in it, and no more: the key is 0600. */
	(void)chmod(made, 0711);
	q->directory = mem_printf("%s/", made);
	if (!q->cert && make_certificate(q, e) < 0)
		return -1;
	return write_configuration(q, e);
}

static int
remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	(void)remove(path);
	return 0;
}

void
quick_start_release(struct quick_start *q)
{
	if (!q->directory)
		return;
	(void)nftw(q->directory, remove_one, 8, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
	free(q->directory);
	q->directory = NULL;
}
