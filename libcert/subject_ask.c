/* SPDX-License-Identifier: ISC */
/*
 * A subject by question and answer.
 */
#include "libcert/subject.h"

#include <openssl/x509.h>

#include <stdlib.h>

static const struct question {
	const char *field, *text;
} questions[] = {
	{ "C", "Country (two letters)" },
	{ "ST", "State or province" },
	{ "L", "Locality (city)" },
	{ "O", "Organization" },
	{ "OU", "Organizational unit" },
	{ "CN", "Common name (the host name, such as www.example.com)" },
	{ "emailAddress", "E-mail address" },
};

/* A line's buffer, reused from question to question. */
struct line {
	char *text;
	size_t room;
};

static int
ask(const struct question *question, FILE *in, FILE *out, struct line *line, X509_NAME *subject,
    struct err *e)
{
	for (;;) {
		struct err why = ERR_INIT;
		struct span answer;
		ssize_t len;

		fprintf(out, "%s: ", question->text);
		fflush(out);
		len = getline(&line->text, &line->room, in);
		if (len < 0)
			return err_set(e, ERR_USAGE, "the questions were not answered");
		answer = span_trim(span_of(line->text, (size_t)len));
		if (strcmp(question->field, "CN") == 0 && answer.n == 0)
			err_set(&why, ERR_USAGE, "a certificate needs a name");
		else if (subject_add(subject, question->field, answer, &why) == 0)
			return 0;
		fprintf(out, "  %s\n", err_text(&why));
		err_release(&why);
	}
}

int
subject_ask(FILE *in, FILE *out, X509_NAME **subject, struct err *e)
{
	X509_NAME *made = X509_NAME_new();
	struct line line = { 0 };
	int rc = 0;

	if (!made)
		return err_set_openssl(e, ERR_BUG, "cannot make a subject");
	fputs("Who is the certificate for? Leave blank what does not apply.\n", out);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]) && rc == 0; i++)
		rc = ask(&questions[i], in, out, &line, made, e);
	free(line.text);
	if (rc < 0)
		X509_NAME_free(made);
	else
		*subject = made;
	return rc;
}
