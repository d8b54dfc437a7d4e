/**
 * Nodes with the option `start: "manual"`, whose applications start some time after their layers. Each node measures its
 * round-trip times, takes the messages of its inbox with `receive`, and reads a topic with gaps. It publishes all that
 * it has seen, so that a difference between two runs of a seed changes the bytes of a link.
 */
import * as Cluster from "@coterie/core/Cluster"
import * as ClusterTrace from "@coterie/core/ClusterTrace"
import * as Topic from "@coterie/core/Topic"
import type * as Transport from "@coterie/core/Transport"
import { Invariant, Simulation } from "@coterie/testkit"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"

const names = ["n1", "n2", "n3"] as const

/** Counts of one life of a node. */
const Seen = Schema.Struct({
  /** Messages that `receive` returned. */
  received: Schema.Int,
  /** Values of the topic, by the name of their publisher. */
  values: Schema.Record(Schema.String, Schema.Int),
  /** Gaps at the end of a session, and values that the buffer of the reader lost. */
  gaps: Schema.Struct({ sessions: Schema.Int, lost: Schema.Int }),
  /** Last round-trip time to each peer, in milliseconds. */
  rtts: Schema.Record(Schema.String, Schema.Finite),
})

const Reports = Topic.make("reports", Seen)

/** Records what one life of a node sees. */
class Recorder {
  private received = 0
  private sessions = 0
  private lost = 0
  private readonly values = new Map<string, number>()
  private readonly rtts = new Map<string, number>()

  receive(): void {
    this.received++
  }

  read(item: Topic.Published<unknown> | Topic.Gap): void {
    if (item._tag === "Published") {
      this.values.set(item.from.name, (this.values.get(item.from.name) ?? 0) + 1)
    } else if (item.from === undefined) this.lost += item.lost
    else this.sessions++
  }

  measure(peer: string, rtt: Option.Option<Duration.Duration>): void {
    if (Option.isSome(rtt)) this.rtts.set(peer, Duration.toMillis(rtt.value))
  }

  get seen(): typeof Seen.Type {
    return {
      received: this.received,
      values: Object.fromEntries(this.values),
      gaps: { sessions: this.sessions, lost: this.lost },
      rtts: Object.fromEntries(this.rtts),
    }
  }
}

class Application extends Context.Service<Application, { readonly recorder: Recorder }>()("test/Application") {}

/** Sleeps for a random time up to this number of milliseconds. */
const pause = (most: number) => Effect.flatMap(Random.nextIntBetween(0, most), Effect.sleep)

const application = Layer.effect(Application)(
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const recorder = new Recorder()
    // The reader is slower than its publishers together, so its small buffer loses values.
    const reports = yield* Topic.open(Reports, { gaps: true, strategy: "sliding", capacity: 2 })
    yield* Effect.forkScoped(
      Stream.runForEach(reports.messages, (item) =>
        Effect.andThen(
          Effect.sync(() => recorder.read(item)),
          pause(600),
        ),
      ),
    )
    yield* cluster.receive.pipe(
      Effect.andThen(Effect.sync(() => recorder.receive())),
      Effect.andThen(pause(100)),
      Effect.forever,
      Effect.ignore, // The node has left.
      Effect.forkScoped,
    )
    const report = Effect.gen(function* () {
      for (const { name } of yield* cluster.peers) recorder.measure(name, yield* cluster.rtt(name))
      yield* Effect.ignore(reports.publish(recorder.seen))
      yield* Effect.ignore(cluster.broadcast(String(recorder.seen.received)))
      yield* pause(400)
    })
    yield* Effect.forkScoped(Effect.forever(report))
    return { recorder }
  }),
)

const layer = (name: string): Layer.Layer<Application | Cluster.Cluster, Cluster.LayerError, Transport.Transport> =>
  Layer.provideMerge(application, Cluster.layer({ cluster: "manual", name, seeds: ["n1", "n2"], start: "manual" }))

/** The nodes start slowly under faults. After the faults, each node hears all others in all three ways. */
export const manualStart = Simulation.scenario(
  "nodes that start by hand hear each other in every way",
  {
    describe: ClusterTrace.describe({ topics: [Reports] }),
    strict: true,
    faults: {
      swarm: {
        network: { delay: {}, loss: { uniform: [0, 0.1] } },
        startDelay: { uniform: ["1 millis", "8 seconds"] },
        faults: { crash: {}, stop: {}, pause: {}, reset: {}, halfOpen: {}, partition: {} },
      },
    },
  },
  (sim) =>
    Effect.gen(function* () {
      const nodes = yield* sim.nodes(names, layer, {
        start: () => Effect.flatMap(Cluster.Cluster, ({ start }) => start),
      })
      const seenBy = (name: (typeof names)[number]) => nodes[name].service(Application)?.recorder.seen
      const some = (holds: (seen: typeof Seen.Type) => boolean) => () =>
        names.some((name) => {
          const seen = seenBy(name)
          return seen !== undefined && holds(seen)
        })
      yield* Invariant.sometimes(
        "a session ends with a gap",
        some(({ gaps }) => gaps.sessions > 0),
      )
      yield* Invariant.sometimes(
        "a buffer loses values",
        some(({ gaps }) => gaps.lost > 0),
      )
      yield* Effect.sleep("20 seconds")
      const missing = (): true | string => {
        for (const name of names) {
          const seen = seenBy(name)
          if (seen === undefined) return `${name} is not running`
          if (seen.received === 0) return `${name} received no message`
          for (const other of names) {
            if (other === name) continue
            if (seen.values[other] === undefined) return `${name} read no value of ${other}`
            if (seen.rtts[other] === undefined) return `${name} has no round-trip time to ${other}`
          }
        }
        return true
      }
      yield* sim.converges(missing, { within: "2 minutes" })
    }),
)
