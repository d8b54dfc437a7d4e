/** Assembles the admin service of a node. */
import { Cluster, type Service as ClusterService } from "@coterie/core/Cluster"
import { OptionsError } from "@coterie/core/ClusterError"
import type { Inspection } from "@coterie/core/Inspection"
import * as MonotonicTime from "@coterie/core/MonotonicTime"
import * as PeerRpcClient from "@coterie/rpc/PeerRpcClient"
import * as Cache from "effect/Cache"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { Busy, deadlineBounds, NodeUnanswered, UnknownMember } from "../AdminApi.ts"
import * as Health from "../Health.ts"
import type { ClusterReport, NodeReport, Row } from "../Report.ts"
import { AdminMetrics } from "./AdminMetrics.ts"
import { EventLog } from "./events/EventLog.ts"
import { EventStreams } from "./events/EventStreams.ts"
import { observeHealth } from "./healthMetrics.ts"
import { nearNames } from "./nearNames.ts"
import { printable } from "./printable.ts"
import { PeerRequests } from "./question/PeerRequests.ts"
import { type Answered, ClusterReporter } from "./question/ClusterReporter.ts"
import type { Failure } from "./question/Question.ts"
import { nodeReport } from "./reports/nodeReport.ts"
import { makeRow } from "./reports/row.ts"
import { stateReport } from "./reports/stateReport.ts"
import type { Options, Service } from "./Service.ts"

const defaultDeadline = Duration.seconds(2)
const defaultEventStreams = 64
const defaultKeptEvents = 1_024

/** Shortest time for which a report of the cluster is given to further callers. People do not see a difference. */
const freshMillis = 1_000

/** Time for each member for which a report is given to further callers, so that polls of a large cluster cost little. */
const freshMillisPerMember = 10

/** Time for which the report of another node is given to further callers, and number of such nodes. */
const nodeFresh = Duration.seconds(1)
const nodeCapacity = 64

/** Parts of the admin service that its layers share. */
export interface AdminService {
  readonly service: Service
  readonly requests: PeerRequests
  readonly row: Effect.Effect<Row>
  readonly isLinked: (name: string) => boolean
}

/** Deadline of the caller, for the question that it may start. */
const CurrentDeadline = Context.Reference<Duration.Duration>("@coterie/admin/CurrentDeadline", {
  defaultValue: () => defaultDeadline,
})

export const make = Effect.fnUntraced(function* (
  options: Options,
): Effect.fn.Return<AdminService, OptionsError, Cluster | PeerRpcClient.PeerRpcClient | Scope.Scope> {
  const { deadline, eventStreams, keptEvents } = yield* checked(options)
  const cluster = yield* Cluster
  const clock = yield* Clock.Clock
  const policy = yield* Health.Health
  const requests = new PeerRequests(yield* PeerRpcClient.PeerRpcClient)
  const metrics = new AdminMetrics(cluster.metrics)
  yield* observeHealth
  const events = yield* makeEventLog(cluster, clock, keptEvents)
  const streams = new EventStreams(eventStreams, metrics.eventStreams)
  const now = () => MonotonicTime.millisUnsafe(clock)
  const inspection = cluster.inspect()
  const row = Effect.map(inspection, (found) => makeRow(found, events.unchangedMillis(now())))

  const reporter = new ClusterReporter({ inspection, row, requests, metrics, clock })
  const clusterCache = yield* Cache.makeWith(
    (_: "cluster") => Effect.flatMap(CurrentDeadline, (within) => reporter.report(within)),
    {
      capacity: 1,
      timeToLive: (exit) => (Exit.isSuccess(exit) ? freshOf(exit.value.report) : Duration.zero),
    },
  )
  const ask = (options: Parameters<Service["cluster"]>[0]): Effect.Effect<Answered> => {
    const within = options?.deadline === undefined ? deadline : clamp(Duration.fromInputUnsafe(options.deadline))
    return Effect.provideService(Cache.get(clusterCache, "cluster"), CurrentDeadline, within)
  }
  const nodes = yield* Cache.makeWith((name: string) => requests.inspect(name), {
    capacity: nodeCapacity,
    timeToLive: (exit) => (Exit.isSuccess(exit) ? nodeFresh : Duration.zero),
  })
  const inspect: Service["self"] = (options) => Effect.map(cluster.inspect(options), nodeReport)
  const service: Service = {
    inspection,
    self: inspect,
    state: (filter) =>
      Effect.zipWith(cluster.self, cluster.components.describe, (self, components) =>
        stateReport(self, components, clock.currentTimeMillisUnsafe(), filter),
      ),
    node: (name) => otherNode(name, inspection, (asked) => withDeadline(Cache.get(nodes, asked), deadline)),
    cluster: (options) => Effect.map(ask(options), ({ report }) => report),
    clusterJson: (options) => Effect.map(ask(options), ({ json }) => json),
    health: Effect.map(inspection, (found) => ({
      started: Health.started(found, policy),
      ready: Health.ready(found, policy),
      live: Health.live(found, policy),
    })),
    events: (after) =>
      Effect.suspend(() =>
        streams.isFull
          ? Effect.fail(
              new Busy({ message: `at most ${eventStreams} event streams may be open (option "eventStreams")` }),
            )
          : Effect.succeed(streams.bounded(events.stream(after))),
      ),
    closeStreams: streams.close,
  }
  return { service, requests, row, isLinked: (name) => cluster.viewUnsafe().peers.get(name)?.link === "up" }
})

const clamp = (deadline: Duration.Duration): Duration.Duration =>
  Duration.clamp(deadline, {
    minimum: Duration.millis(deadlineBounds.minimum),
    maximum: Duration.millis(deadlineBounds.maximum),
  })

const checked = (
  options: Options,
): Effect.Effect<
  { readonly deadline: Duration.Duration; readonly eventStreams: number; readonly keptEvents: number },
  OptionsError
> => {
  const deadline = options.deadline === undefined ? defaultDeadline : Duration.fromInputUnsafe(options.deadline)
  const { eventStreams = defaultEventStreams, keptEvents = defaultKeptEvents } = options
  const fail = (option: string, problem: string) => Effect.fail(new OptionsError({ option, problem }))
  const { maximum, minimum } = deadlineBounds
  const millis = Duration.toMillis(deadline)
  if (!(millis >= minimum && millis <= maximum)) {
    return fail("deadline", `must be from ${minimum} to ${maximum} milliseconds`)
  }
  if (!(Number.isSafeInteger(eventStreams) && eventStreams >= 0)) return fail("eventStreams", "must be 0 or more")
  if (!(Number.isSafeInteger(keptEvents) && keptEvents >= 1)) return fail("keptEvents", "must be 1 or more")
  return Effect.succeed({ deadline, eventStreams, keptEvents })
}

/** Follows the events of the node for as long as the scope is open. */
const makeEventLog = Effect.fnUntraced(function* (cluster: ClusterService, clock: Clock.Clock, kept: number) {
  const now = () => MonotonicTime.millisUnsafe(clock)
  const { generation } = yield* cluster.self
  const log = new EventLog({
    life: generation,
    view: cluster.viewUnsafe(),
    at: clock.currentTimeMillisUnsafe(),
    now: now(),
    kept,
    waiting: kept,
  })
  yield* Effect.addFinalizer(() => Effect.sync(() => log.end()))
  const follow = Stream.runForEach(cluster.events, (event) =>
    Effect.sync(() => log.append(event, clock.currentTimeMillisUnsafe(), now())),
  )
  yield* Effect.forkScoped(
    Effect.andThen(
      follow,
      Effect.sync(() => log.end()),
    ),
  )
  return log
})

const freshOf = ({ members }: ClusterReport): Duration.Duration =>
  Duration.millis(Math.max(freshMillis, freshMillisPerMember * members.length))

const withDeadline = (asked: Effect.Effect<NodeReport, Failure>, deadline: Duration.Duration) =>
  Effect.timeoutOrElse(asked, {
    duration: deadline,
    orElse: () => Effect.fail<Failure>({ reason: "timeout", message: `no answer within ${Duration.format(deadline)}` }),
  })

const otherNode = (
  name: string,
  inspection: Effect.Effect<Inspection>,
  ask: (name: string) => Effect.Effect<NodeReport, Failure>,
): Effect.Effect<NodeReport, UnknownMember | NodeUnanswered> =>
  Effect.flatMap(inspection, (found): Effect.Effect<NodeReport, UnknownMember | NodeUnanswered> => {
    if (name === found.self.name) return Effect.succeed(nodeReport(found))
    if (!found.peers.some((peer) => peer.name === name)) return Effect.fail(unknownMember(name, found))
    return Effect.mapError(ask(name), ({ message, reason }) => new NodeUnanswered({ name, reason, message }))
  })

/** Makes the error of an unknown name, with names that are similar. */
export const unknownMember = (name: string, { peers, self }: Inspection): UnknownMember => {
  const near = nearNames(name, [self.name, ...peers.map((peer) => peer.name)])
  const hint = near.length === 0 ? "" : `; did you mean ${near.map(printable).join(" or ")}?`
  return new UnknownMember({ name, near, message: `this node knows no member "${printable(name)}"${hint}` })
}
