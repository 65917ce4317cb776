import assert from "node:assert/strict";
import { stackFrames } from "./stack_frames.ts";

Deno.test("stackFrames() reads V8's lines, the outermost call first", () => {
  const stack = [
    "TypeError: Cannot (do) it: at no:1:2",
    "    at read (file:///src/wire.ts:10:5)",
    "    at async Server.accept (file:///src/a b/server.ts:20:7)",
    "    at new Map (<anonymous>)",
    "    at file:///src/main.ts:3:1",
    "    at eventLoopTick (ext:core/01_core.js:210:7)",
  ].join("\n");
  const frame = (called: string, filename: string, lineno: number, colno: number, inApp = true) => ({
    function: called,
    filename,
    lineno,
    colno,
    in_app: inApp,
  });
  assert.deepEqual(stackFrames(stack), [
    frame("eventLoopTick", "ext:core/01_core.js", 210, 7, false),
    frame("?", "file:///src/main.ts", 3, 1),
    frame("async Server.accept", "file:///src/a b/server.ts", 20, 7),
    frame("read", "file:///src/wire.ts", 10, 5),
  ]);
});

Deno.test("stackFrames() reads this runtime's own stacks", () => {
  const innermost = stackFrames(new Error("x").stack).at(-1);
  assert.match(innermost?.filename ?? "", /stack_frames_test\.ts$/);
});

for (const stack of [undefined, "", "Error: x", "    at nowhere"]) {
  Deno.test(`stackFrames() finds no call in ${JSON.stringify(stack)}`, () => assert.deepEqual(stackFrames(stack), []));
}
