/*
 * The floor under the reader of offset commits: walks records in memory and looks at each of their bytes once. What it
 * achieves for a CPU-second is the most that any program can that reads them byte by byte.
 *
 * walk_floor FILE PASSES
 *
 * FILE holds records, each as its length (u32, little-endian) and so many bytes. Prints one line of JSON.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static double cpu_seconds(void) {
  struct rusage u;
  getrusage(RUSAGE_SELF, &u);
  return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + 1e-6 * (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec);
}

static void fail(const char *what) {
  perror(what);
  exit(1);
}

int main(int argc, char **argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: walk_floor FILE PASSES\n");
    return 2;
  }
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL) fail(argv[1]);
  if (fseek(file, 0, SEEK_END) != 0) fail(argv[1]);
  long size = ftell(file);
  rewind(file);
  uint8_t *bytes = malloc((size_t)size + 1);
  if (bytes == NULL || fread(bytes, 1, (size_t)size, file) != (size_t)size) fail(argv[1]);
  fclose(file);

  int passes = atoi(argv[2]);
  uint64_t records = 0;
  uint32_t sum = 0;
  double before = cpu_seconds();
  for (int pass = 0; pass < passes; pass++) {
    for (long at = 0; at + 4 <= size;) {
      uint32_t length;
      memcpy(&length, bytes + at, 4);
      at += 4;
      /* Each byte hangs on the one before, as it does for a parser: nothing is taken sixteen at a time. */
      for (long end = at + (long)length; at < end; at++) sum = (sum ^ bytes[at]) + (sum << 1);
      records++;
    }
  }
  double cpu = cpu_seconds() - before;
  printf("{\"records\":%llu,\"bytes\":%llu,\"sum\":%u,\"cpuSeconds\":%.6f}\n", (unsigned long long)records,
         (unsigned long long)size * (unsigned long long)passes, sum, cpu);
  return 0;
}
