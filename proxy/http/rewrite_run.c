/* SPDX-License-Identifier: ISC */
/* rewrite_run: see rewrite_run.h. */
#include "proxy/http/rewrite_run.h"

#include "proxy/http/file_path.h"
#include "proxy/http/redirect.h"
#include "proxy/http/uri_encode.h"

#include <errno.h>
#include <sys/stat.h>

/* How it goes on behind a step. */
enum flow { FLOW_ON, FLOW_STOP, FLOW_ANSWERED };

static enum flow
fail(struct request *r, const char *what, struct span text)
{
	request_log(r, LOG_LEVEL_ERROR, "%s \"" SPAN_FMT "\"", what, SPAN_ARG(text));
	request_fail(r, 500);
	return FLOW_ANSWERED;
}

/* nginx: an expression of these directives that does not match leaves $1 and so on empty. */
static void
forget_captures(struct request *r)
{
	r->variables.captures.count = 0;
}

/* ---- if ------------------------------------------------------------------------------------------ */

static bool
test_file(struct request *r, const struct condition *c)
{
	struct span path = file_path_absolute(r, template_eval_string(c->subject, r, r->arena));
	struct stat st;

	if (span_find(path, '\0') >= 0)
		return false;
	if (stat(path.p, &st) < 0) {
		if (errno != ENOENT && errno != ENOTDIR && errno != ENAMETOOLONG)
			request_log(r, LOG_LEVEL_CRIT, "stat() \"" SPAN_FMT "\" failed (%d: %s)",
			    SPAN_ARG(path), errno, strerrordesc_np(errno));
		return false;
	}
	switch (c->kind) {
	case CONDITION_FILE:
		return S_ISREG(st.st_mode);
	case CONDITION_DIRECTORY:
		return S_ISDIR(st.st_mode);
	case CONDITION_EXECUTABLE:
		return st.st_mode & S_IXUSR;
	default:
		return true;
	}
}

/* 1 or 0; -1 when the expression met a limit. */
static int
condition_holds(struct request *r, const struct condition *c)
{
	struct span value;

	switch (c->kind) {
	case CONDITION_TRUE:
		value = template_eval(c->subject, r, r->arena);
		return value.n > 0 && !span_eq(value, SPAN("0"));
	case CONDITION_EQUAL:
		value = template_eval(c->subject, r, r->arena);
		return span_eq(value, template_eval(c->text, r, r->arena)) != c->negated;
	case CONDITION_MATCH:
		switch (variable_store_match(&r->variables, c->regex,
		    template_eval(c->subject, r, r->arena))) {
		case REGEX_FAILED:
			return -1;
		case REGEX_MATCH:
			return !c->negated;
		case REGEX_NO_MATCH:
			forget_captures(r);
			break;
		}
		return c->negated;
	default:
		return test_file(r, c) != c->negated;
	}
}

/* ---- rewrite ------------------------------------------------------------------------------------- */

/* A capture of a path that was sent with escapes is escaped where it is no path. */
static struct span
encode_capture(void *subject, struct span value)
{
	struct request *r = subject;

	if (span_find(r->raw_path, '%') < 0 && span_find(r->raw_path, '+') < 0)
		return value;
	return uri_encode(value, URI_ENCODE_ARGS, r->arena);
}

/* The rule's own arguments and the request's; separator: "?" or "&" if anything comes behind it. */
static struct span
join_args(struct request *r, const struct rewrite_rule *rule, struct span own)
{
	bool both = own.n > 0 || rule->args;
	const struct span parts[] = { own, both ? SPAN("&") : SPAN(""), r->args };

	if (!rule->keep_args || r->args.n == 0)
		return own;
	return arena_concat(r->arena, parts, 3);
}

static enum flow
send_redirect(struct request *r, const struct rewrite_rule *rule, struct span path,
    struct span args)
{
	const struct span written[] = { path, rule->args ? SPAN("?") : SPAN(""), args };
	struct span target = arena_concat(r->arena, written, 3);
	const struct span parts[] = {
		uri_decode_redirect(target, r->arena),
		rule->args ? SPAN("&") : SPAN("?"),
		r->args,
	};

	redirect_send(r, rule->status,
	    arena_concat(r->arena, parts, rule->keep_args && r->args.n > 0 ? 3 : 1));
	return FLOW_ANSWERED;
}

static enum flow
apply_rule(struct request *r, const struct rewrite_rule *rule, bool *changed)
{
	struct span path, args = { NULL, 0 };

	switch (variable_store_match(&r->variables, rule->regex, r->uri)) {
	case REGEX_NO_MATCH:
		forget_captures(r);
		return FLOW_ON;
	case REGEX_FAILED:
		return fail(r, "a regular expression gave up on", r->uri);
	case REGEX_MATCH:
		break;
	}
	path =
	    template_eval_captures(rule->path, r, r->arena, rule->status ? encode_capture : NULL);
	if (rule->args)
		args = template_eval_captures(rule->args, r, r->arena, encode_capture);
	if (rule->status)
		return send_redirect(r, rule, path, args);
	if (path.n == 0)
		return fail(r, "the rewritten URI has a zero length:", r->uri);
	r->args = join_args(r, rule, args);
	r->uri = path;
	r->internal = r->uri_changed = true;
	*changed = rule->flag != REWRITE_FLAG_BREAK;
	if (rule->flag == REWRITE_FLAG_BREAK)
		r->uri_rewritten = true;
	return rule->flag == REWRITE_FLAG_NONE ? FLOW_ON : FLOW_STOP;
}

/* ---- the steps ----------------------------------------------------------------------------------- */

static void
assign(struct request *r, const struct rewrite_step *step)
{
	struct span value = template_eval(step->u.set.value, r, r->arena);

	variable_assign(step->u.set.variable, r, value.p ? value : SPAN(""));
}

static enum flow run_steps(struct request *r, const struct rewrite_step *step, bool *changed);

static enum flow
run_branch(struct request *r, const struct rewrite_step *step, bool *changed)
{
	const struct location *location = step->u.branch.location;

	switch (condition_holds(r, &step->u.branch.condition)) {
	case 0:
		return FLOW_ON;
	case 1:
		break;
	default:
		return fail(r, "a regular expression gave up in", step->node->words[1].text);
	}
	if (location) {
		r->location = location;
		r->settings = location->settings;
	}
	return run_steps(r, step->u.branch.steps, changed);
}

static enum flow
run_steps(struct request *r, const struct rewrite_step *step, bool *changed)
{
	enum flow flow = FLOW_ON;

	for (; step && flow == FLOW_ON; step = step->next) {
		switch (step->kind) {
		case REWRITE_SET:
			assign(r, step);
			break;
		case REWRITE_IF:
			flow = run_branch(r, step, changed);
			break;
		case REWRITE_RULE:
			flow = apply_rule(r, &step->u.rule, changed);
			break;
		case REWRITE_BREAK:
			/* What was rewritten before it counts, but its location is not looked for. */
			if (*changed)
				r->uri_rewritten = true;
			*changed = false;
			flow = FLOW_STOP;
			break;
		case REWRITE_RETURN:
			r->return_action = &step->u.ret;
			request_set_handler(r, &return_handler);
			flow = FLOW_ANSWERED;
			break;
		}
	}
	return flow;
}

enum rewrite_outcome
rewrite_run(struct request *r, const struct rewrite_step *steps)
{
	bool changed = false;

	if (run_steps(r, steps, &changed) == FLOW_ANSWERED)
		return REWRITE_ANSWERED;
	return changed ? REWRITE_CHANGED : REWRITE_DONE;
}
