import type * as Cluster from "@coterie/core/Cluster"
import type { SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport, Lane, Sent, SendOptions } from "@coterie/core/Lane"
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { DeliveryLog, Send } from "./DeliveryLog.ts"
import type { Life } from "./SentMessage.ts"

/** Lanes that members read besides their inbox. */
export interface Lanes {
  /** Lane that every member reads, with pauses. */
  readonly slow: Lane
  /** Lane that some members read, at some times. */
  readonly fickle: Lane
}

/** Length of the longest message: some fragments on a lane with a small window. */
const longest = 1_200

/** Timeout of an acknowledged send in milliseconds. It is sometimes too short for the slow lane. */
const confirmTimeout = 2_000

const oneOf = <A>(items: readonly [A, ...ReadonlyArray<A>]): Effect.Effect<A> =>
  Effect.map(Random.nextIntBetween(0, items.length), (i) => items[i] ?? items[0])

/** Draws the minimum length of a message: one in four messages is padded. */
const drawPadding = Effect.flatMap(Random.nextIntBetween(0, 4), (draw) =>
  draw === 0 ? Random.nextIntBetween(0, longest) : Effect.succeed(0),
)

/** Sequence of messages to one peer, and the function that sends them. */
interface Route {
  readonly next: Send
  readonly send: (peer: string, text: string, options?: SendOptions) => Effect.Effect<Sent, SendError>
}

export interface Options {
  readonly cluster: Cluster.Cluster["Service"]
  readonly lanes: Lanes
  readonly deliveries: DeliveryLog
  readonly life: Life
}

/** Sends of one life of a member. Each send is recorded with its result. */
export class MemberSender {
  /** `true` while the member sends by itself. */
  isTalking = true
  private readonly cluster: Options["cluster"]
  private readonly lanes: Lanes
  private readonly nextBroadcast: Send
  private readonly nextPublished: { readonly slow: Send; readonly fickle: Send }
  private readonly nextInBatch: Send
  private readonly nextOnSlowLane: Send
  private readonly acknowledged: readonly [Route, Route, Route]

  constructor({ cluster, deliveries, lanes, life }: Options) {
    const { fickle, slow } = lanes
    this.cluster = cluster
    this.lanes = lanes
    this.nextBroadcast = deliveries.sequence(life)
    this.nextPublished = {
      slow: deliveries.sequence(life, slow.name),
      fickle: deliveries.sequence(life, fickle.name),
    }
    this.nextInBatch = deliveries.sequence(life)
    this.acknowledged = [
      { next: deliveries.sequence(life), send: cluster.send },
      { next: deliveries.sequence(life, slow.name), send: slow.send },
      { next: deliveries.sequence(life, fickle.name), send: fickle.send },
    ]
    this.nextOnSlowLane = deliveries.sequence(life, slow.name)
  }

  /** Broadcasts one message. */
  get broadcast(): Effect.Effect<void> {
    return this.toMany(this.nextBroadcast, this.cluster.broadcast)
  }

  /** Publishes one message on a random lane. */
  get publish(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const which = yield* oneOf(["slow", "fickle"] as const)
      yield* this.toMany(this.nextPublished[which], this.lanes[which].publish, yield* drawPadding)
    })
  }

  /** Sends one message on the slow lane to every member, and waits for credit as long as necessary. */
  get sendOnSlowLane(): Effect.Effect<void> {
    const send = ({ name: to }: { readonly name: string }) =>
      Effect.suspend(() => {
        const { failed, sent, text } = this.nextOnSlowLane({ to })
        return Effect.match(this.lanes.slow.send(to, text), { onSuccess: () => sent("accepted"), onFailure: failed })
      })
    return Effect.flatMap(this.cluster.peers, (peers) =>
      Effect.forEach(peers, send, { concurrency: "unbounded", discard: true }),
    )
  }

  /** Sends an acknowledged message, or a batch of messages, to one random member. */
  get sendToOne(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const peers = yield* this.cluster.peers
      const peer = peers[yield* Random.nextIntBetween(0, peers.length)]
      if (peer === undefined) return
      if ((yield* Random.nextIntBetween(0, 4)) === 0) return yield* this.sendBatch(peer.name)
      const { next, send } = yield* oneOf(this.acknowledged)
      const { failed, sent, text } = next({ to: peer.name, padding: yield* drawPadding })
      const options = { confirm: true, timeout: confirmTimeout }
      yield* Effect.match(send(peer.name, text, options), { onSuccess: () => sent("taken"), onFailure: failed })
    })
  }

  private toMany(
    next: Send,
    publish: (text: string) => Effect.Effect<BroadcastReport, SendError>,
    padding = 0,
  ): Effect.Effect<void> {
    return Effect.suspend(() => {
      const { failed, reported, text } = next({ padding })
      return Effect.match(publish(text), { onSuccess: reported, onFailure: failed })
    })
  }

  private sendBatch(to: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const batch = [this.nextInBatch({ to }), this.nextInBatch({ to, padding: longest }), this.nextInBatch({ to })]
      const texts = batch.map(({ text }) => text)
      return Effect.match(this.cluster.sendAll(to, texts), {
        onSuccess: () => {
          for (const { sent } of batch) sent("accepted")
        },
        onFailure: (error) => {
          const accepted = error.accepted ?? 0
          for (const [i, { failed, sent, unsent }] of batch.entries()) {
            if (i < accepted) sent("accepted")
            else if (i === accepted) failed(error)
            else unsent()
          }
        },
      })
    })
  }
}
