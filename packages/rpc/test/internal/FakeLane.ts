/** Lane without a network. It keeps the messages sent on it, and each send has the outcome that a test sets. */
import { LinkLost, NotConnected, NotReading, SendError, TooLarge } from "@coterie/core/ClusterError"
import type { Lane, Sent } from "@coterie/core/Lane"
import type { Message, SessionEnded } from "@coterie/core/Message"
import * as Effect from "effect/Effect"
import * as RpcSerialization from "effect/rpc/RpcSerialization"
import * as Stream from "effect/Stream"

export const serialization = RpcSerialization.json

/** Returns the message with which a server gives up a request for a reason, as JSON. */
export const giveUp = (id: string, reason: object) => ({
  _tag: "Request",
  id,
  tag: "GiveUp",
  payload: reason,
  headers: [],
})

const reasons = {
  LinkLost: new LinkLost({ maybeDelivered: true }),
  NotConnected: new NotConnected(),
  NotReading: new NotReading({ maybeDelivered: false }),
  TooLarge: new TooLarge({ bytes: 2, limit: 1 }),
}

export const sendError = (reason: keyof typeof reasons, peer = "b"): SendError =>
  new SendError({ peer, reason: reasons[reason] })

export class FakeLane {
  /** Peer and text of each message that was sent. */
  readonly sent: Array<readonly [peer: string, text: string]> = []
  readonly published: Array<string> = []
  /** Reasons of the dead letters. */
  readonly dead: Array<string> = []
  /** Outcome of each later send. */
  outcome: Effect.Effect<Sent, SendError> = Effect.succeed({ session: 1 })

  readonly lane: Lane = {
    name: "fake",
    format: undefined,
    send: (to, payload) =>
      Effect.suspend(() => {
        this.sent.push([typeof to === "string" ? to : to.name, String(payload)])
        return this.outcome
      }),
    publish: (payload) =>
      Effect.sync(() => {
        this.published.push(String(payload))
        return { sent: [], failed: [] }
      }),
    ready: () => Effect.void,
    readers: Effect.succeed([]),
    readerChanges: Stream.empty,
    read: () => Stream.die("not in use"),
    open: () => Effect.die("not in use"),
    deadLetter: (_, reason) => Effect.sync(() => void this.dead.push(reason)),
    deadLetters: Stream.empty,
  }

  /** Returns the messages that were sent, as values, and forgets them. */
  takeSent(): ReadonlyArray<unknown> {
    return this.sent.splice(0).map(([, text]): unknown => JSON.parse(text))
  }
}

/** Returns a message with the text, or with the value as JSON. */
export const message = (content: unknown, { from = "b", session = 1 } = {}): Message => {
  const text = typeof content === "string" ? content : JSON.stringify(content)
  return {
    _tag: "Message",
    from: { name: from, generation: 1 },
    session,
    payload: new TextEncoder().encode(text),
    text,
    span: undefined,
  }
}

export const sessionEnded = (session: number, from = "b"): SessionEnded => ({
  _tag: "SessionEnded",
  from: { name: from, generation: 1 },
  session,
})
