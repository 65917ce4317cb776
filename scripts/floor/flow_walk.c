/*
 * The floor of the flow decoders: walks the datagrams of a file again and again, reads every field of every record, and
 * keeps nothing but their sum.
 *
 *     flow_walk PROTOCOL FILE SECONDS
 *
 * PROTOCOL is netflow (v9 and IPFIX) or sflow. FILE holds datagrams, each behind its length (32 bits, little-endian).
 * Prints {"records":N,"cpuSeconds":S,"sum":N}. Lengths are checked as a decoder has to check them.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MOST_FIELDS 512

static uint64_t sum, records;
static struct { uint16_t length[MOST_FIELDS]; int count; uint32_t octets; } templates[65536];

static inline uint32_t be16(const uint8_t *p) { return (uint32_t) p[0] << 8 | p[1]; }
static inline uint32_t be32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v); }
static inline uint64_t be64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return __builtin_bswap64(v); }

static void read_template(const uint8_t *p, const uint8_t *end) {
  while (end - p >= 4) {
    int id = be16(p), count = be16(p + 2);
    p += 4;
    if (count > MOST_FIELDS || end - p < 4 * count) return;
    templates[id].count = count;
    templates[id].octets = 0;
    for (int i = 0; i < count; i++, p += 4) {
      templates[id].length[i] = be16(p + 2);
      templates[id].octets += be16(p + 2);
    }
  }
}

static void walk_records(int id, const uint8_t *p, const uint8_t *end) {
  int count = templates[id].count;
  uint32_t octets = templates[id].octets;
  if (octets == 0) return;
  for (; end - p >= octets; records++) {
    for (int i = 0; i < count; i++) {
      int length = templates[id].length[i];
      switch (length) {
        case 1: sum += *p; break;
        case 2: sum += be16(p); break;
        case 4: sum += be32(p); break;
        case 8: sum += be64(p); break;
        default: for (int k = 0; k < length; k++) sum += p[k];
      }
      p += length;
    }
  }
}

static void walk_netflow(const uint8_t *p, const uint8_t *end) {
  if (end - p < 20) return;
  int version = be16(p);
  const uint8_t *set = p + (version == 9 ? 20 : 16);
  while (end - set >= 4) {
    int id = be16(set), length = be16(set + 2);
    if (length < 4 || length > end - set) return;
    if (id >= 256) walk_records(id, set + 4, set + length);
    else if (id == (version == 9 ? 0 : 2)) read_template(set + 4, set + length);
    set += length;
  }
}

/* The fields of Ethernet, IPv4 and the ports behind it. */
static void walk_header(const uint8_t *p, const uint8_t *end) {
  if (end - p < 14) return;
  sum += be16(p) + be32(p + 2) + be16(p + 6) + be32(p + 8);
  if (be16(p + 12) != 0x0800) return;
  p += 14;
  if (end - p < 20 || p[0] >> 4 != 4) return;
  int length = (p[0] & 15) << 2, proto = p[9];
  sum += p[1] + be16(p + 2) + be16(p + 4) + be16(p + 6) + p[8] + proto + be32(p + 12) + be32(p + 16);
  if ((be16(p + 6) & 0x1fff) != 0) return;
  p += length;
  if (end - p < 4) return;
  if (proto == 6 || proto == 17) sum += be16(p) + be16(p + 2);
  if (proto == 6 && end - p >= 14) sum += be16(p + 12);
}

static void walk_sflow(const uint8_t *p, const uint8_t *end) {
  if (end - p < 28 || be32(p) != 5) return;
  uint32_t samples = be32(p + 24);
  p += 28;
  for (uint32_t i = 0; i < samples && end - p >= 8; i++) {
    uint32_t format = be32(p), length = be32(p + 4);
    p += 8;
    if (length > end - p) return;
    const uint8_t *record = p + 32, *sample_end = p + length;
    if (format == 1 && length >= 32) {
      for (int word = 0; word < 8; word++) sum += be32(p + 4 * word);
      uint32_t count = be32(p + 28);
      for (uint32_t k = 0; k < count && sample_end - record >= 8; k++) {
        uint32_t kind = be32(record), size = be32(record + 4);
        record += 8;
        if (size > sample_end - record) break;
        if (kind == 1 && size >= 16) {
          sum += be32(record) + be32(record + 4) + be32(record + 8);
          uint32_t header = be32(record + 12);
          if (header <= size - 16) walk_header(record + 16, record + 16 + header);
        }
        record += (size + 3) & ~3u;
      }
      records++;
    }
    p = sample_end;
  }
}

static double cpu_seconds(void) {
  struct timespec t;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int argc, char **argv) {
  if (argc != 4) { fprintf(stderr, "Usage: flow_walk netflow|sflow FILE SECONDS\n"); return 2; }
  int is_sflow = strcmp(argv[1], "sflow") == 0;
  FILE *file = fopen(argv[2], "rb");
  if (file == NULL) { perror(argv[2]); return 1; }
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  uint8_t *octets = malloc(size);
  if (octets == NULL || fread(octets, 1, size, file) != (size_t) size) { perror(argv[2]); return 1; }
  double seconds = atof(argv[3]), start = cpu_seconds(), now;
  do {
    for (int round = 0; round < 16; round++) {
      for (long at = 0; at + 4 <= size;) {
        uint32_t length;
        memcpy(&length, octets + at, 4);
        at += 4;
        if (length > size - at) break;
        if (is_sflow) walk_sflow(octets + at, octets + at + length);
        else walk_netflow(octets + at, octets + at + length);
        at += length;
      }
    }
    now = cpu_seconds();
  } while (now - start < seconds);
  printf("{\"records\":%llu,\"cpuSeconds\":%.6f,\"sum\":%llu}\n", (unsigned long long) records, now - start,
         (unsigned long long) sum);
  return 0;
}
