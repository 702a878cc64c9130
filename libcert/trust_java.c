/* SPDX-License-Identifier: ISC */
/*
 * Java's store: the key store "cacerts" of one runtime, asked and changed by its keytool.
 *
 * Which runtime: $JAVA_HOME, else the one whose keytool comes first in PATH. Whether a CA is in it is told by its
 * fingerprint, under whatever alias: on Debian the system's store feeds this one.
 */
#include "base/encode.h"
#include "base/file.h"
#include "base/mem.h"
#include "libcert/trust_internal.h"
#include "libcert/x509info.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define LIST_MAX ((size_t)16 * 1024 * 1024)
#define PRINT_MAX 128

/* The password of every cacerts that was ever shipped; it protects nothing and hides nothing. */
static const char *const password_env[] = { "GATEHOUSE_STOREPASS=changeit", NULL };

struct java {
	char *keytool, *store;
};

static void
java_release(struct java *java)
{
	free(java->keytool);
	free(java->store);
}

/* "/usr/lib/jvm/java-17/bin/keytool" -> "/usr/lib/jvm/java-17"; on the heap, or NULL. */
static char *
home_of_keytool(void)
{
	struct span path = span_str(getenv("PATH")), dir;
	char *home = NULL;

	while (!home && span_split(&path, ':', &dir)) {
		char *file = mem_printf(SPAN_FMT "/keytool", SPAN_ARG(dir));
		char *real = dir.n > 0 && access(file, X_OK) == 0 ? realpath(file, NULL) : NULL;

		if (real && span_ends(span_str(real), SPAN("/bin/keytool")))
			home = mem_dup_span(span_of(real, strlen(real) - strlen("/bin/keytool")));
		free(real);
		free(file);
	}
	return home;
}

/* false: there is none. */
static bool
find_java(struct java *java)
{
	static const char *const places[] = { "lib/security/cacerts", "jre/lib/security/cacerts" };
	const char *set = getenv("JAVA_HOME");
	char *home = set && set[0] == '/' ? mem_strdup(set) : home_of_keytool();

	*java = (struct java){ 0 };
	if (!home)
		return false;
	java->keytool = file_join(home, "bin/keytool");
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		free(java->store);
		java->store = file_join(home, places[i]);
		if (file_exists(java->store))
			break;
	}
	free(home);
	if (access(java->keytool, X_OK) == 0 && file_exists(java->store))
		return true;
	java_release(java);
	return false;
}

static int
is_trusted(const struct trust_run *run, const struct java *java, bool *trusted, struct err *e)
{
	const char *const argv[] = { java->keytool, "-list", "-keystore", java->store,
		"-storepass:env", "GATEHOUSE_STOREPASS", NULL };
	unsigned char sha256[32];
	struct buf list, print;
	int rc;

	buf_init(&list, LIST_MAX);
	buf_init(&print, PRINT_MAX);
	x509info_sha256(run->request->ca, sha256);
	encode_hex_colon(&print, span_of(sha256, sizeof(sha256)));
	rc = trust_command(run, argv, span_of(NULL, 0), password_env, &list, e);
	*trusted = rc == 0 && list.len > 0 && memmem(list.p, list.len, print.p, print.len);
	buf_release(&list);
	buf_release(&print);
	return rc;
}

static int
change(const struct trust_run *run, const struct java *java, struct err *e)
{
	const char *const add[] = { java->keytool, "-importcert", "-noprompt", "-alias", run->label,
		"-file", run->request->ca_path, "-keystore", java->store, "-storepass:env",
		"GATEHOUSE_STOREPASS", NULL };
	const char *const drop[] = { java->keytool, "-delete", "-alias", run->label, "-keystore",
		java->store, "-storepass:env", "GATEHOUSE_STOREPASS", NULL };
	struct buf said;
	int rc;

	buf_init(&said, LIST_MAX);
	rc = trust_command(run, run->request->action == TRUST_INSTALL ? add : drop,
	    span_of(NULL, 0), password_env, &said, e);
	buf_release(&said);
	return rc;
}

void
trust_java(struct trust_run *run)
{
	bool install = run->request->action == TRUST_INSTALL, trusted = false;
	struct err e = ERR_INIT;
	struct java java;
	int rc;

	if (!find_java(&java)) {
		trust_tell(run, TRUST_JAVA, TRUST_ABSENT, "",
		    "no Java (JAVA_HOME, or keytool in PATH)");
		return;
	}
	rc = is_trusted(run, &java, &trusted, &e);
	if (rc == 0 && run->request->action != TRUST_STATUS && trusted != install) {
		rc = change(run, &java, &e);
		if (rc == 0)
			rc = is_trusted(run, &java, &trusted, &e);
	}
	if (rc < 0)
		trust_tell_failed(run, TRUST_JAVA, java.store, &e);
	else
		trust_tell(run, TRUST_JAVA, trusted ? TRUST_TRUSTED : TRUST_UNTRUSTED, java.store,
		    NULL);
	java_release(&java);
}
