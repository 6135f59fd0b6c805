/*
 * bench_stream - a stream of packets from the client, and how long nothing of it arrived.
 *
 * The packets carry their number and when they were sent.  They end in two sinks: sockets behind
 * the two uplinks, or the first uplink itself when it is a tun.  A tun goes on taking packets when
 * its carrier was taken, so what was sent after that counts as lost.
 */
#ifndef BENCH_BENCH_STREAM_H
#define BENCH_BENCH_STREAM_H

#include "bench.h"
#include "bench_tun.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/prctl.h>

#define STREAM_DST  "203.0.113.1"
#define STREAM_PORT 9000
#define STREAM_ROOM (256 << 20)
#define STREAM_MAX  400000 /* packets of a trial: 20 s at 50 us */

enum { PRIO_SENDER = 10 };

struct packet {
	uint64_t seq;
	int64_t sent_ns;
};

static struct {
	int sink[2];
	bool tun; /* the first sink is one */
	int packet_us;
	const char *client;
	atomic_bool on;
	unsigned n;
	struct packet got[STREAM_MAX];
} stream;

static inline void run_as(int priority)
{
	struct sched_param p = { .sched_priority = priority };

	(void) pthread_setschedparam(pthread_self(), SCHED_FIFO, &p);
}

static inline void start_thread(void *(*run)(void *), void *data)
{
	pthread_t t;

	if (pthread_create(&t, NULL, run, data) != 0)
		DIE("no thread");
}

static inline void *stream_send(void *data)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(STREAM_PORT) };
	int64_t next = 0, period = stream.packet_us * 1000;
	struct packet p = { 0 };
	int fd;

	(void) data;
	enter_netns(stream.client);
	(void) prctl(PR_SET_TIMERSLACK, 1UL);
	run_as(PRIO_SENDER);
	(void) inet_pton(AF_INET, STREAM_DST, &to.sin_addr);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *) &to, sizeof(to)) < 0)
		DIE("the packets");

	for (;;) {
		struct timespec t;

		if (!stream.on) {
			next = 0;
			sleep_us(500);
			continue;
		}
		p.sent_ns = now_ns();
		p.seq++;
		(void) send(fd, &p, sizeof(p), 0); /* unreachable is lost, and counts so */
		next = next + period < p.sent_ns ? p.sent_ns : next + period;
		t = (struct timespec){ next / 1000000000, next % 1000000000 };
		(void) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
	}
	return NULL;
}

/* Sink 'i': a tun, or -1: a socket in the present namespace. */
static inline void stream_sink(int i, int tun)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(STREAM_PORT) };
	int size = STREAM_ROOM;

	stream.sink[i] = tun;
	stream.tun = stream.tun || tun >= 0;
	if (tun >= 0)
		return;

	stream.sink[i] = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (stream.sink[i] < 0 || bind(stream.sink[i], (struct sockaddr *) &at, sizeof(at)) < 0)
		DIE("the sink");
	(void) setsockopt(stream.sink[i], SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
}

/* 'packet_us': between two packets; 0: none at all. */
static inline void stream_open(const char *client, int packet_us)
{
	stream.client = client;
	stream.packet_us = packet_us;
	if (packet_us > 0)
		start_thread(stream_send, NULL);
}

/* The next packet of a sink; false: no more. */
static inline bool stream_take(int i, struct packet *ret)
{
	uint8_t in[2048];

	if (i > 0 || !stream.tun)
		return recv(stream.sink[i], ret, sizeof(*ret), 0) == sizeof(*ret);

	for (;;) {
		ssize_t n = read(stream.sink[i], in, sizeof(in));

		if (n < 0)
			return false;
		if (tun_is_udp(in, (size_t) n, STREAM_PORT, sizeof(*ret))) {
			memcpy(ret, in + TUN_UDP_HEAD, sizeof(*ret));
			return true;
		}
	}
}

/* Empty a sink into 'got'; how many came. */
static inline unsigned stream_drain(int i, int64_t lost_ns)
{
	unsigned before = stream.n;
	struct packet p;

	while (stream_take(i, &p))
		if (stream.n < STREAM_MAX && !(i == 0 && stream.tun && p.sent_ns > lost_ns))
			stream.got[stream.n++] = p;
	return stream.n - before;
}

/* Begin, and let it flow for a while. */
static inline void stream_start(void)
{
	(void) stream_drain(0, 0);
	(void) stream_drain(1, 0);
	stream.n = 0;
	stream.on = stream.packet_us > 0;
	if (stream.on)
		sleep_us(20000);
}

static inline void stream_stop(void)
{
	if (!stream.on)
		return;

	sleep_us(20000);
	stream.on = false;
	sleep_us(2000);
}

static inline int packet_by_seq(const void *a, const void *b)
{
	const struct packet *x = a, *y = b;

	return (x->seq > y->seq) - (x->seq < y->seq);
}

/* Since the link was lost: time without delivery in ns, and the packets of it.  Time without
 * delivery is what passed between the sending of two packets that arrived while some between them
 * did not, all such times together.  False: nothing arrived on one of the sides. */
static inline bool stream_outage(int64_t lost_ns, int64_t *ret_ns, uint64_t *ret_lost)
{
	bool both = stream_drain(0, lost_ns) > 0;

	both = stream_drain(1, lost_ns) > 0 && both;
	*ret_ns = 0;
	*ret_lost = 0;
	qsort(stream.got, stream.n, sizeof(*stream.got), packet_by_seq);
	for (unsigned i = 1; i < stream.n; i++) {
		const struct packet *p = &stream.got[i];

		if (p->seq == p[-1].seq + 1 || p->sent_ns < lost_ns)
			continue;
		*ret_lost += p->seq - p[-1].seq - 1;
		*ret_ns += p->sent_ns - p[-1].sent_ns;
	}
	return both;
}

#endif
