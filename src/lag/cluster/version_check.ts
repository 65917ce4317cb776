import type { KafkaCluster } from "../../kafka/mod.ts";

const FETCH_API = 1;

/** The highest version of Fetch by release, newest first: what tells releases apart from outside. */
const RELEASES: readonly (readonly [fetch: number, release: string])[] = [
  [18, "4.1"],
  [17, "3.9"],
  [16, "3.7"],
  [15, "3.5"],
  [13, "3.1"],
  [12, "2.7"],
  [11, "2.3"],
];

/** Brokers from here on speak to no client older than 2.1. */
const STRICT_FETCH = 18;

/**
 * What is odd about a `kafka_version` beside what a broker speaks; versions are negotiated all the same.
 *
 * @returns undefined where all is well, or nothing can be told
 */
export async function versionWarning(
  kafka: KafkaCluster,
  node: number,
  written: string,
  key: string,
): Promise<string | undefined> {
  if (written === "auto") return undefined;
  const fetch = await kafka.maxVersion(node, FETCH_API);
  if (fetch === undefined) return undefined;
  const release = RELEASES.find(([version]) => version <= fetch)?.[1] ?? "2.2 or older";
  const tooOld = fetch >= STRICT_FETCH && compareVersions(written, "2.1") < 0;
  const wanted = RELEASES.find(([, of]) => compareVersions(of, written) <= 0)?.[0] ?? 0;
  if (!tooOld && wanted <= fetch) return undefined;
  return `${key} is ${written}, which brokers of release ${release} do not speak; versions are negotiated, ` +
    "so that it can be left out";
}

function compareVersions(a: string, b: string): number {
  const [x, y] = [a, b].map((text) => text.split(".").map(Number));
  for (let i = 0; i < 3; i++) {
    const difference = (x![i] ?? 0) - (y![i] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
