import { commandGroup } from "./command_group.ts";
import { flowQuery } from "./flow_query.ts";
import { flowSend } from "./flow_send.ts";

export const flow = commandGroup("flow", "flows: questions to their store, captures sent to an inlet", [
  flowQuery,
  flowSend,
]);
