/** Facts that the checks of `coterie doctor` compare. Gathering them changes nothing. */
import type * as Probe from "@coterie/core/Probe"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Report from "../../Report.ts"
import type { AdminClient } from "../AdminClient.ts"
import * as Cluster from "../cluster.ts"
import type { CommandError } from "../CommandError.ts"
import * as Events from "../events.ts"
import { nodeReports } from "../nodeReports.ts"
import type { Session } from "../Session.ts"

/** Answer of the service of one `--url`. */
export interface Service {
  readonly url: string
  /** Report of the node, or the error of the request. */
  readonly self: Result.Result<Report.NodeReport, CommandError>
  /** Clock of this machine in the middle of the request, in milliseconds since 1970. */
  readonly at: number
  readonly tookMillis: number
  /** Report of the cluster. Absent if the service did not answer. */
  readonly cluster?: Report.ClusterReport
  /** Events that the node keeps. */
  readonly events: ReadonlyArray<Report.NodeEvent>
}

/** Probe of an address from this machine. */
export interface AddressProbe {
  readonly address: string
  /** Member that advertises the address. Absent for an address of `--dns`. */
  readonly name?: string
  readonly answer: Probe.Answer | Probe.ProbeError
}

/** Probes, or the reason why there are none. */
export type Probes = Result.Result<ReadonlyArray<AddressProbe>, string>

export interface Facts {
  readonly services: ReadonlyArray<Service>
  /** Merged report of the cluster. */
  readonly cluster: Report.ClusterReport
  readonly rows: ReadonlyArray<Report.Row>
  /** Reports of all nodes that answered, at most one for each name. */
  readonly nodes: ReadonlyArray<Report.NodeReport>
  readonly probes: Probes
  /** Probes of the addresses of `--dns`. Absent without it. */
  readonly dns?: { readonly name: string; readonly probes: Probes }
}

/** Asks one service for all that it knows. */
const ask = Effect.fnUntraced(function* (session: Session, client: AdminClient) {
  const before = yield* Clock.currentTimeMillis
  const self = yield* Effect.result(client.ask((api) => api.node.self({ query: {} })))
  const tookMillis = (yield* Clock.currentTimeMillis) - before
  const service = { url: client.url, self, at: before + tookMillis / 2, tookMillis }
  if (Result.isFailure(self)) return { service: { ...service, events: [] }, nodes: [] }
  const cluster = yield* Effect.option(Cluster.ask({ ...session, clients: [client] }))
  const events = yield* Effect.orElseSucceed(Events.history(session, client), () => [])
  if (cluster._tag === "None") return { service: { ...service, events }, nodes: [self.success] }
  const { nodes } = yield* nodeReports(client, cluster.value)
  return { service: { ...service, cluster: cluster.value, events }, nodes: [self.success, ...nodes] }
})

/** Returns the newest report of each name. The first of several reports of one life counts. */
const newest = (reports: ReadonlyArray<Report.NodeReport>): ReadonlyArray<Report.NodeReport> => {
  const byName = new Map<string, Report.NodeReport>()
  for (const report of reports) {
    const known = byName.get(report.name)
    if (known === undefined || report.generation > known.generation) byName.set(report.name, report)
  }
  return [...byName.values()]
}

/** Asks all services. */
export const gather = Effect.fnUntraced(function* (
  session: Session,
): Effect.fn.Return<Pick<Facts, "services" | "cluster" | "rows" | "nodes">> {
  const asked = yield* Effect.forEach(session.clients, (client) => ask(session, client), { concurrency: "unbounded" })
  const services: ReadonlyArray<Service> = asked.map(({ service }) => service)
  const cluster = Cluster.merge(services.flatMap((each) => (each.cluster === undefined ? [] : [each.cluster])))
  const nodes = newest(asked.flatMap((each) => each.nodes))
  return { services, cluster, rows: Report.rows(cluster), nodes }
})
