/*
 * The two ends of TCP connections, for tests that count what they carried.
 *
 *   tcp_peer serve ADDRESS PORT
 *     Takes connections. Each begins with two 32-bit numbers of the host's order: bytes that the client sends, these
 *     eight included, and bytes that it wants. Prints "ready", and once a connection is closed by the client
 *     "ADDRESS PORT READ SENT".
 *
 *   tcp_peer load ADDRESS PORT COUNT SEND WANT
 *     Opens COUNT connections, prints "open", and does as the lines on its standard input say: "move", once, carries bytes
 *     both ways on each and prints "moved", "close" closes them in their order and prints "closed". Connection i sends
 *     SEND + i % 997 bytes and wants WANT + i % 991.
 *
 *   tcp_peer short ADDRESS PORT COUNT SEND WANT HOLD PROCESSES
 *     Connections one after the other in each of PROCESSES, COUNT in all: open, move bytes, wait HOLD microseconds, close.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static char buffer[1 << 16];

static void fail(const char *what) {
  perror(what);
  exit(1);
}

static struct sockaddr_in address_of(char **args) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(args[1]))};
  if (inet_pton(AF_INET, args[0], &address.sin_addr) != 1) fail("address");
  return address;
}

struct connection {
  int fd;
  struct sockaddr_in peer;
  uint32_t want[2];
  uint64_t read, sent;
};

/* Returns whether the client has closed. */
static int serve_one(struct connection *c) {
  for (;;) {
    if (c->read >= 8 && c->read == c->want[0]) {
      while (c->sent < c->want[1]) {
        uint64_t left = c->want[1] - c->sent;
        ssize_t n = send(c->fd, buffer, left < sizeof buffer ? left : sizeof buffer, MSG_NOSIGNAL);
        if (n < 0) return errno != EAGAIN;
        c->sent += n;
      }
    }
    ssize_t n = c->read < 8 ? recv(c->fd, (char *)c->want + c->read, 8 - c->read, 0) : recv(c->fd, buffer, sizeof buffer, 0);
    if (n < 0) return errno != EAGAIN;
    if (n == 0) return 1;
    c->read += n;
  }
}

__attribute__((noreturn)) static void serve(char **args) {
  struct sockaddr_in address = address_of(args);
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1, events = epoll_create1(0);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) < 0) fail("bind");
  if (listen(listener, 4096) < 0) fail("listen");
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL};
  epoll_ctl(events, EPOLL_CTL_ADD, listener, &event);
  puts("ready");
  fflush(stdout);
  for (;;) {
    struct epoll_event ready[256];
    int count = epoll_wait(events, ready, 256, -1);
    for (int i = 0; i < count; i++) {
      struct connection *c = ready[i].data.ptr;
      if (c == NULL) {
        struct sockaddr_in peer;
        socklen_t length = sizeof peer;
        for (int fd; (fd = accept4(listener, (struct sockaddr *)&peer, &length, SOCK_NONBLOCK)) >= 0;) {
          c = calloc(1, sizeof *c);
          c->fd = fd;
          c->peer = peer;
          event = (struct epoll_event){.events = EPOLLIN | EPOLLOUT | EPOLLET, .data.ptr = c};
          epoll_ctl(events, EPOLL_CTL_ADD, fd, &event);
        }
        continue;
      }
      if (!serve_one(c)) continue;
      char text[INET_ADDRSTRLEN];
      inet_ntop(AF_INET, &c->peer.sin_addr, text, sizeof text);
      printf("%s %d %lu %lu\n", text, ntohs(c->peer.sin_port), c->read, c->sent);
      close(c->fd);
      free(c);
    }
    fflush(stdout);
  }
}

static int open_one(struct sockaddr_in *address) {
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  if (fd < 0) fail("socket");
  if (connect(fd, (struct sockaddr *)address, sizeof *address) < 0) fail("connect");
  return fd;
}

static void send_to(int fd, uint32_t bytes, uint32_t want) {
  uint32_t head[2] = {bytes, want};
  if (send(fd, head, sizeof head, 0) != sizeof head) fail("send");
  for (uint32_t sent = 8; sent < bytes;) {
    uint32_t left = bytes - sent;
    ssize_t n = send(fd, buffer, left < sizeof buffer ? left : sizeof buffer, 0);
    if (n < 0) fail("send");
    sent += n;
  }
}

static void read_from(int fd, uint32_t want) {
  for (uint32_t got = 0; got < want;) {
    ssize_t n = recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) fail("recv");
    got += n;
  }
}

static int load(char **args) {
  struct sockaddr_in address = address_of(args);
  int count = atoi(args[2]), bytes = atoi(args[3]), want = atoi(args[4]);
  int *fds = calloc(count, sizeof *fds);
  for (int i = 0; i < count; i++) fds[i] = open_one(&address);
  puts("open");
  fflush(stdout);
  char line[16];
  while (fgets(line, sizeof line, stdin) != NULL) {
    if (strcmp(line, "move\n") == 0) {
      for (int i = 0; i < count; i++) send_to(fds[i], bytes + i % 997, want + i % 991);
      for (int i = 0; i < count; i++) read_from(fds[i], want + i % 991);
      puts("moved");
    } else if (strcmp(line, "close\n") == 0) {
      for (int i = 0; i < count; i++) close(fds[i]);
      puts("closed");
      fflush(stdout);
      return 0;
    }
    fflush(stdout);
  }
  return 0;
}

static int many_short(char **args) {
  struct sockaddr_in address = address_of(args);
  int count = atoi(args[2]), bytes = atoi(args[3]), want = atoi(args[4]), hold = atoi(args[5]), processes = atoi(args[6]);
  for (int p = 0; p < processes; p++) {
    pid_t child = fork();
    if (child < 0) fail("fork");
    if (child > 0) continue;
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    for (int i = p; i < count; i += processes) {
      int fd = open_one(&address);
      send_to(fd, bytes + i % 997, want + i % 991);
      read_from(fd, want + i % 991);
      struct timespec pause = {.tv_sec = hold / 1000000, .tv_nsec = hold % 1000000 * 1000L};
      nanosleep(&pause, NULL);
      close(fd);
    }
    return 0;
  }
  int status, failed = 0;
  while (wait(&status) > 0) failed |= status != 0;
  return failed;
}

int main(int argc, char **argv) {
  struct rlimit files;
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
  if (argc == 4 && strcmp(argv[1], "serve") == 0) serve(argv + 2);
  if (argc == 7 && strcmp(argv[1], "load") == 0) return load(argv + 2);
  if (argc == 9 && strcmp(argv[1], "short") == 0) return many_short(argv + 2);
  fputs("tcp_peer serve|load|short ...\n", stderr);
  return 2;
}
