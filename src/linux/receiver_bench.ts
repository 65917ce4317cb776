/**
 * What a call through FFI costs by the type of its parameter, and a receive by the size of its batch. The address of a
 * structure that stays is best passed as a `pointer` made once: a `buffer` looks its address up at each call, which takes
 * three to four times as long (7 ns against 25 ns for two of them, where the function itself does nothing).
 */
import { BatchReceiver } from "./receiver.ts";
import { BatchSender } from "./sender.ts";
import { connectUdp, openUdpSocket } from "./socket.ts";
import { prepare } from "./testing.ts";

if (Deno.build.os === "linux") {
  const { symbols: libc } = Deno.dlopen("libc.so.6", {
    abs: { parameters: ["i32"], result: "i32" },
    byBuffer: { name: "memcmp", parameters: ["buffer", "buffer", "u32"], result: "i32" },
    byPointer: { name: "memcmp", parameters: ["pointer", "pointer", "u32"], result: "i32" },
    byAddress: { name: "memcmp", parameters: ["usize", "usize", "u32"], result: "i32" },
  });
  const bytes = new Uint8Array(4096);
  const pointer = Deno.UnsafePointer.of(bytes);
  const address = Deno.UnsafePointer.value(pointer);
  let sink = 0;
  Deno.bench("FFI: an integer", { group: "ffi", baseline: true }, () => {
    sink += libc.abs(-1);
  });
  Deno.bench("FFI: two buffers", { group: "ffi" }, () => {
    sink += libc.byBuffer(bytes, bytes, 0);
  });
  Deno.bench("FFI: two pointers", { group: "ffi" }, () => {
    sink += libc.byPointer(pointer, pointer, 0);
  });
  Deno.bench("FFI: two addresses (bigint)", { group: "ffi" }, () => {
    sink += libc.byAddress(address, address, 0);
  });

  const address4 = { hostname: "127.0.0.1", port: 0 };
  for (const datagrams of [16, 128]) {
    for (const ancillary of [false, true]) {
      const socket = openUdpSocket({ address: address4, receiveBufferBytes: 1 << 20, receiveTimeoutMs: 1, ancillary });
      const peer = connectUdp({ address: socket.address });
      const sender = new BatchSender(
        peer.fd,
        prepare(Array<string>(datagrams).fill("web.requests.0123:3|c|#env:prod")),
      );
      const receiver = new BatchReceiver(socket.fd, { datagrams, ancillary });
      const what = ancillary ? ", each with its time and source" : "";
      Deno.bench(
        `receive() of ${datagrams}${what}, sending left out`,
        { group: `receive ${datagrams}`, baseline: !ancillary },
        (bench) => {
          sender.send(0, datagrams);
          bench.start();
          const count = receiver.receive();
          for (let i = 0; ancillary && i < count; i++) {
            sink += receiver.ancillary!.receivedMs(i) + receiver.ancillary!.sourcePort(i);
          }
          sink += count;
          bench.end();
        },
      );
    }
  }
}
