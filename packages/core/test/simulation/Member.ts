/**
 * A node whose application sends to all members all the time, into the inbox and on lanes. It records its events, sends
 * and received messages.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { LaneItem } from "@coterie/core/Lane"
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Limits } from "../../src/Limits.ts"
import * as Overrides from "../../src/cluster/Overrides.ts"
import type { ClusterRecorder } from "./ClusterRecorder.ts"
import type { DeliveryReader } from "./DeliveryReader.ts"
import { MemberSender } from "./MemberSender.ts"
import type { Observer } from "./Observer.ts"

export class Member extends Context.Service<
  Member,
  {
    readonly cluster: Cluster.Cluster["Service"]
    readonly observer: Observer
    /** Broadcasts one message. */
    readonly broadcast: Effect.Effect<void>
    /** Sends one message to every member on the lane with a slow reader, and waits as long as necessary. */
    readonly sendOnSlowLane: Effect.Effect<void>
    /** Stops the messages that the member sends by itself. */
    readonly stopTalking: Effect.Effect<void>
    /** Returns the number of different views among this node and its links, by the last received hashes. */
    readonly views: () => number
    /** Returns the local health of this node. */
    readonly health: () => number
    /** Returns the number of links whose peer proves nothing. */
    readonly plainLinks: () => number
    /** Returns the number of links that this node has accepted so far. */
    readonly accepted: () => number
  }
>()("test/Member") {}

export interface Options {
  readonly recorder: ClusterRecorder
  readonly seeds: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never> | undefined
  /** Minimum and maximum number of milliseconds between two broadcasts. */
  readonly talk?: readonly [number, number] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Time between two checks of the metrics. Defaults to 5 seconds. */
  readonly watchEvery?: Duration.Input | undefined
  /** Parts of the node with a defect. */
  readonly overrides?: Partial<Overrides.Overrides> | undefined
}

/** Name of the cluster. */
export const label = "swarm"

/** Queues that may exceed their limit by the last accepted item (docs/metrics.md). */
const exceedable: ReadonlySet<string> = new Set(["outbox_bytes", "control_outbox", "links"])

/** Maximum number of milliseconds between two pulls of the slow reader. */
const slowness = 1_500

const currentMillis = Effect.clockWith((clock) => clock.currentTimeMillis)

// ---- reading ----

type Next = "more" | "enough"

/** Reads the stream until `pause` returns `enough`. Records each pull first, and then pauses. */
const read = (makeReader: () => DeliveryReader, stream: Stream.Stream<LaneItem, unknown>, pause: Effect.Effect<Next>) =>
  Effect.suspend(() => {
    const reader = makeReader()
    return Effect.ignore(
      Stream.runForEachArray(stream, (items) => {
        reader.receive(items)
        reader.isPaused = true
        return Effect.flatMap(pause, (next) => {
          if (next === "enough") return Effect.fail(next)
          reader.isPaused = false
          return Effect.void
        })
      }),
    )
  })

const pauseSlowly = Effect.as(Effect.flatMap(Random.nextIntBetween(0, slowness), Effect.sleep), "more" as const)

/** Returns `more` until this time. Messages that arrive during the last pause are not read. */
const pauseUntil = (until: number): Effect.Effect<Next> =>
  Effect.flatMap(currentMillis, (now) =>
    now < until ? Effect.succeed("more" as const) : Effect.as(Effect.sleep("50 millis"), "enough" as const),
  )

/** Reads the lane for some seconds, repeatedly, while the member sends. */
const readOnAndOff = Effect.fnUntraced(function* (
  sender: MemberSender,
  makeReader: () => DeliveryReader,
  stream: Stream.Stream<LaneItem, unknown>,
) {
  while (sender.isTalking) {
    yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
    const until = (yield* currentMillis) + (yield* Random.nextIntBetween(0, 4_000))
    yield* read(makeReader, stream, pauseUntil(until))
  }
})

const recordEvents = (cluster: Cluster.Cluster["Service"], observer: Observer) =>
  Stream.runForEach(cluster.events, (event) =>
    Effect.andThen(
      Effect.sync(() => observer.record(event)),
      Effect.map(cluster.view, (view) => observer.compareView(view)),
    ),
  )

// ---- sending ----

const repeatWhileTalking = (sender: MemberSender, send: Effect.Effect<void>, least: number, most: number) =>
  Effect.gen(function* () {
    while (sender.isTalking) {
      yield* send
      yield* Effect.sleep(yield* Random.nextIntBetween(least, most))
    }
  })

// ---- metrics ----

/**
 * Returns the states of the metrics with these ids. A snapshot of all metrics, of which only a few are of interest,
 * would take a hundred times as long, and predicates read metrics after every step.
 */
const statesOf = (context: Context.Context<never>, ...ids: ReadonlyArray<string>) =>
  Array.from(Context.get(context, Metric.MetricRegistry).values()).flatMap(({ attributes, hooks, id }) =>
    ids.includes(id) ? [{ id, attributes, state: hooks.get(context) }] : [],
  )

/** Returns a gauge by the label `queue`. */
const gaugesOf = (context: Context.Context<never>, id: string): ReadonlyMap<string, number> =>
  new Map(
    statesOf(context, id).map(({ attributes, state }) => [
      attributes?.["queue"] ?? "",
      "value" in state ? Number(state.value) : Number.NaN,
    ]),
  )

/** Returns the value of a gauge or counter with these labels. */
const valueOf = (context: Context.Context<never>, id: string, labels: Readonly<Record<string, string>>): number => {
  const found = statesOf(context, id).find(({ attributes }) =>
    Object.entries(labels).every(([label, value]) => attributes?.[label] === value),
  )
  if (found === undefined) return 0
  const { state } = found
  return "value" in state ? Number(state.value) : "count" in state ? Number(state.count) : 0
}

/** Reports queues beyond their limit and violations of the protocol, again and again. */
const watchMetrics = (context: Context.Context<never>, observer: Observer, every: Duration.Input) =>
  Effect.gen(function* () {
    const limits = gaugesOf(context, "coterie_queue_limit")
    while (true) {
      for (const { attributes, id, state } of statesOf(context, "coterie_queue_size", "coterie_violations_total")) {
        if (id === "coterie_queue_size" && "value" in state) {
          const queue = attributes?.["queue"] ?? ""
          const size = Number(state.value)
          if (size > (limits.get(queue) ?? 0) && !exceedable.has(queue)) observer.reportQueue(queue, size)
        }
        if (id === "coterie_violations_total" && "count" in state && Number(state.count) > 0) {
          observer.reportViolation(attributes?.["code"] ?? "")
        }
      }
      yield* Effect.sleep(every)
    }
  })

// ---- the member ----

const makeMember = Effect.fnUntraced(function* (name: string, options: Options) {
  const { recorder, talk = [200, 1_500], watchEvery = "5 seconds" } = options
  const cluster = yield* Cluster.Cluster
  const { deliveries } = recorder
  const observer = recorder.observe(name)
  yield* Effect.forkScoped(recordEvents(cluster, observer))

  yield* Effect.forkScoped(read(() => deliveries.reader(observer), cluster.inbox, Effect.succeed("more")))
  const lanes = { slow: yield* cluster.lane("slow"), fickle: yield* cluster.lane("fickle") }
  const sender = new MemberSender({ cluster, lanes, deliveries, life: observer })
  yield* Effect.forkScoped(read(() => deliveries.reader(observer, "slow"), lanes.slow.read(), pauseSlowly))
  if (yield* Random.nextBoolean) {
    yield* Effect.forkScoped(readOnAndOff(sender, () => deliveries.reader(observer, "fickle"), lanes.fickle.read()))
  }

  const [least, most] = talk
  yield* Effect.forkScoped(repeatWhileTalking(sender, sender.broadcast, least, most))
  yield* Effect.forkScoped(repeatWhileTalking(sender, sender.publish, 3 * least, 3 * most))
  yield* Effect.forkScoped(repeatWhileTalking(sender, sender.sendToOne, 3 * least, 3 * most))

  const context = yield* Effect.context<never>()
  yield* Effect.forkScoped(watchMetrics(context, observer, watchEvery))
  return {
    cluster,
    observer,
    broadcast: sender.broadcast,
    sendOnSlowLane: sender.sendOnSlowLane,
    stopTalking: Effect.sync(() => {
      sender.isTalking = false
    }),
    views: () => gaugesOf(context, "coterie_view_hashes").get("") ?? 0,
    health: () => gaugesOf(context, "coterie_health").get("") ?? 0,
    plainLinks: () => valueOf(context, "coterie_link_identities", { identity: "none" }),
    accepted: () => valueOf(context, "coterie_connections_total", { direction: "in", outcome: "up" }),
  }
})

export const layer = (name: string, options: Options): Layer.Layer<Member, Cluster.LayerError, Transport.Transport> => {
  const { limits, overrides = {}, policies = Layer.empty, seeds } = options
  return Layer.effect(Member)(makeMember(name, options)).pipe(
    Layer.provide(Cluster.layer({ cluster: label, name, seeds, limits })),
    Layer.provide(Overrides.layer(overrides)),
    Layer.provide(policies),
  )
}
