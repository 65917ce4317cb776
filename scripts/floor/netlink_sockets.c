/*
 * A host's worth of connections to look at: makes N TCP sockets over loopback, half of them AF_INET and half AF_INET6, each
 * connection being two; each has carried some bytes. To be started in a network namespace of its own (unshare -n).
 *
 * netlink_sockets N
 *
 * Prints {"sockets":N} when they are there, and keeps them until its standard input ends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static void fail(const char *what) {
  fprintf(stderr, "Cannot %s: %s\n", what, strerror(errno));
  exit(1);
}

static void raise_loopback(void) {
  int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  struct ifreq request = {.ifr_name = "lo"};
  if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) != 0) fail("read the flags of lo");
  request.ifr_flags |= IFF_UP;
  if (ioctl(fd, SIOCSIFFLAGS, &request) != 0) fail("raise lo");
  close(fd);
}

static void make(int family, long count) {
  struct sockaddr_storage address = {.ss_family = (sa_family_t)family};
  socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
  if (family == AF_INET) ((struct sockaddr_in *)&address)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  else ((struct sockaddr_in6 *)&address)->sin6_addr = in6addr_loopback;
  int listener = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) != 0 || listen(listener, 128) != 0)
    fail("listen");
  if (getsockname(listener, (struct sockaddr *)&address, &length) != 0) fail("read the port");
  char bytes[1000] = {0};
  for (long i = 0; i < count; i++) {
    int client = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (client < 0 || connect(client, (struct sockaddr *)&address, length) != 0) fail("connect");
    int server = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (server < 0) fail("accept");
    size_t size = 1 + (size_t)i % sizeof bytes;
    if (write(client, bytes, size) < 0 || read(server, bytes, size) < 0 || write(server, bytes, size) < 0)
      fail("send some bytes");
  }
}

int main(int argc, char **argv) {
  long count = argc == 2 ? atol(argv[1]) : 0;
  if (count < 4) return fprintf(stderr, "usage: netlink_sockets N\n"), 2;
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) fail("read the limit of open files");
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) fail("raise the limit of open files");
  raise_loopback();
  make(AF_INET, count / 4);
  make(AF_INET6, count / 2 - count / 4);
  printf("{\"sockets\":%ld}\n", count / 2 * 2);
  fflush(stdout);
  char byte;
  while (read(0, &byte, 1) > 0) continue;
  return 0;
}
