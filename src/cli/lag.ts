import { commandGroup } from "./command_group.ts";
import { lagStatus } from "./lag_status.ts";

export const lag = commandGroup("lag", "consumers of Kafka: how groups do", [lagStatus]);
