/**
 * Two processes with one name and one generation: two starts in one millisecond, or a machine that was cloned or restored
 * (docs/protocol.md, section "Identity"). One of them stops with its reason, and the others see one peer.
 */
import * as Entropy from "@coterie/core/Entropy"
import { assert, describe } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as World from "./world.ts"

/** Number of draws that a node makes when it starts, and more. */
const draws = 16

/** The policies of a process that is cloned after its start: the copies drew the same numbers until then. */
const cloned = (seed: number) => {
  let drawn = 0
  const u32 = () => (++drawn <= draws ? Math.imul(drawn, 0x9e3779b1) >>> 0 : Math.imul(seed + drawn, 0x85ebca6b) >>> 0)
  return Layer.merge(World.quick, Layer.succeed(Entropy.Entropy, { u32 }))
}

const kinds = [
  ["that started in one millisecond", () => undefined],
  ["of which one is a copy of the other's memory", cloned],
] as const

describe.each(kinds)("of two processes %s", (_, policiesOf) => {
  for (const others of [1, 2, 4]) {
    World.simulated(`one stops, and ${others} others see the other one: ${policiesOf.name}`, ({ node }) =>
      Effect.gen(function* () {
        const names = ["b", "c", "x", "y"].slice(0, others)
        const first = yield* node("b")
        const nodes = [first]
        for (const name of names.slice(1)) nodes.push(yield* node(name, { seeds: [first.address] }))
        for (const each of nodes)
          yield* World.untilPeers(
            each,
            names.filter((name) => each !== nodes[names.indexOf(name)]),
          )
        const twins = yield* Effect.forEach([1, 2], (i) =>
          node(`m${i}`, { name: "m", seeds: [first.address] }, policiesOf(i)),
        )
        const stopped = yield* Effect.forEach(twins, (twin, i) =>
          Effect.forkChild(
            Effect.as(
              World.untilEvent(twin, ({ _tag }) => _tag === "Superseded"),
              i,
            ),
            { startImmediately: true },
          ),
        )
        const loser = yield* Effect.timeout(Effect.raceAll(stopped.map(Fiber.join)), "10 seconds")
        const winner = twins[1 - loser]
        if (winner === undefined) return assert.fail("there are two")
        yield* World.untilPeers(winner, names)
        // Longer than it takes to find out that a peer is gone.
        yield* Effect.sleep("30 seconds")
        for (const each of nodes)
          yield* World.untilPeers(each, [...names.filter((name) => each !== nodes[names.indexOf(name)]), "m"])
        assert.strictEqual((yield* winner.cluster.view).peers.size, names.length)
      }),
    )
  }
})
