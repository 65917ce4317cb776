/** Numbers of `INET_DIAG_*`, uapi/linux/inet_diag.h: what the attributes of a socket are called. */
export const Attribute = {
  meminfo: 1,
  info: 2,
  vegasinfo: 3,
  cong: 4,
  tos: 5,
  tclass: 6,
  skmeminfo: 7,
  shutdown: 8,
  dctcpinfo: 9,
  protocol: 10,
  skv6only: 11,
  locals: 12,
  peers: 13,
  pad: 14,
  mark: 15,
  bbrinfo: 16,
  classId: 17,
  md5sig: 18,
  ulpInfo: 19,
  skBpfStorages: 20,
  cgroupId: 21,
  sockopt: 22,
} as const;

/** The highest number that is kept: of those above, only how many there were is known. */
export const HIGHEST_ATTRIBUTE = 38;

/** The kernel's names by number; "" for 0, which is never sent. */
const NAMES: readonly string[] = [
  "",
  "INET_DIAG_MEMINFO",
  "INET_DIAG_INFO",
  "INET_DIAG_VEGASINFO",
  "INET_DIAG_CONG",
  "INET_DIAG_TOS",
  "INET_DIAG_TCLASS",
  "INET_DIAG_SKMEMINFO",
  "INET_DIAG_SHUTDOWN",
  "INET_DIAG_DCTCPINFO",
  "INET_DIAG_PROTOCOL",
  "INET_DIAG_SKV6ONLY",
  "INET_DIAG_LOCALS",
  "INET_DIAG_PEERS",
  "INET_DIAG_PAD",
  "INET_DIAG_MARK",
  "INET_DIAG_BBRINFO",
  "INET_DIAG_CLASS_ID",
  "INET_DIAG_MD5SIG",
  "INET_DIAG_ULP_INFO",
  "INET_DIAG_SK_BPF_STORAGES",
  "INET_DIAG_CGROUP_ID",
  "INET_DIAG_SOCKOPT",
];

/** `INET_DIAG_INFO` for 2; the number itself for one without a name. */
export function attributeName(number: number): string {
  return NAMES[number] || String(number);
}

/** Names of `idiag_state` and `tcpi_state`, include/net/tcp_states.h. */
const STATES: readonly string[] = [
  "INVALID",
  "ESTABLISHED",
  "SYN_SENT",
  "SYN_RECV",
  "FIN_WAIT1",
  "FIN_WAIT2",
  "TIME_WAIT",
  "CLOSE",
  "CLOSE_WAIT",
  "LAST_ACK",
  "LISTEN",
  "CLOSING",
];

/** TCP states by number. */
export const TcpState = {
  established: 1,
  synSent: 2,
  synRecv: 3,
  finWait1: 4,
  finWait2: 5,
  timeWait: 6,
  close: 7,
  closeWait: 8,
  lastAck: 9,
  listen: 10,
  closing: 11,
} as const;

/** `ESTABLISHED` for 1; `UNKNOWN_STATE_13` for a number without a name. */
export function stateName(state: number): string {
  return STATES[state] ?? `UNKNOWN_STATE_${state}`;
}
