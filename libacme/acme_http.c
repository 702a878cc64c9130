/* SPDX-License-Identifier: ISC */
/*
 * acme_http: libcurl's multi interface as a small event loop.
 *
 * Easy handles are kept for reuse, as are their connections: one TLS connection
 * carries a whole issuance, and with HTTP/2 all orders of a CA share it (PIPEWAIT makes the
 * second transfer wait for the first handshake rather than start its own).
 */
#include "libacme/acme_http.h"

#include "base/clock.h"
#include "base/mem.h"

#include <curl/curl.h>

#include <pthread.h>

#define REPLY_MAX ((size_t)1024 * 1024)
#define CONNECT_TIMEOUT_MS 10000
#define TIMEOUT_MS 60000
#define HEADER_VALUE_MAX 2048
#define REDIRECTS_MAX 10 /* what Boulder follows */
/* The longest nap: how late a stop request may be seen. */
#define NAP_MAX_MS 250

struct transfer {
	struct transfer *next;
	CURL *easy;
	struct curl_slist *headers, *connect_to;
	struct buf sent, received;
	struct acme_reply reply;
	void (*done)(void *arg, const struct acme_reply *reply, struct err *e);
	void *arg;
	char *url, *ca_file;
	char why[CURL_ERROR_SIZE];
};

struct timer {
	struct timer *next;
	int64_t at_ms;
	void (*fire)(void *arg);
	void *arg;
};

struct acme_http {
	CURLM *multi; /* NULL before there is work: most runs of acme-renew end without any */
	const volatile sig_atomic_t *stop;
	struct transfer *active, *idle;
	struct timer *timers; /* soonest first */
	struct watch_set watches;
	struct offload *offload; /* NULL before it is needed */
	struct acme_http_counts counts;
	void (*seen)(void *arg, const struct acme_exchange *exchange);
	void *seen_arg;
};

static void
global_init(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

struct acme_http *
acme_http_new(const volatile sig_atomic_t *stop)
{
	struct acme_http *http = mem_zalloc(sizeof(*http));

	http->stop = stop;
	return http;
}

static void
need_curl(struct acme_http *http)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	if (http->multi)
		return;
	pthread_once(&once, global_init);
	http->multi = curl_multi_init();
	if (!http->multi)
		abort();
	curl_multi_setopt(http->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_MULTIPLEX);
}

/* Make a transfer ready for its next use. */
static void
transfer_reset(struct transfer *t)
{
	curl_slist_free_all(t->headers);
	curl_slist_free_all(t->connect_to);
	t->headers = t->connect_to = NULL;
	acme_reply_reset(&t->reply);
	free(t->url);
	free(t->ca_file);
	t->url = t->ca_file = NULL;
	t->why[0] = '\0';
	buf_release(&t->sent);
	buf_release(&t->received);
	curl_easy_reset(t->easy);
}

static void
transfer_free(struct transfer *t)
{
	transfer_reset(t);
	curl_easy_cleanup(t->easy);
	free(t);
}

static void
drop_work(struct acme_http *http)
{
	struct transfer *t;
	struct timer *timer;

	while ((t = http->active)) {
		http->active = t->next;
		curl_multi_remove_handle(http->multi, t->easy);
		transfer_free(t);
	}
	while ((timer = http->timers)) {
		http->timers = timer->next;
		free(timer);
	}
}

void
acme_http_free(struct acme_http *http)
{
	struct transfer *t;

	if (!http)
		return;
	offload_free(http->offload);
	drop_work(http);
	while ((t = http->idle)) {
		http->idle = t->next;
		transfer_free(t);
	}
	curl_multi_cleanup(http->multi);
	watch_set_release(&http->watches);
	free(http);
}

/* ---- reading a reply ------------------------------------------------------------------------- */

static size_t
on_body(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;

	return buf_add(&t->received, span_of(data, size * count)) < 0 ? 0 : size * count;
}

static size_t
on_header(char *data, size_t size, size_t count, void *arg)
{
	struct transfer *t = arg;
	struct span line = span_trim(span_of(data, size * count)), name;

	if (span_starts(line, SPAN("HTTP/"))) {
		/* A new header block (after a redirect or 1xx): what came before does not count. */
		acme_reply_reset(&t->reply);
	} else if (span_find(line, ':') > 0 && line.n <= HEADER_VALUE_MAX) {
		span_split(&line, ':', &name);
		acme_reply_read_field(&t->reply, name, span_trim(line));
	}
	return size * count;
}

/* ---- starting -------------------------------------------------------------------------------- */

static struct transfer *
transfer_get(struct acme_http *http)
{
	struct transfer *t = http->idle;

	if (t) {
		http->idle = t->next;
		return t;
	}
	t = mem_zalloc(sizeof(*t));
	t->easy = curl_easy_init();
	if (!t->easy)
		abort();
	acme_reply_reset(&t->reply);
	return t;
}

static void
set_common(struct transfer *t, const struct acme_fetch *fetch)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, t);
	curl_easy_setopt(easy, CURLOPT_URL, fetch->url);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, t->why);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "Gatehouse/" GATEHOUSE_VERSION);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, t);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, t);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
	curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS,
	    (long)(fetch->timeout_ms ? fetch->timeout_ms : TIMEOUT_MS));
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	if (t->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, t->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
}

/* Talking to the CA: https only (but for what is signed), nothing followed. */
static void
set_acme(struct transfer *t, const struct acme_fetch *fetch)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, fetch->signed_reply ? "http,https" : "https");
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_2TLS);
	curl_easy_setopt(easy, CURLOPT_PIPEWAIT, 1L);
	if (fetch->method == ACME_HEAD)
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
	if (fetch->method != ACME_POST)
		return;
	buf_init(&t->sent, fetch->body.n);
	buf_add(&t->sent, fetch->body);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)fetch->body.n);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDS, t->sent.p);
	if (fetch->content_type) {
		char *line = mem_printf("Content-Type: %s", fetch->content_type);

		t->headers = curl_slist_append(NULL, line);
		free(line);
	}
	/* No pause waiting for "100 Continue". */
	t->headers = curl_slist_append(t->headers, "Expect:");
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, t->headers);
}

/* Asking the way a CA validates (RFC 8555 8.3). */
static void
set_probe(struct transfer *t, const struct acme_fetch *fetch)
{
	CURL *easy = t->easy;

	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(easy, CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, 1L);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, 1L);
	if (fetch->connect_to) {
		/* Any name, but port 80 only: a redirect to https leads where it leads. */
		char *line = mem_printf(":80:%s", fetch->connect_to);

		t->connect_to = curl_slist_append(NULL, line);
		free(line);
		curl_easy_setopt(easy, CURLOPT_CONNECT_TO, t->connect_to);
	}
}

void
acme_http_start(struct acme_http *http, const struct acme_fetch *fetch)
{
	const char *ca_file = fetch->ca_file ? fetch->ca_file : getenv("SSL_CERT_FILE");
	struct transfer *t;

	need_curl(http);
	t = transfer_get(http);
	t->done = fetch->done;
	t->arg = fetch->arg;
	t->url = mem_strdup(fetch->url);
	if (ca_file)
		t->ca_file = mem_strdup(ca_file);
	buf_init(&t->received, fetch->max ? fetch->max : REPLY_MAX);
	set_common(t, fetch);
	if (fetch->probe)
		set_probe(t, fetch);
	else
		set_acme(t, fetch);
	t->next = http->active;
	http->active = t;
	if (acme_http_stopped(http))
		return; /* acme_http_run tells it so */
	http->counts.requests++;
	if (curl_multi_add_handle(http->multi, t->easy) != CURLM_OK)
		abort();
}

void
acme_http_after(struct acme_http *http, int64_t delay_ms, void (*fire)(void *arg), void *arg)
{
	struct timer *timer = mem_zalloc(sizeof(*timer));
	struct timer **at = &http->timers;

	timer->at_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
	timer->fire = fire;
	timer->arg = arg;
	while (*at && (*at)->at_ms <= timer->at_ms)
		at = &(*at)->next;
	timer->next = *at;
	*at = timer;
}

/* ---- finishing ------------------------------------------------------------------------------- */

/* The mapper of libcurl's results into errors. */
static void
map_error(const struct transfer *t, CURLcode code, struct err *e)
{
	const char *why = *t->why ? t->why : curl_easy_strerror(code);

	switch (code) {
	case CURLE_PEER_FAILED_VERIFICATION:
		err_set(e, ERR_UNAVAILABLE, "%s: the server's certificate is not trusted: %s",
		    t->url, why);
		err_hint(e,
		    "if this CA has a root of its own, give it with --ca-file (now: %s); "
		    "if not, check this machine's clock",
		    t->ca_file ? t->ca_file : "the system's roots");
		return;
	case CURLE_SSL_CACERT_BADFILE:
		err_set(e, ERR_NOINPUT, "cannot use the CA bundle %s: %s",
		    t->ca_file ? t->ca_file : "of the system", why);
		return;
	case CURLE_WRITE_ERROR:
		err_set(e, ERR_UNAVAILABLE, "%s: the reply is larger than %zu bytes", t->url,
		    t->received.max);
		return;
	case CURLE_COULDNT_RESOLVE_HOST:
		err_set(e, ERR_TEMPFAIL, "%s: %s", t->url, why);
		err_hint(e, "check the name, this machine's DNS and its network");
		return;
	case CURLE_TOO_MANY_REDIRECTS:
		err_set(e, ERR_CONFIG, "%s redirects more than %d times, in a loop it seems",
		    t->url, REDIRECTS_MAX);
		return;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_UNSUPPORTED_PROTOCOL:
		err_set(e, ERR_UNAVAILABLE, "%s: %s", t->url, why);
		return;
	default: /* refused, reset, timed out, cut short ... */
		err_set(e, ERR_TEMPFAIL, "%s: %s", t->url, why);
		return;
	}
}

static void
tell_observer(const struct acme_http *http, const struct transfer *t)
{
	struct acme_exchange exchange = { .url = t->url };
	curl_off_t took_us = 0;
	char *method = NULL;
	long status = 0;

	if (!http->seen)
		return;
	curl_easy_getinfo(t->easy, CURLINFO_EFFECTIVE_METHOD, &method);
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(t->easy, CURLINFO_TOTAL_TIME_T, &took_us);
	exchange.method = method ? method : "";
	exchange.status = (int)status;
	exchange.took_ms = took_us / 1000;
	http->seen(http->seen_arg, &exchange);
}

static void
transfer_finish(struct acme_http *http, struct transfer *t, CURLcode code)
{
	struct transfer **at = &http->active;
	struct err e = ERR_INIT;
	long status = 0, connects = 0;
	char *peer = NULL;

	while (*at != t)
		at = &(*at)->next;
	*at = t->next;
	curl_multi_remove_handle(http->multi, t->easy);
	curl_easy_getinfo(t->easy, CURLINFO_NUM_CONNECTS, &connects);
	http->counts.connections += (unsigned long)connects;
	tell_observer(http, t);
	if (acme_http_stopped(http)) {
		err_set(&e, ERR_TEMPFAIL, "interrupted");
		t->done(t->arg, NULL, &e);
	} else if (code == CURLE_OK) {
		curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &status);
		curl_easy_getinfo(t->easy, CURLINFO_PRIMARY_IP, &peer);
		t->reply.status = (int)status;
		t->reply.body = buf_span(&t->received);
		t->reply.peer = peer ? peer : "";
		acme_reply_read_delay(&t->reply);
		t->done(t->arg, &t->reply, NULL);
	} else {
		map_error(t, code, &e);
		t->done(t->arg, NULL, &e);
	}
	err_release(&e);
	transfer_reset(t);
	t->next = http->idle;
	http->idle = t;
}

static void
finish_transfers(struct acme_http *http)
{
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(http->multi, &left))) {
		char *private = NULL;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &private);
		transfer_finish(http, (struct transfer *)(void *)private, msg->data.result);
	}
}

static void
fire_timers(struct acme_http *http)
{
	int64_t now = clock_mono_ms();

	while (http->timers && (http->timers->at_ms <= now || acme_http_stopped(http))) {
		struct timer *timer = http->timers;

		http->timers = timer->next;
		timer->fire(timer->arg);
		free(timer);
	}
}

static int
nap_ms(const struct acme_http *http)
{
	int64_t at = watch_deadline_ms(&http->watches), wait;

	if (http->timers && (at < 0 || http->timers->at_ms < at))
		at = http->timers->at_ms;
	if (at < 0)
		return NAP_MAX_MS;
	wait = at - clock_mono_ms();
	return wait <= 0 ? 0 : wait < NAP_MAX_MS ? (int)wait : NAP_MAX_MS;
}

struct watch_set *
acme_http_watches(struct acme_http *http)
{
	return &http->watches;
}

struct offload *
acme_http_offload(struct acme_http *http)
{
	if (!http->offload)
		http->offload = offload_new(&http->watches);
	return http->offload;
}

bool
acme_http_stopped(const struct acme_http *http)
{
	return http->stop && *http->stop;
}

static bool
has_work(const struct acme_http *http)
{
	return http->active || http->timers || watch_keeps(&http->watches);
}

/* struct pollfd and libcurl's own are not the same everywhere. */
static void
wait_for_work(struct acme_http *http)
{
	struct watch_set *set = &http->watches;
	struct curl_waitfd *fds = NULL;

	watch_prepare(set);
	if (set->count)
		fds = mem_realloc_array(NULL, set->count, sizeof(*fds));
	for (size_t i = 0; i < set->count; i++) {
		short events = set->fds[i].events;

		fds[i] = (struct curl_waitfd){ .fd = set->fds[i].fd,
			.events = (short)((events & POLLIN ? CURL_WAIT_POLLIN : 0) |
					  (events & POLLOUT ? CURL_WAIT_POLLOUT : 0)) };
	}
	curl_multi_poll(http->multi, fds, (unsigned)set->count, nap_ms(http), NULL);
	free(fds);
	/* Errors and hang-ups, which libcurl's flags have no word for. */
	if (set->count)
		poll(set->fds, set->count, 0);
	watch_tell(set, clock_mono_ms(), acme_http_stopped(http));
}

void
acme_http_run(struct acme_http *http)
{
	int running;

	while (has_work(http)) {
		need_curl(http);
		fire_timers(http);
		while (http->active && acme_http_stopped(http))
			transfer_finish(http, http->active, CURLE_ABORTED_BY_CALLBACK);
		curl_multi_perform(http->multi, &running);
		finish_transfers(http);
		if (has_work(http))
			wait_for_work(http);
	}
}

void
acme_http_observe(struct acme_http *http,
    void (*seen)(void *arg, const struct acme_exchange *exchange), void *arg)
{
	http->seen = seen;
	http->seen_arg = arg;
}

struct acme_http_counts
acme_http_counts(const struct acme_http *http)
{
	return http->counts;
}
