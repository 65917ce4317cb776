/** Requests about topics and their settings. */
import {
  bodyOf,
  readArray,
  readBoolean,
  readNullableString,
  readString,
  writeArray,
  writeBoolean,
  writeNullableString,
  writeString,
} from "./primitives.ts";
import { Api, type KafkaRequest } from "./request.ts";

/** How one part of a request ended. */
export interface NamedAnswer {
  readonly name: string;
  readonly error: number;
  /** The broker's own words. */
  readonly message: string | null;
}

/** A topic to be created. */
export interface NewTopic {
  readonly name: string;
  /** -1: the broker's default. */
  readonly partitions: number;
  /** -1: the broker's default. */
  readonly replicationFactor: number;
  readonly configs?: Readonly<Record<string, string>>;
}

/** CreateTopics v4. */
export function createTopicsRequest(topics: readonly NewTopic[], timeoutMs: number): KafkaRequest<NamedAnswer[]> {
  return {
    api: Api.createTopics,
    version: 4,
    what: "create topics",
    body: bodyOf((out) => {
      writeArray(out, topics, ({ name, partitions, replicationFactor, configs = {} }) => {
        writeString(out, name);
        out.u32be(partitions);
        out.u16be(replicationFactor);
        out.u32be(0); // assignments
        writeArray(out, Object.entries(configs), ([key, value]) => {
          writeString(out, key);
          writeNullableString(out, value);
        });
      });
      out.u32be(timeoutMs);
      writeBoolean(out, false); // validate only
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readArray(reader, (r) => ({ name: readString(r), error: r.i16be(), message: readNullableString(r) }));
    },
  };
}

/** DeleteTopics v3. */
export function deleteTopicsRequest(topics: readonly string[], timeoutMs: number): KafkaRequest<NamedAnswer[]> {
  return {
    api: Api.deleteTopics,
    version: 3,
    what: "delete topics",
    body: bodyOf((out) => {
      writeArray(out, topics, (name) => writeString(out, name));
      out.u32be(timeoutMs);
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readArray(reader, (r) => ({ name: readString(r), error: r.i16be(), message: null }));
    },
  };
}

/** CreatePartitions v1: raises the number of a topic's partitions to `partitions`. */
export function createPartitionsRequest(
  topics: readonly { readonly name: string; readonly partitions: number }[],
  timeoutMs: number,
): KafkaRequest<NamedAnswer[]> {
  return {
    api: Api.createPartitions,
    version: 1,
    what: "add partitions",
    body: bodyOf((out) => {
      writeArray(out, topics, ({ name, partitions }) => {
        writeString(out, name);
        out.u32be(partitions);
        out.u32be(0xffffffff); // assignments
      });
      out.u32be(timeoutMs);
      writeBoolean(out, false); // validate only
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readArray(reader, (r) => ({ name: readString(r), error: r.i16be(), message: readNullableString(r) }));
    },
  };
}

/** A setting of a topic. */
export interface TopicSetting {
  /** `null` where the broker does not show it. */
  readonly value: string | null;
  /** Set on the topic itself, rather than a default. */
  readonly isOwn: boolean;
}

/** The settings of a topic by key. */
export interface TopicSettings extends NamedAnswer {
  readonly settings: ReadonlyMap<string, TopicSetting>;
}

const TOPIC_RESOURCE = 2;
/** `DYNAMIC_TOPIC_CONFIG` */
const FROM_TOPIC = 1;

/** DescribeConfigs v2, of topics. */
export function describeTopicsRequest(topics: readonly string[]): KafkaRequest<TopicSettings[]> {
  return {
    api: Api.describeConfigs,
    version: 2,
    what: "read the settings of topics",
    body: bodyOf((out) => {
      writeArray(out, topics, (name) => {
        out.u8(TOPIC_RESOURCE);
        writeString(out, name);
        out.u32be(0xffffffff); // keys: all
      });
      writeBoolean(out, false); // synonyms
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readArray(reader, (r) => {
        const error = r.i16be();
        const message = readNullableString(r);
        r.skip(1); // resource type
        const name = readString(r);
        const entries = readArray(r, (one): [string, TopicSetting] => {
          const key = readString(one);
          const value = readNullableString(one);
          readBoolean(one); // read only
          const isOwn = one.u8() === FROM_TOPIC;
          readBoolean(one); // sensitive
          readArray(one, (synonym) => {
            readString(synonym);
            readNullableString(synonym);
            synonym.skip(1);
          });
          return [key, { value, isOwn }];
        });
        return { name, error, message, settings: new Map(entries) };
      });
    },
  };
}

/** Settings of a topic to be set, or with `null` to be taken back to the default. */
export interface TopicChange {
  readonly name: string;
  readonly settings: Readonly<Record<string, string | null>>;
}

const OPERATION = { set: 0, delete: 1 } as const;

/** IncrementalAlterConfigs v0, of topics. */
export function alterTopicsRequest(topics: readonly TopicChange[]): KafkaRequest<NamedAnswer[]> {
  return {
    api: Api.incrementalAlterConfigs,
    version: 0,
    what: "change the settings of topics",
    body: bodyOf((out) => {
      writeArray(out, topics, ({ name, settings }) => {
        out.u8(TOPIC_RESOURCE);
        writeString(out, name);
        writeArray(out, Object.entries(settings), ([key, value]) => {
          writeString(out, key);
          out.u8(value === null ? OPERATION.delete : OPERATION.set);
          writeNullableString(out, value);
        });
      });
      writeBoolean(out, false); // validate only
    }),
    read(reader) {
      reader.skip(4); // throttle time
      return readArray(reader, (r) => {
        const error = r.i16be();
        const message = readNullableString(r);
        r.skip(1); // resource type
        return { name: readString(r), error, message };
      });
    },
  };
}
