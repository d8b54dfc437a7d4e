/**
 * Peers of the demo as child processes, with functions that wait for their reports.
 */
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"
import * as Protocol from "./Protocol.ts"

export interface Peer extends Child.Child {
  readonly address: string
  readonly generation: number
}

/** Starts a peer and waits until it listens. Without a secret it speaks plain TCP. */
export const start = Effect.fnUntraced(function* (
  name: string,
  seeds: ReadonlyArray<string>,
  secret = "",
  options: { readonly dashboard?: boolean } = {},
) {
  const file = NodePath.join(import.meta.dirname, "peer.ts")
  const child = yield* Child.spawn(name, file, [name, ...seeds], {
    COTERIE_SECRET: secret,
    ...(options.dashboard === true && { DEMO_DASHBOARD: "1" }),
  })
  // A process starts slowly on a busy machine, and after an installation, when no file is in the cache.
  const { address, generation } = yield* child.expect("that it listens", report("Listening"), { within: "40 seconds" })
  const peer: Peer = { ...child, address, generation }
  return peer
})

/** Matches a line that is a report of one kind and satisfies a condition. */
export const report = Child.reports(Protocol.decodeReport)

/** Waits until the peer lists exactly these lives, with a live link to each. */
export const lists = (peer: Peer, others: ReadonlyArray<Peer>, options?: Child.Wait) => {
  const wanted = others.map(({ address, generation, name }) => `${name} ${generation} ${address} up`).sort()
  const seen = report("View", ({ peers }) => {
    const found = peers.map(({ address, generation, link, name }) => `${name} ${generation} ${address} ${link}`)
    return found.sort().join() === wanted.join()
  })
  return peer.expect(`that it lists ${others.map(({ name }) => name).join(" and ")}`, seen, options)
}

/** Waits until the peer serves its dashboard. Returns the address. */
export const dashboardOf = (peer: Peer) =>
  Effect.map(peer.expect("that it serves a dashboard", report("Dashboard"), { within: "40 seconds" }), ({ url }) => url)

/** Waits until the peer reports an event about another peer. */
export const awaitEvent = (peer: Peer, event: string, about: string, options?: Child.Wait) =>
  peer.expect(
    `${event} for ${about}`,
    report("Event", (each) => each.event === event && each.peer === about),
    options,
  )

/**
 * Waits until the peer reports that an address does not admit it, for a reason if one is given. A dial on a busy machine may end by a
 * timeout first.
 */
export const awaitRefusal = (peer: Peer, by: Peer, expected?: string) =>
  peer.expect(
    `a refusal at ${by.address}${expected === undefined ? "" : ` (${expected})`}`,
    report("Refusal", ({ address, reason }) => address === by.address && (expected ?? reason) === reason),
  )

/** Waits until the peer reports a message from its inbox. */
export const hears = (peer: Peer, from: string, text: string, options?: Child.Wait) =>
  peer.expect(
    `"${text}" from ${from} in its inbox`,
    report("Message", (each) => each.from === from && each.text === text),
    options,
  )

/** Sends a command to the peer. Returns the peers whose links accepted the message. */
export const command = Effect.fnUntraced(function* (peer: Peer, what: Protocol.Command) {
  const from = peer.mark()
  yield* peer.say(Protocol.encodeCommand(what))
  return yield* peer.expect("the outcome of the message", report("Sent"), { from })
})
