/* SPDX-License-Identifier: ISC */
/*
 * Any line as a control request, and as an answer to one.
 */
#include "proxy/monitor/control.h"
#include "proxy/monitor/control_answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span line = span_of(data, size);
	struct control_answer *answer;
	struct control_request request;
	struct err e = ERR_INIT;
	FILE *out;

	if (control_parse(line, &request, &e) == 0)
		control_request_release(&request);
	else if (e.kind == ERR_NONE)
		abort();
	err_release(&e);
	if (control_answer_parse(line, &answer, NULL) == 0) {
		out = fopen("/dev/null", "w");
		control_answer_print_status(answer, out);
		control_answer_print_reload(answer, out);
		control_answer_print_drain(answer, out);
		control_answer_print_mistakes(answer, "fuzz", out);
		fclose(out);
		control_answer_free(answer);
	}
	return 0;
}
