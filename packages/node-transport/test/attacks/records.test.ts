/** An attacker on the path of two nodes with a secret who leaves out, repeats, swaps and truncates the records of their links. */
import type * as Address from "@coterie/core/Address"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import { linked, type Node, start, until } from "../secretCluster.ts"
import { secret } from "../secretOutcomes.ts"
import { Traffic } from "../Traffic.ts"
import * as Middle from "./Middle.ts"

/** Decides about one record, and about what follows it in its direction. */
type Attack = (passing: Middle.Passing, step: number) => Middle.Decision

/** Attacks on records that carry messages. The first record has step 0. */
const attacks: Record<string, () => Attack> = {
  "leaves out a record": () => (passing, step) => (step === 0 ? { bytes: [] } : Middle.pass(passing)),
  "repeats a record": () => (passing, step) => ({
    bytes: step === 0 ? [passing.bytes, passing.bytes] : [passing.bytes],
  }),
  "repeats a record after the next one": () => {
    const kept: Array<Buffer> = []
    return ({ bytes }, step) => {
      if (step === 0) kept.push(bytes)
      return { bytes: step === 1 ? [bytes, ...kept] : [bytes] }
    }
  },
  "swaps two records": () => {
    const kept: Array<Buffer> = []
    return ({ bytes }, step) => {
      if (step > 0) return { bytes: step === 1 ? [bytes, ...kept] : [bytes] }
      kept.push(bytes)
      return { bytes: [] }
    }
  },
  "shortens a record": () => (passing, step) => {
    if (step > 0) return Middle.pass(passing)
    const shorter = Buffer.from(passing.bytes.subarray(0, -1))
    shorter.writeUInt16BE(shorter.length - 5, 3)
    return { bytes: [shorter] }
  },
  "ends TCP between two records": () => () => ({ bytes: [], isLast: true }),
  "ends TCP within a record":
    () =>
    ({ bytes }) => ({ bytes: [bytes.subarray(0, -3)], isLast: true }),
}

/** Attacks one connection, in one direction, once. */
class Attacker {
  private readonly attack: Attack
  private readonly direction: Middle.Passing["direction"]
  private target: number | undefined = undefined
  private step = 0

  constructor(attack: Attack, direction: Middle.Passing["direction"]) {
    this.attack = attack
    this.direction = direction
  }

  /** Number of the connection that was attacked. */
  get connection(): number | undefined {
    return this.target
  }

  readonly decide: Middle.Decide = (passing) => {
    // The first records belong to the handshakes of TLS and of the nodes.
    const isMessage = passing.index > 10 && passing.bytes[0] === Middle.applicationData
    if (passing.direction !== this.direction || !isMessage) return Middle.pass(passing)
    this.target ??= passing.connection
    return this.target === passing.connection ? this.attack(passing, this.step++) : Middle.pass(passing)
  }
}

/** Starts two nodes whose dials lead through the man in the middle, and their traffic. */
const setUp = Effect.gen(function* () {
  const { address, middle } = yield* Middle.make
  const a = yield* start({ name: "a", secrets: [secret] })
  middle.lead(a.address)
  const lead = (dialed: Address.Address) => (dialed === a.address ? address : dialed)
  // The other node has the greater name and dials, and nobody reaches it.
  const b = yield* start({
    name: "b",
    secrets: [secret],
    seeds: [a.address],
    lead,
    transport: { advertise: "127.0.0.1:1" },
  })
  yield* linked([a, b])
  const traffic = new Traffic(2)
  const lives = [a, b].map((node) => ({ node, name: node.name }))
  for (const life of lives) yield* traffic.receive(life)
  for (const from of lives) for (const to of lives) if (from !== to) yield* traffic.send(from, to)
  return { middle, nodes: [a, b], traffic }
})

/** Waits until messages that are sent from now on have arrived in both directions. */
const flowing = (nodes: ReadonlyArray<Node>, traffic: Traffic) =>
  Effect.gen(function* () {
    yield* linked(nodes)
    const targets = traffic.flows.map((flow) => ({ flow, count: flow.received + 3 }))
    yield* until(() => targets.every(({ count, flow }) => flow.received >= count))
  })

describe.concurrent("two nodes whose link an attacker can change", () => {
  for (const direction of ["up", "down"] as const) {
    for (const [name, make] of Object.entries(attacks)) {
      it.live(
        `lose the link, and read no message twice or out of order, if the attacker ${name} on the way ${direction}`,
        () =>
          Effect.gen(function* () {
            const { middle, nodes, traffic } = yield* setUp
            yield* flowing(nodes, traffic)
            const attacker = new Attacker(make(), direction)
            middle.use(attacker.decide)
            yield* until(() => {
              const { connection } = attacker
              return connection !== undefined && middle.connections[connection]?.isClosed === true
            })
            yield* flowing(nodes, traffic)
            for (const { disorders } of traffic.flows) assert.deepStrictEqual(disorders, [])
            assert.strictEqual(traffic.flows.length, 2)
          }).pipe(Effect.provide(Logger.layer([]))),
        60_000,
      )
    }
  }
})
