/*
 * The floor under the UDP reader: binds 127.0.0.1:PORT, receives with recvmmsg into buffers of the same number and shape as
 * the reader's, and discards. What it achieves for a CPU-second is the most that any program can that receives this way.
 *
 * recv_floor PORT [--count N] [--seconds S] [--datagrams N] [--bytes N] [--rcvbuf BYTES]
 *
 * Prints {"listening":PORT} when bound, then, after N datagrams, S seconds or SIGTERM, one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif
enum { MEMINFO_DROPS = 8, MEMINFO_WORDS = 9, READ_AHEAD = 8, CACHE_LINE = 64 };

static volatile sig_atomic_t stopping;

static void stop(int signal) {
  (void)signal;
  stopping = 1;
}

static void fail(const char *what) {
  fprintf(stderr, "Cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static double monotonic_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv) {
  long port = -1, datagrams = 128, bytes = 8192, receive_buffer = 2097152;
  unsigned long long wanted = 0;
  double seconds = 0;
  for (int i = 1; i < argc; i++) {
    const char *value = i + 1 < argc ? argv[i + 1] : NULL;
    if (argv[i][0] != '-') port = atol(argv[i]);
    else if (value == NULL) fprintf(stderr, "Cannot use %s: a value is missing\n", argv[i]), exit(2);
    else if (i++, !strcmp(argv[i - 1], "--count")) wanted = strtoull(value, NULL, 10);
    else if (!strcmp(argv[i - 1], "--seconds")) seconds = atof(value);
    else if (!strcmp(argv[i - 1], "--datagrams")) datagrams = atol(value);
    else if (!strcmp(argv[i - 1], "--bytes")) bytes = atol(value);
    else if (!strcmp(argv[i - 1], "--rcvbuf")) receive_buffer = atol(value);
    else fprintf(stderr, "Cannot use %s: no such option\n", argv[i - 1]), exit(2);
  }
  if (port < 0 || port > 65535 || datagrams < 1 || datagrams > 1024 || bytes < 1 || bytes > 1048576) {
    fprintf(stderr, "usage: recv_floor PORT [--count N] [--seconds S] [--datagrams N] [--bytes N] [--rcvbuf BYTES]\n");
    return 2;
  }

  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  if (fd < 0) fail("open a socket");
  int buffer_bytes = (int)receive_buffer;
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer_bytes, sizeof buffer_bytes) != 0 &&
      setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes) != 0)
    fail("set SO_RCVBUF");
  struct timeval timeout = {.tv_usec = 100000};
  if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) != 0) fail("set SO_RCVTIMEO");
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  if (bind(fd, (struct sockaddr *)&address, length) != 0) fail("bind");
  if (getsockname(fd, (struct sockaddr *)&address, &length) != 0) fail("read the port");

  size_t lines = ((size_t)bytes + 1 + READ_AHEAD + CACHE_LINE - 1) / CACHE_LINE;
  size_t stride = (lines | 1) * CACHE_LINE;
  char *buffer = calloc((size_t)datagrams, stride);
  struct iovec *vectors = calloc((size_t)datagrams, sizeof *vectors);
  struct mmsghdr *messages = calloc((size_t)datagrams, sizeof *messages);
  if (buffer == NULL || vectors == NULL || messages == NULL) fail("allocate");
  for (long i = 0; i < datagrams; i++) {
    vectors[i].iov_base = buffer + (size_t)i * stride;
    vectors[i].iov_len = (size_t)bytes + 1;
    messages[i].msg_hdr.msg_iov = &vectors[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }

  struct sigaction action = {.sa_handler = stop};
  sigaction(SIGTERM, &action, NULL);
  sigaction(SIGINT, &action, NULL);
  printf("{\"listening\":%d}\n", ntohs(address.sin_port));
  fflush(stdout);

  unsigned long long received = 0, received_bytes = 0, calls = 0;
  double cpu_before = 0, began = 0;
  struct itimerval alarm_after = {.it_value = {.tv_sec = (time_t)seconds, .tv_usec = (suseconds_t)(seconds * 1e6) % 1000000}};
  sigaction(SIGALRM, &action, NULL);
  if (seconds > 0 && setitimer(ITIMER_REAL, &alarm_after, NULL) != 0) fail("set a timer");
  while (!stopping && (wanted == 0 || received < wanted)) {
    int count = recvmmsg(fd, messages, (unsigned)datagrams, MSG_WAITFORONE, NULL);
    if (count < 0) {
      if (errno == EAGAIN || errno == EINTR) continue;
      fail("receive");
    }
    if (received == 0) began = monotonic_seconds(), cpu_before = cpu_seconds();
    calls++;
    received += (unsigned)count;
    for (int i = 0; i < count; i++) received_bytes += messages[i].msg_len;
  }
  double ended = monotonic_seconds();
  double cpu = received == 0 ? 0 : cpu_seconds() - cpu_before;
  uint32_t info[MEMINFO_WORDS] = {0};
  length = sizeof info;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &length) != 0) fail("read SO_MEMINFO");
  printf("{\"datagrams\":%llu,\"bytes\":%llu,\"calls\":%llu,\"drops\":%u,\"cpuSeconds\":%.6f,\"elapsedSeconds\":%.6f}\n",
         received, received_bytes, calls, info[MEMINFO_DROPS], cpu, received == 0 ? 0 : ended - began);
  return 0;
}
