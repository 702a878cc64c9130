/* SPDX-License-Identifier: ISC */
/*
 * tls_handover: from OpenSSL, which makes the handshake, to the record layer, which serves the connection.
 *
 * That takes the application traffic secrets, which pass through key_schedule.h; and how many records OpenSSL has sent with
 * them, which are the tickets. Nothing is read ahead in the handshake, so there are none that it has received. A
 * connection that wants what the record layer does not do stays with OpenSSL: other versions and suites, early data, records
 * of a size that the client chose, records padded by "ssl_conf_command RecordPadding".
 */
#include "proxy/tls/record.h"
#include "proxy/tls/record_layer.h"
#include "proxy/tls/tls_facts.h"
#include "proxy/tls/tls_internal.h"
#include "proxy/worker/client.h"

/* ---- what OpenSSL tells in the handshake -------------------------------------------------------------------- */

/* Our Finished is the last that has other keys. */
static void
on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *ssl, void *arg)
{
	struct accept_state *state = sent ? tls_accept_state(ssl) : NULL;

	if (!state)
		return;
	if (type == SSL3_RT_HEADER)
		state->records_out++;
	else if (type == SSL3_RT_HANDSHAKE && n > 0 &&
		 *(const unsigned char *)bytes == SSL3_MT_FINISHED)
		state->records_out = 0;
}

void
tls_handover_set_callbacks(SSL_CTX *ctx)
{
	SSL_CTX_set_msg_callback(ctx, on_message);
}

/* ---- at its end ------------------------------------------------------------------------------------------------ */

static const struct record_suite *
suite_of(const SSL *ssl)
{
	if (SSL_version(ssl) != TLS1_3_VERSION || SSL_has_pending(ssl) ||
	    SSL_get_early_data_status(ssl) == SSL_EARLY_DATA_ACCEPTED ||
	    SSL_SESSION_get_max_fragment_length(SSL_get0_session(ssl)) != 0)
		return NULL;
	return record_suite_find(SSL_CIPHER_get_protocol_id(SSL_get_current_cipher(ssl)));
}

void
tls_handover(struct conn *c)
{
	const struct accept_state *state = tls_accept_state(c->ssl);
	const struct record_suite *suite = suite_of(c->ssl);
	struct record_start start;

	if (!suite || !state || !state->server || state->pads ||
	    state->secrets.in.n != record_suite_secret(suite) ||
	    state->secrets.out.n != record_suite_secret(suite))
		return;
	start = (struct record_start){
		.suite = suite,
		.secret_in = state->secrets.in.bytes,
		.secret_out = state->secrets.out.bytes,
		.records_out = state->records_out,
		.text_max = tls_settings_record(&state->server->settings->tls),
	};
	if (!record_layer_begin(c, &start))
		return;
	/* Not to throw the session away. */
	SSL_set_shutdown(c->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
	SSL_free(c->ssl);
	c->ssl = NULL;
}
