/**
 * An application on a cluster: it talks to everybody all the time, in the inbox and on lanes, and notes what it sees, says and
 * hears.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport } from "@coterie/core/Lane"
import type { Message, SessionEnded } from "@coterie/core/Message"
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Random from "effect/Random"
import * as Stream from "effect/Stream"
import type { Limits } from "../../src/Limits.ts"
import * as Overrides from "../../src/cluster/Overrides.ts"
import type * as DeliveryLog from "./DeliveryLog.ts"
import type * as ClusterRecorder from "./ClusterRecorder.ts"

export class Member extends Context.Service<
  Member,
  {
    readonly cluster: Cluster.Cluster["Service"]
    readonly observer: ClusterRecorder.Observer
    /** Says something to everybody; the same on the lane of which the reader is slow, as long as that takes. */
    readonly say: Effect.Effect<void>
    readonly saySlowly: Effect.Effect<void>
    /** Talks no more. */
    readonly hush: Effect.Effect<void>
    /** How many different views this node and those that it has a link to have, as it heard last. */
    readonly views: () => number
    /** How far this node distrusts itself. */
    readonly health: () => number
  }
>()("test/Member") {}

const oneOf = <A>(items: readonly [A, ...ReadonlyArray<A>]): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, items.length), (i) => items[i] ?? items[0])

/** Queues that go beyond their limit by what is taken in last (docs/metrics.md). */
const exceedable: ReadonlySet<string> = new Set(["outbox_bytes", "control_outbox", "links"])

export interface Options {
  readonly notebook: ClusterRecorder.ClusterRecorder
  readonly seeds: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never> | undefined
  /** Milliseconds between two messages to everybody, from the least to the most. */
  readonly talk?: readonly [number, number] | undefined
  readonly limits?: Partial<Limits> | undefined
  /** Parts with a planted bug. */
  readonly parts?: Partial<Overrides.Overrides> | undefined
}

/** The lane that everybody reads, though not at once. */
const slow = "slow"

/** The lane that some read at some times. */
const fickle = "fickle"

/** How long the one who reads slowly takes for what it pulled, in milliseconds, at most. */
const slowness = 1_500

/** The longest message: some fragments on a lane with a small window. */
const longest = 1_200

/** Milliseconds for a message to be taken: sometimes too few for the slow one. */
const confirmTimeout = 2_000

export const layer = (
  name: string,
  { limits, notebook, parts: planted = {}, policies = Layer.empty, seeds, talk = [200, 1_500] }: Options,
): Layer.Layer<Member, Cluster.LayerError, Transport.Transport> =>
  Layer.effect(Member)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const observer = notebook.observer(name)
      const { ledger } = notebook
      let talks = true

      yield* Effect.forkScoped(
        Stream.runForEach(cluster.events, (event) =>
          Effect.andThen(
            Effect.sync(() => notebook.event(observer, event)),
            Effect.map(cluster.view, (view) => notebook.viewed(observer, view)),
          ),
        ),
      )

      // ---- what it reads ----

      /** Reads until it has enough: it always notes what it pulled, and then takes its time. */
      const reading = (
        lane: string | undefined,
        stream: Stream.Stream<Message | SessionEnded, unknown>,
        pause: Effect.Effect<"more" | "enough">,
      ) =>
        Effect.suspend(() => {
          const reader = ledger.reader(observer, lane)
          return Effect.ignore(
            Stream.runForEachArray(stream, (items) => {
              reader.hear(items)
              reader.holds = true
              return Effect.flatMap(pause, (next) => {
                if (next === "enough") return Effect.fail(next)
                reader.holds = false
                return Effect.void
              })
            }),
          )
        })

      yield* Effect.forkScoped(reading(undefined, cluster.inbox, Effect.succeed("more")))
      const lanes = { slow: yield* cluster.lane(slow), fickle: yield* cluster.lane(fickle) }
      const slowly = Effect.flatMap(Random.nextIntBetween(0, slowness), Effect.sleep)
      yield* Effect.forkScoped(reading(slow, lanes.slow.read(), Effect.as(slowly, "more" as const)))
      const now = Effect.clockWith((clock) => clock.currentTimeMillis)
      const changingItsMind = Effect.gen(function* () {
        while (talks) {
          yield* Effect.sleep(yield* Random.nextIntBetween(0, 3_000))
          const until = (yield* now) + (yield* Random.nextIntBetween(0, 4_000))
          // What comes while it goes is not read any more.
          const pause = Effect.flatMap(now, (at) =>
            at < until ? Effect.succeed("more" as const) : Effect.as(Effect.sleep("50 millis"), "enough" as const),
          )
          yield* reading(fickle, lanes.fickle.read(), pause)
        }
      })
      if (yield* Random.nextBoolean) yield* Effect.forkScoped(changingItsMind)

      // ---- what it says ----

      const all = ledger.sequence(observer)
      const published = { slow: ledger.sequence(observer, slow), fickle: ledger.sequence(observer, fickle) }
      const inOneGo = ledger.sequence(observer)
      const confirmed = {
        inbox: { sequence: ledger.sequence(observer), send: cluster.send },
        slow: { sequence: ledger.sequence(observer, slow), send: lanes.slow.send },
        fickle: { sequence: ledger.sequence(observer, fickle), send: lanes.fickle.send },
      }

      const toMany = (
        sequence: DeliveryLog.Sequence,
        publish: (text: string) => Effect.Effect<BroadcastReport, SendError>,
        padding = 0,
      ) =>
        Effect.suspend(() => {
          const utterance = sequence.say({ padding })
          return Effect.match(publish(utterance.text), { onSuccess: utterance.reported, onFailure: utterance.failed })
        })
      const say = toMany(all, cluster.broadcast)
      const each = ledger.sequence(observer, slow)
      const saySlowly = Effect.flatMap(cluster.peers, (peers) =>
        Effect.forEach(
          peers,
          ({ name: to }) =>
            Effect.suspend(() => {
              const { failed, sent, text } = each.say({ to })
              return Effect.match(lanes.slow.send(to, text), { onSuccess: () => sent("accepted"), onFailure: failed })
            }),
          { concurrency: "unbounded", discard: true },
        ),
      )

      const padding = Effect.flatMap(Random.nextIntBetween(0, 4), (draw) =>
        draw === 0 ? Random.nextIntBetween(0, longest) : Effect.succeed(0),
      )
      const manyToOne = (to: string) =>
        Effect.suspend(() => {
          const all = [inOneGo.say({ to }), inOneGo.say({ to, padding: longest }), inOneGo.say({ to })]
          return Effect.match(
            cluster.sendAll(
              to,
              all.map(({ text }) => text),
            ),
            {
              onSuccess: () => {
                for (const { sent } of all) sent("accepted")
              },
              onFailure: (error) => {
                const accepted = error.accepted ?? 0
                for (const [i, { failed, sent, unsent }] of all.entries()) {
                  if (i < accepted) sent("accepted")
                  else if (i === accepted) failed(error)
                  else unsent()
                }
              },
            },
          )
        })

      const toOne = Effect.gen(function* () {
        const peers = yield* cluster.peers
        const peer = peers[yield* Random.nextIntBetween(0, peers.length)]
        if (peer === undefined) return
        if ((yield* Random.nextIntBetween(0, 4)) === 0) return yield* manyToOne(peer.name)
        const { send, sequence } = yield* oneOf([confirmed.inbox, confirmed.slow, confirmed.fickle])
        const { failed, sent, text } = sequence.say({ to: peer.name, confirm: true, padding: yield* padding })
        const how = { confirm: true, timeout: confirmTimeout }
        yield* Effect.match(send(peer, text, how), { onSuccess: () => sent("taken"), onFailure: failed })
      })

      const forever = (talk: Effect.Effect<void>, [least, most]: readonly [number, number]) =>
        Effect.gen(function* () {
          while (talks) {
            yield* talk
            yield* Effect.sleep(yield* Random.nextIntBetween(least, most))
          }
        })
      const toReaders = Effect.gen(function* () {
        const which = yield* oneOf(["slow", "fickle"] as const)
        yield* toMany(published[which], lanes[which].publish, yield* padding)
      })
      const [least, most] = talk
      yield* Effect.forkScoped(forever(say, talk))
      yield* Effect.forkScoped(forever(toReaders, [3 * least, 3 * most]))
      yield* Effect.forkScoped(forever(toOne, [3 * least, 3 * most]))

      const context = yield* Effect.context<never>()
      const read = (id: string): ReadonlyMap<string, number> =>
        new Map(
          Metric.snapshotUnsafe(context).flatMap((metric) =>
            metric.id === id && metric.type === "Gauge"
              ? [[metric.attributes?.["queue"] ?? "", Number(metric.state.value)]]
              : [],
          ),
        )
      const measuring = Effect.gen(function* () {
        const limits = read("coterie_queue_limit")
        while (true) {
          for (const { attributes, id, state } of Metric.snapshotUnsafe(context)) {
            if (id === "coterie_queue_size" && "value" in state) {
              const queue = attributes?.["queue"] ?? ""
              const size = Number(state.value)
              if (size > (limits.get(queue) ?? 0) && !exceedable.has(queue)) notebook.exceeded(observer, queue, size)
            }
            if (id === "coterie_violations_total" && "count" in state && Number(state.count) > 0) {
              notebook.violated(observer, attributes?.["code"] ?? "")
            }
          }
          yield* Effect.sleep("5 seconds")
        }
      })
      yield* Effect.forkScoped(measuring)
      return {
        views: () => read("coterie_view_hashes").get("") ?? 0,
        health: () => read("coterie_health").get("") ?? 0,
        cluster,
        observer,
        say,
        saySlowly,
        hush: Effect.sync(() => {
          talks = false
        }),
      }
    }),
  ).pipe(
    Layer.provide(Cluster.layer({ cluster: "swarm", name, seeds, limits })),
    Layer.provide(Overrides.layer(planted)),
    Layer.provide(policies),
  )
