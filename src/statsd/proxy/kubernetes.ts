/** The members of a ring as Kubernetes knows them: the running pods of the proxy's own namespace that bear a label. */
import { type FinderDeps, getJson, isPort } from "./consul.ts";
import type { FindMembers } from "./discovery.ts";

/** Where a pod finds what it needs to ask the cluster. */
export interface PodAccount {
  /** `https://host:port` of the API server. */
  readonly apiServer: string;
  readonly namespace: string;
  /** Reads the token, which the cluster renews. */
  readonly token: () => Promise<string>;
  /** The authority of the API server's certificate, PEM; absent: the system's. */
  readonly caCert?: string;
}

/** Where Kubernetes puts a service account's files. */
const ACCOUNT_PATH = "/var/run/secrets/kubernetes.io/serviceaccount";

/**
 * The account of the pod that this process runs in.
 *
 * @throws {Error} outside of a cluster
 */
export async function readPodAccount(env: Readonly<Record<string, string>>): Promise<PodAccount> {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = "443" } = env;
  if (host === undefined) throw new Error("Cannot ask Kubernetes for pods: KUBERNETES_SERVICE_HOST is not set");
  return {
    apiServer: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    namespace: (await Deno.readTextFile(`${ACCOUNT_PATH}/namespace`)).trim(),
    token: async () => (await Deno.readTextFile(`${ACCOUNT_PATH}/token`)).trim(),
    caCert: await Deno.readTextFile(`${ACCOUNT_PATH}/ca.crt`),
  };
}

/** Finds pods by a label, `app=veneur-global`. Needs the right to list pods in the account's namespace. */
export function newPodFinder(label: string, account: PodAccount, deps: FinderDeps): FindMembers {
  const { apiServer, namespace, caCert } = account;
  const query = new URLSearchParams({ labelSelector: label });
  const url = `${apiServer}/api/v1/namespaces/${encodeURIComponent(namespace)}/pods?${query}`;
  const client = caCert === undefined ? undefined : Deno.createHttpClient({ caCerts: [caCert] });
  return async (signal) => {
    const headers = { authorization: `Bearer ${await account.token()}` };
    const init = { headers, signal, ...client === undefined ? {} : { client } };
    return podMembers(await getJson(url, init, `pods with ${label}`, deps));
  };
}

/** What of a pod matters here. */
interface Pod {
  readonly status?: { readonly phase?: unknown; readonly podIP?: unknown };
  readonly spec?: { readonly containers?: readonly { readonly ports?: readonly PodPort[] }[] };
}

interface PodPort {
  readonly name?: unknown;
  readonly protocol?: unknown;
  readonly containerPort?: unknown;
}

/**
 * The members among the pods of a `PodList`: `ip:port` of a port named `grpc`; else `http://ip:port` of one named `http`
 * or of the first for TCP. Pods that don't run yet, or have no port, are none.
 *
 * @throws {TypeError} when it is no such list
 */
export function podMembers(list: unknown): string[] {
  const pods = typeof list === "object" && list !== null && "items" in list ? list.items : undefined;
  if (!Array.isArray(pods)) throw new TypeError("Cannot read Kubernetes' answer: it is no list of pods");
  return pods.map(memberOf).filter((member) => member !== undefined);
}

function memberOf({ status, spec }: Pod): string | undefined {
  const ip = status?.podIP;
  if (status?.phase !== "Running" || typeof ip !== "string" || ip === "") return undefined;
  const host = ip.includes(":") ? `[${ip}]` : ip;
  const ports = (spec?.containers ?? []).flatMap((container) => container.ports ?? [])
    .filter(({ protocol, containerPort }) => (protocol ?? "TCP") === "TCP" && isPort(containerPort));
  const named = (wanted: string) => ports.find(({ name }) => name === wanted);
  const grpc = named("grpc");
  if (grpc !== undefined) return `${host}:${grpc.containerPort}`;
  const http = named("http") ?? ports[0];
  return http === undefined ? undefined : `http://${host}:${http.containerPort}`;
}
