/*
 * ask - a conversation with another daemon over a unix stream socket.
 *
 * Design.  One state says what the next whole answer is: the greeting, the answer to the first
 * word, or the answer to the question.  A request is small, and the daemon has read the one before,
 * so send() takes it whole or the daemon is stuck, which is an error like any other.  Before done()
 * is called the conversation is ready for the next question, because done() asks it.
 */
#include <anod/ask.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define FIRST_SIZE 4096

enum state {
	CLOSED,
	GREETING, /* connected; the daemon speaks first */
	HELLO,	  /* our first word is said */
	ASKED,	  /* the question is said */
	IDLE,
};

struct anod_ask {
	struct anod_ctx *ctx;
	struct sockaddr_un addr;
	socklen_t addr_size;
	struct anod_ask_way way;
	char hello[ANOD_ASK_REQUEST_MAX], question[ANOD_ASK_REQUEST_MAX];
	size_t question_size;
	anod_ask_lost_fn *lost;
	void *lost_data;
	anod_ask_done_fn *done; /* not NULL: a question is on its way */
	void *done_data;
	enum state state;
	int fd;
	pid_t pid;
	uint64_t io, timer;
	uint64_t next_us, backoff_us;
	char *text; /* owned; one byte more than 'room' */
	size_t size, room, at;
};

static void forget_text(struct anod_ask *a)
{
	free(a->text);
	a->text = NULL;
	a->size = a->room = a->at = 0;
}

static void hang_up(struct anod_ask *a)
{
	const struct anod_host *h = a->ctx->host;

	if (a->io)
		(void) h->cancel(a->ctx, a->io);
	if (a->timer)
		(void) h->cancel(a->ctx, a->timer);
	a->io = a->timer = 0;
	if (a->fd >= 0)
		(void) close(a->fd);
	a->fd = -1;
	a->pid = 0;
	a->state = CLOSED;
	forget_text(a);
}

static void back_off(struct anod_ask *a)
{
	a->backoff_us = a->backoff_us ? a->backoff_us * 2 : ANOD_ASK_BACKOFF_US;
	if (a->backoff_us > ANOD_ASK_BACKOFF_MAX)
		a->backoff_us = ANOD_ASK_BACKOFF_MAX;
	a->next_us = a->ctx->host->now_us(a->ctx) + a->backoff_us;
}

/* The end of the connection, and of the question if there is one.  'a' may be gone afterwards. */
static void fail(struct anod_ask *a, int error)
{
	anod_ask_done_fn *done = a->done;
	char none[1] = "";

	hang_up(a);
	back_off(a);
	a->done = NULL;
	if (done)
		done(a->ctx, error, none, 0, a->done_data);
	else if (a->lost)
		a->lost(a->ctx, a->lost_data);
}

static int say(struct anod_ask *a, const char *text, size_t size)
{
	ssize_t n = send(a->fd, text, size, MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n < 0)
		return -errno;
	return (size_t) n == size ? 0 : -EPIPE;
}

/* What comes next on a connection that is ready for it. */
static int go_on(struct anod_ask *a)
{
	if (a->state == GREETING && a->way.hello) {
		a->state = HELLO;
		return say(a, a->hello, a->way.hello_size);
	}
	a->state = ASKED;
	return say(a, a->question, a->question_size);
}

/* A whole answer is here.  'a' may be gone afterwards. */
static void answered(struct anod_ask *a)
{
	anod_ask_done_fn *done = a->done;
	char *text = a->text;
	size_t size = a->size;
	int r;

	if (a->state != ASKED) {
		forget_text(a);
		r = go_on(a);
		if (r < 0)
			fail(a, r);
		return;
	}

	(void) a->ctx->host->cancel(a->ctx, a->timer);
	a->timer = 0;
	a->text = NULL;
	forget_text(a);
	a->state = IDLE;
	a->backoff_us = a->next_us = 0;
	a->done = NULL;
	text[size] = '\0';
	done(a->ctx, 0, text, size, a->done_data);
	free(text);
}

static int make_room(struct anod_ask *a)
{
	size_t room = a->room ? a->room * 2 : FIRST_SIZE;
	char *text;

	if (a->size < a->room)
		return 0;
	if (a->room >= a->way.max)
		return -E2BIG;
	if (room > a->way.max)
		room = a->way.max;
	text = realloc(a->text, room + 1);
	if (!text)
		return -ENOMEM;
	a->text = text;
	a->room = room;
	return 0;
}

/* 1: whole, 0: wait for more, or -errno. */
static int take(struct anod_ask *a)
{
	for (size_t turn = 0; turn < ANOD_ASK_TURN;) {
		int r = make_room(a);
		ssize_t n;

		if (r < 0)
			return r;
		n = recv(a->fd, a->text + a->size, a->room - a->size, MSG_DONTWAIT);
		if (n < 0)
			return errno == EAGAIN || errno == EINTR ? 0 : -errno;
		if (n == 0)
			return -ECONNRESET;
		a->size += (size_t) n;
		turn += (size_t) n;
		r = a->way.whole(a->text, a->size, &a->at);
		if (r != 0)
			return r;
	}
	return 0;
}

static void on_io(struct anod_ctx *ctx, int fd, uint32_t events, void *data)
{
	struct anod_ask *a = data;
	int r;

	(void) ctx, (void) fd, (void) events;
	if (a->state == IDLE) { /* nobody asked: an end, or a word out of turn */
		fail(a, -ECONNRESET);
		return;
	}
	r = take(a);
	if (r < 0)
		fail(a, r);
	else if (r > 0)
		answered(a);
}

static void on_timeout(struct anod_ctx *ctx, uint64_t id, void *data)
{
	struct anod_ask *a = data;

	(void) ctx, (void) id;
	a->timer = 0;
	fail(a, -ETIMEDOUT);
}

static int dial(struct anod_ask *a)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);
	int r;

	a->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (a->fd < 0)
		return -errno;
	/* A stream socket of this family connects at once or not at all. */
	if (connect(a->fd, (struct sockaddr *) &a->addr, a->addr_size) < 0)
		return errno == EAGAIN ? -EBUSY : -errno;
	if (getsockopt(a->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		a->pid = peer.pid;
	r = a->ctx->host->io(a->ctx, a->fd, EPOLLIN, on_io, a, &a->io);
	if (r < 0)
		return r;
	a->state = GREETING;
	return a->way.greets ? 0 : go_on(a);
}

int anod_ask(struct anod_ask *a, const char *question, size_t size, anod_ask_done_fn *done,
	     void *data)
{
	int r;

	if (a->done)
		return -EBUSY;
	if (size == 0 || size > sizeof(a->question))
		return -EMSGSIZE;
	if (a->next_us > a->ctx->host->now_us(a->ctx))
		return -EAGAIN;

	memcpy(a->question, question, size);
	a->question_size = size;
	r = a->state == CLOSED ? dial(a) : go_on(a);
	if (r >= 0)
		r = a->ctx->host->timer(a->ctx, ANOD_ASK_WAIT_US, 0, on_timeout, a, &a->timer);
	if (r < 0) {
		hang_up(a);
		back_off(a);
		return r;
	}
	a->done = done;
	a->done_data = data;
	return 0;
}

int anod_ask_open(struct anod_ctx *ctx, const struct anod_ask_way *way, anod_ask_lost_fn *lost,
		  void *data, struct anod_ask **ret)
{
	size_t len = strlen(way->path);
	struct anod_ask *a;

	if (len == 0 || len >= sizeof(a->addr.sun_path))
		return -ENAMETOOLONG;
	if (way->hello_size > sizeof(a->hello) || way->max == 0)
		return -EINVAL;
	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;

	a->ctx = ctx;
	a->fd = -1;
	a->way = *way;
	a->way.path = NULL;
	a->lost = lost;
	a->lost_data = data;
	if (way->hello)
		memcpy(a->hello, way->hello, way->hello_size);
	a->addr.sun_family = AF_UNIX;
	memcpy(a->addr.sun_path, way->path, len + 1);
	a->addr_size = (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len + 1);
	if (way->path[0] == '@') {
		a->addr.sun_path[0] = '\0';
		a->addr_size--;
	}
	*ret = a;
	return 0;
}

void anod_ask_close(struct anod_ask *a)
{
	if (!a)
		return;
	hang_up(a);
	free(a);
}

pid_t anod_ask_pid(const struct anod_ask *a)
{
	return a->pid;
}

bool anod_ask_connected(const struct anod_ask *a)
{
	return a->state != CLOSED;
}
