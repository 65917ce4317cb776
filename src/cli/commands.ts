/** The program's commands, in the order in which they are listed. */
import { bench } from "./bench.ts";
import { check } from "./check.ts";
import type { Command } from "./command.ts";
import { decode } from "./decode.ts";
import { doctor } from "./doctor.ts";
import { emit } from "./emit.ts";
import { feed } from "./feed.ts";
import { flow } from "./flow.ts";
import { lag } from "./lag.ts";
import { proxy } from "./proxy.ts";
import { run } from "./run.ts";
import { tcpinfo } from "./tcpinfo.ts";
import { version } from "./version.ts";

export const commands: readonly Command[] = [
  run,
  check,
  decode,
  feed,
  version,
  emit,
  proxy,
  tcpinfo,
  flow,
  lag,
  doctor,
  bench,
];
