/**
 * The pods of a StatefulSet and its headless service, in a simulated network with virtual time. A pod keeps its name and gets
 * another address with each process. The answers of DNS are late.
 */
import { Health } from "@coterie/admin"
import * as Cluster from "@coterie/core/Cluster"
import * as NodeDiscovery from "@coterie/node-transport/NodeDiscovery"
import * as SimNetwork from "@coterie/testkit/SimNetwork"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"

/** Port of a node without options. */
const port = 24868

/** Time from the start of a process until its node listens. */
const startTime = Duration.seconds(2)

export interface Options {
  readonly network: SimNetwork.Shape
  readonly replicas: number
  /** Age of the answers of DNS. */
  readonly dnsAge: Duration.Duration
}

interface Process {
  readonly cluster: Cluster.Cluster["Service"]
  readonly host: string
  readonly end: Effect.Effect<void>
}

export class StatefulSet {
  private readonly options: Options
  private readonly scope: Scope.Scope
  private readonly running = new Map<string, Process>()
  /** Addresses of the pods after each change, the newest last. */
  private readonly endpoints: Array<{ readonly at: number; readonly hosts: ReadonlyArray<string> }> = []
  private addresses = 0

  constructor(options: Options, scope: Scope.Scope) {
    this.options = options
    this.scope = scope
  }

  readonly names = (): ReadonlyArray<string> =>
    Array.from({ length: this.options.replicas }, (_, ordinal) => `shop-${ordinal}`)

  /** Starts a pod at a host, or at a host that no pod has had. */
  start(name: string, host = `10.0.0.${++this.addresses}`): Effect.Effect<void, Cluster.LayerError> {
    const { network } = this.options
    return Effect.gen({ self: this }, function* () {
      yield* Effect.sleep(startTime)
      const scope = yield* Scope.fork(this.scope)
      const discovery = NodeDiscovery.layerDns({ name: "shop-peers.", port, resolver: this.resolver })
      const layer = Cluster.layer({ cluster: "shop", name, policies: [discovery] }).pipe(
        Layer.provide(network.transport(host, port)),
        Layer.provide(Logger.layer([])),
      )
      const context = yield* Layer.buildWithScope(layer, scope)
      this.running.set(name, {
        cluster: Context.get(context, Cluster.Cluster),
        host,
        end: Scope.close(scope, Exit.void),
      })
      yield* this.noteEndpoints
    })
  }

  /** Ends the process of a pod, as SIGTERM does. */
  readonly stop = (name: string): Effect.Effect<void> => this.remove(name, () => Effect.void)

  /** Ends a pod together with its machine. Peers receive nothing from it. */
  readonly kill = (name: string): Effect.Effect<void> =>
    this.remove(name, ({ host }) => this.options.network.crash(host, { silent: true }))

  /** Returns the host of a pod. */
  hostOf(name: string): string | undefined {
    return this.running.get(name)?.host
  }

  /** Returns the answer of a pod to its readiness probe. A pod without a process does not answer. */
  readonly ready = (name: string): Effect.Effect<Health.Answer> => {
    const cluster = this.running.get(name)?.cluster
    return cluster === undefined
      ? Effect.succeed({ ok: false, reason: "no answer" })
      : Effect.map(cluster.inspect(), (found) => Health.ready(found))
  }

  /** Returns the pods that are not ready. */
  readonly unready: Effect.Effect<ReadonlyArray<string>> = Effect.suspend(() =>
    Effect.filter(this.names(), (name) => Effect.map(this.ready(name), ({ ok }) => !ok)),
  )

  /** Waits until the pod is ready. */
  readonly untilReady = (name: string): Effect.Effect<void> =>
    Effect.flatMap(this.ready(name), ({ ok }) =>
      ok ? Effect.void : Effect.andThen(Effect.sleep("3 seconds"), this.untilReady(name)),
    )

  /** Waits until every pod has a link to each other pod. */
  readonly untilLinked = (): Effect.Effect<void> =>
    Effect.forEach(
      this.names(),
      (name) => {
        const cluster = this.running.get(name)?.cluster
        const others = this.names().filter((other) => other !== name)
        return cluster === undefined ? Effect.never : untilPeers(cluster, others)
      },
      { discard: true },
    )

  private remove(name: string, first: (process: Process) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const found = this.running.get(name)
      if (found === undefined) return yield* Effect.die(`${name} does not run`)
      yield* first(found)
      yield* found.end
      this.running.delete(name)
      yield* this.noteEndpoints
    })
  }

  private readonly noteEndpoints: Effect.Effect<void> = Effect.map(Clock.currentTimeMillis, (at) => {
    this.endpoints.push({ at, hosts: [...this.running.values()].map(({ host }) => host) })
  })

  private readonly resolver: NodeDiscovery.Resolver = {
    a: () =>
      Effect.map(Clock.currentTimeMillis, (now) => {
        const seen = now - Duration.toMillis(this.options.dnsAge)
        return this.endpoints.findLast(({ at }) => at <= seen)?.hosts ?? []
      }),
    aaaa: () => Effect.succeed([]),
    srv: () => Effect.succeed([]),
  }
}

const untilPeers = (cluster: Cluster.Cluster["Service"], names: ReadonlyArray<string>): Effect.Effect<void> =>
  cluster.views.pipe(
    Stream.filter(({ peers }) => peers.size === names.length && names.every((name) => peers.get(name)?.link === "up")),
    Stream.runHead,
    Effect.asVoid,
  )

/** Starts all pods at once, as `podManagementPolicy: Parallel` does, and waits until all have links. */
export const make = Effect.fnUntraced(function* (options: Options) {
  const set = new StatefulSet(options, yield* Effect.scope)
  yield* Effect.forEach(set.names(), (name) => set.start(name), { concurrency: "unbounded" })
  yield* set.untilLinked()
  return set
})
