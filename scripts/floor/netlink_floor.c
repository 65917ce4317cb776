/*
 * The floor under the poll of inet_diag: asks for all TCP sockets of both families, walks the messages' headers and
 * discards. What it achieves for a CPU-second is the most that any program can that asks this way: nearly all of it is the
 * kernel's own work.
 *
 * netlink_floor [--cycles N]
 *
 * Prints one line of JSON: cycles, sockets (of all cycles), bytes, datagrams, cpuSeconds.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

enum { WATCHED_STATES = 0xf37, ALL_EXTENSIONS = 0xff, BUFFER = 64 * 1024 };

static char buffer[BUFFER] __attribute__((aligned(4096)));
static unsigned long long sockets, bytes, datagrams;

static void fail(const char *what) {
  fprintf(stderr, "Cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void dump(int fd, int family, uint32_t sequence) {
  struct {
    struct nlmsghdr header;
    struct inet_diag_req_v2 request;
  } message = {
      .header = {.nlmsg_len = sizeof message,
                 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
                 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP,
                 .nlmsg_seq = sequence},
      .request = {.sdiag_family = (uint8_t)family,
                  .sdiag_protocol = IPPROTO_TCP,
                  .idiag_ext = ALL_EXTENSIONS,
                  .idiag_states = WATCHED_STATES},
  };
  if (send(fd, &message, sizeof message, 0) < 0) fail("send a request");
  for (;;) {
    ssize_t length = recv(fd, buffer, sizeof buffer, 0);
    if (length < 0) fail("receive");
    datagrams++;
    bytes += (unsigned long long)length;
    int left = (int)length;
    for (struct nlmsghdr *at = (struct nlmsghdr *)buffer; NLMSG_OK(at, left); at = NLMSG_NEXT(at, left)) {
      if (at->nlmsg_seq != sequence) continue;
      if (at->nlmsg_type == NLMSG_DONE) return;
      if (at->nlmsg_type == NLMSG_ERROR) errno = -*(int *)NLMSG_DATA(at), fail("dump");
      if (at->nlmsg_type == SOCK_DIAG_BY_FAMILY) sockets++;
    }
  }
}

int main(int argc, char **argv) {
  long cycles = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    if (strcmp(argv[i], "--cycles") != 0) fprintf(stderr, "Cannot use %s: no such option\n", argv[i]), exit(2);
    cycles = atol(argv[i + 1]);
  }
  int fds[2];
  struct sockaddr_nl address = {.nl_family = AF_NETLINK};
  for (int i = 0; i < 2; i++) {
    fds[i] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (fds[i] < 0 || bind(fds[i], (struct sockaddr *)&address, sizeof address) != 0) fail("open a socket");
  }
  uint32_t sequence = 0;
  dump(fds[0], AF_INET6, ++sequence); /* the first datagrams of a socket are small */
  dump(fds[1], AF_INET, ++sequence);
  sockets = bytes = datagrams = 0;
  double before = cpu_seconds();
  for (long i = 0; i < cycles; i++) {
    dump(fds[0], AF_INET6, ++sequence);
    dump(fds[1], AF_INET, ++sequence);
  }
  double cpu = cpu_seconds() - before;
  printf("{\"cycles\":%ld,\"sockets\":%llu,\"bytes\":%llu,\"datagrams\":%llu,\"cpuSeconds\":%.6f}\n", cycles, sockets,
         bytes, datagrams, cpu);
  return 0;
}
