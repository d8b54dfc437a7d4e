/**
 * The peers of the demo as child processes, and the facts that can be waited for.
 */
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"
import * as Protocol from "./Protocol.ts"

export interface Peer extends Child.Child {
  readonly address: string
  readonly generation: number
}

/** Starts a peer and waits until it listens. */
export const start = Effect.fnUntraced(function* (name: string, seeds: ReadonlyArray<string>) {
  const child = yield* Child.spawn(name, NodePath.join(import.meta.dirname, "peer.ts"), [name, ...seeds])
  const { address, generation } = yield* child.expect("that it listens", report("Listening"))
  const peer: Peer = { ...child, address, generation }
  return peer
})

/** A report of one kind about which something holds. */
export const report = Child.reports(Protocol.decodeReport)

/** The peer lists exactly these lives, with a live link to each. */
export const lists = (peer: Peer, others: ReadonlyArray<Peer>, options?: Child.Wait) => {
  const wanted = others.map(({ address, generation, name }) => `${name} ${generation} ${address} up`).sort()
  const seen = report("View", ({ peers }) => {
    const found = peers.map(({ address, generation, link, name }) => `${name} ${generation} ${address} ${link}`)
    return found.sort().join() === wanted.join()
  })
  return peer.expect(`that it lists ${others.map(({ name }) => name).join(" and ")}`, seen, options)
}

/** Waits until the peer reports an event about another. */
export const awaitEvent = (peer: Peer, event: string, about: string, options?: Child.Wait) =>
  peer.expect(
    `${event} for ${about}`,
    report("Event", (each) => each.event === event && each.peer === about),
    options,
  )

/** The inbox of the peer gives out a message. */
export const hears = (peer: Peer, from: string, text: string, options?: Child.Wait) =>
  peer.expect(
    `"${text}" from ${from} in its inbox`,
    report("Message", (each) => each.from === from && each.text === text),
    options,
  )

/** Commands the peer, and says whose links took the message. */
export const command = Effect.fnUntraced(function* (peer: Peer, what: Protocol.Command) {
  const from = peer.mark()
  yield* peer.say(Protocol.encodeCommand(what))
  return yield* peer.expect("what became of the message", report("Sent"), { from })
})
