import { commandGroup } from "./command_group.ts";
import { tcpinfoCsv } from "./tcpinfo_csv.ts";
import { tcpinfoEvents } from "./tcpinfo_events.ts";
import { tcpinfoSnapshot } from "./tcpinfo_snapshot.ts";

export const tcpinfo = commandGroup("tcpinfo", "TCP connections: one dump now, events, archives as CSV", [
  tcpinfoSnapshot,
  tcpinfoEvents,
  tcpinfoCsv,
]);
