/**
 * The tcpinfo source: what the kernel tells of TCP sockets, read where it stands.
 *
 * @example Who talks to whom
 * ```ts
 * import { DiagDumper } from "../linux/mod.ts";
 * import { Attribute, Refusal, SocketMessage, SocketValues, stateName, TcpInfoIndex, tcpInfoLayout } from "./mod.ts";
 *
 * using dumper = new DiagDumper({ family: 2 });
 * const message = new SocketMessage();
 * const values = new SocketValues(tcpInfoLayout(Deno.osRelease()) ?? "7.0");
 * if (dumper.dump().status !== "failed") {
 *   for (let i = 0; i < dumper.count; i++) {
 *     if (message.load(dumper.bytes, dumper.start(i), dumper.end(i)) !== Refusal.none) continue;
 *     values.read(message);
 *     const rttUs = message.has(Attribute.info) ? values.info[TcpInfoIndex.rtt] : undefined;
 *     console.log(message.sourcePort, message.destinationPort, stateName(message.state), values.congestion, rttUs);
 *   }
 * }
 * ```
 *
 * @module
 */
export { Attribute, attributeName, HIGHEST_ATTRIBUTE, stateName, TcpState } from "./wire_attributes.ts";
export {
  DESTINATION_AT,
  DIAG_MESSAGE_BYTES,
  Refusal,
  SOCKET_ID_AT,
  SOCKET_ID_BYTES,
  SocketMessage,
  SOURCE_AT,
} from "./wire.ts";
export {
  readTcpInfo,
  TCP_INFO_BYTES,
  TCP_INFO_FIELDS,
  TCP_INFO_NAMES,
  type TcpInfoField,
  TcpInfoIndex,
  type TcpInfoLayout,
  tcpInfoLayout,
} from "./wire_tcp_info.ts";
export { addressText, familyName, isMapped } from "./wire_address.ts";
export { Excluded, Exclusion, EXCLUSION_REASONS, type ExclusionOptions, isLocal } from "./wire_exclusion.ts";
export { ASSUMED_LAYOUT, attributesObject, socketObject } from "./wire_objects.ts";
export { NetlinkDecoder, type NetlinkDecoderOptions } from "./wire_stream.ts";
export type { JsonObject, JsonValue } from "./wire_structures.ts";
export { Longer, SocketValues } from "./wire_values.ts";
export { EventSocketError, followEvents, type FollowOptions, type ReconnectOptions } from "./events_client.ts";
export { type EventSocket, type EventSocketDeps, type EventSocketOptions, startEventSocket } from "./events_socket.ts";
export {
  type CloseEvent,
  type ConnectionId,
  encodeEvent,
  EventLineError,
  type OpenEvent,
  parseEvent,
  type TcpEvent,
  type UnknownEvent,
} from "./events_wire.ts";
export { ArchiveCsv, csvHeader } from "./csv.ts";
export { ArchiveLineError } from "./csv_record.ts";
export { decompressZstd, ZstdError } from "./zstd_frames.ts";
export {
  type Change,
  CHANGE_NAMES,
  type ChangeSink,
  type Closed,
  type CloseReason,
  type ConnectionSummary,
  type Opened,
  rfc3339,
  type Snapshot,
} from "./changes.ts";
export { decodeArchive } from "./archive_decode.ts";
export {
  type Anonymization,
  ANONYMIZATIONS,
  type ArchiveConfig,
  isSameTcpinfo,
  readTcpinfoConfig,
  TCPINFO_KEYS,
  type TcpinfoConfig,
  tcpinfoSection,
} from "./config.ts";
export { type CompleteFamilies, connectionUuid, Heart, type HeartConfig, type Lookup } from "./heart.ts";
export { repairArchive, type RepairReport } from "./repair.ts";
export { TcpinfoScenario } from "./scenario.ts";
export { ArchiveDirectoryError, startTcpinfo, type TcpinfoDeps, type TcpinfoSource } from "./source.ts";
export { At as TcpinfoStat } from "./stats.ts";
export { UuidPrefixError } from "./uuid_prefix.ts";
