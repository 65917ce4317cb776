/** Numbers of netlink and sock_diag: uapi/linux/netlink.h, sock_diag.h, inet_diag.h. */

export const NETLINK_SOCK_DIAG = 4;
/** `sizeof(struct nlmsghdr)`: u32 length, u16 type, u16 flags, u32 sequence, u32 port id. */
export const HEADER_BYTES = 16;
/** `sizeof(struct sockaddr_nl)`: u16 family, u16 padding, u32 port id, u32 groups. */
export const SOCKADDR_NL_BYTES = 12;

/** `nlmsg_type`. */
export const NetlinkType = {
  noop: 1,
  error: 2,
  done: 3,
  overrun: 4,
  /** SOCK_DIAG_BY_FAMILY: a request for sockets, and a socket in an answer. */
  socket: 20,
} as const;

/** `nlmsg_flags`. */
export const NetlinkFlag = {
  request: 0x1,
  /** One of several messages, which a `done` ends. */
  multi: 0x2,
  /** The dump is inconsistent: something changed while it was made. */
  dumpInterrupted: 0x10,
  /** NLM_F_ROOT | NLM_F_MATCH. */
  dump: 0x300,
} as const;

/** Bits of `idiag_ext`: number n of an attribute asks as bit n-1. All eight that can be asked for. */
export const ALL_EXTENSIONS = 0xff;

/**
 * Bits of `idiag_states`, 1 << state: all but SYN_RECV, TIME_WAIT and CLOSE. A mini-socket in FIN_WAIT2 counts as
 * FIN_WAIT2, not as TIME_WAIT.
 */
export const WATCHED_STATES = 0xf37;
/** Every state, also those that kernels to come may have. */
export const ALL_STATES = 0xffff_ffff;

/** Group numbers of the notifications that a TCP socket was destroyed, sock_diag.h `SKNLGRP_*`. */
export const DestroyGroup = { inet: 1, inet6: 3 } as const;
