/* SPDX-License-Identifier: ISC */
/*
 * socket_holder: port -> inode by /proc/net/tcp{,6}, inode -> process by the links in /proc/PID/fd.
 *
 * Only ever a hint: whatever cannot be read is passed over.
 */
#include "proxy/monitor/socket_holder.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <dirent.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define STATE_LISTEN 0x0a

/* Inode of the first socket that listens on port, whatever its address; 0 if none. */
static unsigned long
inode_of_port(const char *table, unsigned port)
{
	FILE *in = fopen(table, "re");
	unsigned long inode = 0, found = 0;
	unsigned local, state;
	char line[512];

	if (!in)
		return 0;
	while (!found && fgets(line, sizeof(line), in)) {
		/* sl: local_address:port rem_address:port st queues timer retransmits uid timeout inode */
		if (sscanf(line,
			"%*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %lu",
			&local, &state, &inode) == 3 &&
		    local == port && state == STATE_LISTEN)
			found = inode;
	}
	fclose(in);
	return found;
}

static bool
process_has(const char *pid, const char *socket_name)
{
	char path[300], link[64];
	struct dirent *en;
	bool found = false;
	ssize_t n;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%.32s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (en = readdir(dir))) {
		n = readlinkat(dirfd(dir), en->d_name, link, sizeof(link) - 1);
		if (n <= 0)
			continue;
		link[n] = '\0';
		found = strcmp(link, socket_name) == 0;
	}
	closedir(dir);
	return found;
}

static void
describe_process(const char *pid, char *out, size_t size)
{
	char path[64], name[32] = "a process";
	FILE *in;

	snprintf(path, sizeof(path), "/proc/%.32s/comm", pid);
	in = fopen(path, "re");
	if (in) {
		if (fgets(name, sizeof(name), in))
			name[strcspn(name, "\n")] = '\0';
		fclose(in);
	}
	snprintf(out, size, "%s (pid %.32s)", name, pid);
}

bool
socket_holder_find(const struct sockaddr *sa, char *out, size_t size)
{
	unsigned port = sa->sa_family == AF_INET6
			    ? ntohs(((const struct sockaddr_in6 *)(const void *)sa)->sin6_port)
			    : ntohs(((const struct sockaddr_in *)(const void *)sa)->sin_port);
	unsigned long inode = inode_of_port("/proc/net/tcp", port);
	char socket_name[64];
	struct dirent *en;
	bool found = false;
	DIR *dir;

	if (!inode)
		inode = inode_of_port("/proc/net/tcp6", port);
	if (!inode)
		return false;
	snprintf(socket_name, sizeof(socket_name), "socket:[%lu]", inode);
	dir = opendir("/proc");
	if (!dir)
		return false;
	while (!found && (en = readdir(dir))) {
		if (!isdigit((unsigned char)en->d_name[0]))
			continue;
		found = process_has(en->d_name, socket_name);
		if (found)
			describe_process(en->d_name, out, size);
	}
	closedir(dir);
	return found;
}
