/*
 * control - the unix socket that anodctl talks to.
 *
 * Design.  One JSON object a line, both ways (docs/control.md).  A client is a buffer for what
 * came, a buffer for what has to go, and what it follows (monitor, facts).  Nothing blocks:
 * a client that does not read loses its connection when CLIENT_OUT_MAX bytes wait for it.  Who
 * the client is comes from the kernel (SO_PEERCRED), never from the request.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <cjson/cJSON.h>

#include "base/clock.h"
#include "base/log.h"
#include "host/follow.h"

#define CLIENTS_MAX    64
#define ACCEPTS_MAX    500 /* in a second */
#define CLIENT_IN_MAX  (64u << 10)
#define CLIENT_OUT_MAX (8u << 20)
#define FOLLOW_OUT_MAX (48u << 10)  /* of a follower: then its changes are folded */
#define ANSWER_BIG     (256u << 10) /* its memory is given back to the system */
#define CLIENT_BATCH   (64u << 10)  /* answers to what came at once are sent together */

struct client {
	struct client *next;
	struct control *control;
	int fd;
	sd_event_source *io;
	char user[ANOD_NAME_SIZE];
	char *in, *out;
	size_t n_in, n_out, out_size;
	bool monitor, closing, reading;
	double monitor_id, facts_id;
	struct follow *follow; /* facts --watch */
};

struct control {
	struct host *host;
	sd_event_source *accept;
	int fd;
	char path[108];
	struct client *clients;
	unsigned n_clients;
};

/* ---- clients -------------------------------------------------------------------------------- */

static void client_free(struct client *c)
{
	for (struct client **at = &c->control->clients; *at; at = &(*at)->next) {
		if (*at != c)
			continue;
		*at = c->next;
		break;
	}
	c->control->n_clients--;
	sd_event_source_disable_unref(c->io);
	(void) close(c->fd);
	free(c->in);
	free(c->out);
	follow_free(c->follow);
	free(c);
}

static int client_flush(struct client *c)
{
	while (c->n_out) {
		ssize_t n = send(c->fd, c->out, c->n_out, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0)
			return -errno;
		memmove(c->out, c->out + n, c->n_out - (size_t) n);
		c->n_out -= (size_t) n;
	}
	return sd_event_source_set_io_events(c->io, EPOLLIN | (c->n_out ? EPOLLOUT : 0));
}

/* Not freed here, because the caller may be walking the list: the hang-up comes as an event. */
static void client_drop(struct client *c)
{
	c->closing = true;
	(void) shutdown(c->fd, SHUT_RDWR);
}

static void client_send(struct client *c, const cJSON *o)
{
	_cleanup_(freep) char *text = cJSON_PrintUnformatted(o);
	size_t n = text ? strlen(text) : 0;
	char *out;

	if (!text || c->closing)
		return;
	c->control->host->trim |= n >= ANSWER_BIG;
	if (c->n_out + n + 1 > CLIENT_OUT_MAX) {
		log_warning("control: %s does not read its answers: closed", c->user);
		client_drop(c);
		return;
	}
	if (c->n_out + n + 1 > c->out_size) {
		out = realloc(c->out, c->n_out + n + 4096);
		if (!out)
			return;
		c->out = out;
		c->out_size = c->n_out + n + 4096;
	}
	memcpy(c->out + c->n_out, text, n);
	c->out[c->n_out + n] = '\n';
	c->n_out += n + 1;
	if (c->reading && c->n_out < CLIENT_BATCH)
		return;
	if (client_flush(c) < 0)
		client_drop(c);
}

static void reply(struct client *c, double id, cJSON *data, const char *error, int err)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "id", id);
	cJSON_AddBoolToObject(o, "ok", !error);
	if (error) {
		cJSON_AddStringToObject(o, "error", error);
		cJSON_AddStringToObject(o, "errno", strerrorname_np(err) ?: "EIO");
	}
	if (data)
		cJSON_AddItemToObject(o, error ? "diagnostics" : "data", data);
	client_send(c, o);
	cJSON_Delete(o);
}

static void follow(struct client *c, const char *command, double id, const cJSON *request)
{
	const cJSON *args = cJSON_GetObjectItemCaseSensitive(request, "args");
	const cJSON *watch = cJSON_GetObjectItemCaseSensitive(args, "watch");
	const cJSON *pattern = cJSON_GetObjectItemCaseSensitive(args, "pattern");

	if (strcmp(command, "monitor") == 0) {
		c->monitor = true;
		c->monitor_id = id;
	} else if (strcmp(command, "facts") == 0 && cJSON_IsTrue(watch)) {
		c->follow = follow_free(c->follow);
		(void) follow_new(c->control->host, pattern, &c->follow);
		c->facts_id = id;
	}
}

/* One object and nothing behind it, or NULL. */
static cJSON *parse_line(const char *line, size_t n)
{
	const char *end = line;
	cJSON *o = cJSON_ParseWithLengthOpts(line, n, &end, false);

	while (o && end < line + n && strchr(" \t\r", *end) && *end)
		end++;
	if (o && end == line + n)
		return o;
	cJSON_Delete(o);
	return NULL;
}

static void on_line(struct client *c, const char *line, size_t n)
{
	cJSON *request = parse_line(line, n);
	const cJSON *command = cJSON_GetObjectItemCaseSensitive(request, "command");
	const cJSON *id = cJSON_GetObjectItemCaseSensitive(request, "id");
	double number = cJSON_IsNumber(id) ? id->valuedouble : 0;
	char error[512] = "";
	int err = EINVAL;
	cJSON *data;

	if (!cJSON_IsObject(request) || !cJSON_IsString(command)) {
		reply(c, number, NULL, "not a request: {\"id\":1,\"command\":\"status\"}", EBADMSG);
		cJSON_Delete(request);
		return;
	}
	data = command_run(c->control->host, c->user, request, error, &err);
	if (!error[0])
		follow(c, command->valuestring, number, request);
	reply(c, number, data, error[0] ? error : NULL, err);
	cJSON_Delete(request);
}

static int client_read(struct client *c)
{
	ssize_t n = recv(c->fd, c->in + c->n_in, CLIENT_IN_MAX - c->n_in, MSG_DONTWAIT);
	size_t at = 0;
	char *end;

	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	if (n == 0)
		return -ECONNRESET;

	c->n_in += (size_t) n;
	c->reading = true;
	while (!c->closing && (end = memchr(c->in + at, '\n', c->n_in - at))) {
		size_t next = (size_t) (end - c->in) + 1;

		on_line(c, c->in + at, next - 1 - at);
		at = next;
	}
	c->reading = false;
	memmove(c->in, c->in + at, c->n_in - at);
	c->n_in -= at;
	if (c->n_in == CLIENT_IN_MAX) {
		reply(c, 0, NULL, "a request is one line of at most 64 KiB", EMSGSIZE);
		return -EMSGSIZE;
	}
	return c->closing ? 0 : client_flush(c);
}

static int on_client(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct client *c = data;
	int r = 0;

	(void) s, (void) fd;
	if (events & EPOLLOUT)
		r = client_flush(c);
	if (r >= 0 && (events & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		r = client_read(c);
	if (r < 0 || c->closing)
		client_free(c);
	return 0;
}

/* The name from /etc/passwd itself: a name service that hangs must not hang the daemon. */
static void user_name(uid_t uid, char *buf, size_t size)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/passwd", "re");
	struct passwd *p;

	(void) snprintf(buf, size, "uid-%u", uid);
	while (f && (p = fgetpwent(f))) {
		if (p->pw_uid != uid)
			continue;
		copy_text(buf, size, p->pw_name);
		return;
	}
}

/* What anod runs itself is no person: an agent's word is a proposal, never a signature. */
static bool is_ours(const struct host *h, pid_t pid)
{
	for (int k = 0; k < PROC_SINGLES; k++)
		if (h->proc[k].pid > 0 && h->proc[k].pid == pid)
			return true;
	for (unsigned k = 0; k < h->n_agents; k++)
		if (h->agent[k].cell.pid > 0 && h->agent[k].cell.pid == pid)
			return true;
	return false;
}

static int on_accept(sd_event_source *s, int fd, uint32_t events, void *data)
{
	struct control *ctl = data;
	int client = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	struct ucred peer;
	socklen_t size = sizeof(peer);
	struct client *c;

	(void) s, (void) events;
	if (client < 0)
		return 0;
	if (ctl->n_clients >= CLIENTS_MAX ||
	    getsockopt(client, SOL_SOCKET, SO_PEERCRED, &peer, &size) < 0 ||
	    is_ours(ctl->host, peer.pid) || !(c = calloc(1, sizeof(*c)))) {
		(void) close(client);
		return 0;
	}

	c->control = ctl;
	c->fd = client;
	c->in = malloc(CLIENT_IN_MAX);
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->n_clients++;
	user_name(peer.uid, c->user, sizeof(c->user));
	if (!c->in || sd_event_add_io(ctl->host->loop, &c->io, client, EPOLLIN, on_client, c) < 0)
		client_free(c);
	return 0;
}

/* ---- followers ------------------------------------------------------------------------------ */

static void send_event(struct client *c, double id, const cJSON *event)
{
	cJSON *o = cJSON_CreateObject();

	cJSON_AddNumberToObject(o, "id", id);
	cJSON_AddItemReferenceToObject(o, "event", (cJSON *) (uintptr_t) event);
	client_send(c, o);
	cJSON_Delete(o);
}

void control_monitor(struct control *ctl, const cJSON *event)
{
	for (struct client *c = ctl->clients; c; c = c->next)
		if (c->monitor)
			send_event(c, c->monitor_id, event);
}

void control_fact(struct control *ctl, const struct store_change *ch)
{
	for (struct client *c = ctl->clients; c; c = c->next)
		if (c->follow)
			follow_change(c->follow, ch, host_now(ctl->host));
}

/* As much as the client reads: what it does not waits in its follow, not here. */
static void send_changes(struct client *c, uint64_t now)
{
	cJSON *o;

	c->reading = true; /* in one piece */
	while (!c->closing && c->n_out < FOLLOW_OUT_MAX && (o = follow_next(c->follow, now))) {
		send_event(c, c->facts_id, o);
		cJSON_Delete(o);
	}
	c->reading = false;
	if (!c->closing && client_flush(c) < 0)
		client_drop(c);
}

uint64_t control_turn(struct control *ctl, uint64_t now_us)
{
	uint64_t next = US_INFINITY, due;

	for (struct client *c = ctl->clients; c; c = c->next) {
		if (!c->follow || c->closing)
			continue;
		if (follow_due(c->follow, now_us) != US_INFINITY && c->n_out < FOLLOW_OUT_MAX)
			send_changes(c, now_us);
		due = c->n_out < FOLLOW_OUT_MAX ? follow_due(c->follow, now_us) : US_INFINITY;
		next = MIN_OF(next, due);
	}
	return next;
}

/* ---- the socket ----------------------------------------------------------------------------- */

static void allow_group(const char *path, const char *group)
{
	_cleanup_(fclosep) FILE *f = fopen("/etc/group", "re");
	struct group *g;

	while (f && (g = fgetgrent(f))) {
		if (strcmp(g->gr_name, group) != 0)
			continue;
		if (chown(path, (uid_t) -1, g->gr_gid) < 0 || chmod(path, 0660) < 0)
			log_warning("control: %s: %s", path, strerror(errno));
		return;
	}
	log_warning("control: no group '%s' in /etc/group: only root may use %s", group, path);
}

/* A socket that nobody answers on is left over from a killed daemon. */
static int remove_stale(const struct sockaddr_un *a)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct stat st;

	if (fd < 0)
		return -errno;
	if (lstat(a->sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	/* EAGAIN: it lives and its queue is full. */
	if (connect(fd, (const struct sockaddr *) a, sizeof(*a)) == 0 || errno == EAGAIN)
		return -EADDRINUSE;
	return unlink(a->sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

int control_open(struct host *h)
{
	_cleanup_(closep) int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct control *c;
	int r;

	if (fd < 0)
		return -errno;
	if (strlen(h->run_dir) + sizeof("/anod.sock") > sizeof(a.sun_path))
		return -ENAMETOOLONG;

	(void) snprintf(a.sun_path, sizeof(a.sun_path), "%s/anod.sock", h->run_dir);
	r = remove_stale(&a);
	if (r < 0)
		return r;
	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;

	c->host = h;
	copy_text(c->path, sizeof(c->path), a.sun_path);
	if (bind(fd, (const struct sockaddr *) &a, sizeof(a)) < 0 || chmod(c->path, 0600) < 0 ||
	    listen(fd, 16) < 0) {
		r = -errno;
		free(c);
		return r;
	}
	if (h->config->unix_group)
		allow_group(c->path, h->config->unix_group);
	r = sd_event_add_io(h->loop, &c->accept, fd, EPOLLIN, on_accept, c);
	if (r < 0) {
		free(c);
		return r;
	}
	/* Without descriptors accept() fails and the socket stays readable: no storm then. */
	(void) sd_event_source_set_ratelimit(c->accept, US_PER_S, ACCEPTS_MAX);
	c->fd = TAKE_FD(fd);
	h->control = c;
	return 0;
}

struct control *control_close(struct control *c)
{
	if (!c)
		return NULL;

	while (c->clients)
		client_free(c->clients);
	sd_event_source_disable_unref(c->accept);
	(void) close(c->fd);
	(void) unlink(c->path);
	free(c);
	return NULL;
}
