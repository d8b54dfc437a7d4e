/**
 * Real processes on real networks, each on its own host, with the defaults of a LAN. The tests cut links, partition the
 * network and make lines lossy. If the machine allows no network namespaces, the tests are skipped and say why.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Members from "./Members.ts"
import * as Namespaces from "./Namespaces.ts"

const testTimeout = 240_000

/** Events that members of the two sides of a partition report about each other. */
const split = ["Suspected", "Failed"]

/**
 * Checks the events that each member reported about each other member: those of `across` if a partition separates the
 * two, after the first event, `Joined`.
 */
const checkStories = (sides: ReadonlyArray<ReadonlyArray<Members.Member>>, across: ReadonlyArray<string>): void => {
  for (const side of sides) {
    for (const member of side) {
      for (const other of sides.flat().filter((other) => other !== member)) {
        const expected = side.includes(other) ? ["Joined"] : ["Joined", ...across]
        assert.deepStrictEqual(Members.story(member, other.name), expected, `${member.name}: ${other.name}`)
      }
    }
  }
}

/** Defines a test whose title and output say why it is skipped. Not every reporter shows titles. */
const given = (
  missing: string | undefined,
  name: string,
  test: () => Effect.Effect<void, unknown, ChildProcessSpawner>,
) => {
  if (missing !== undefined) console.warn(`not tested: ${name}: ${missing}`)
  const title = missing === undefined ? name : `${name} (skipped: ${missing})`
  it.live.skipIf(missing !== undefined)(title, () => Effect.provide(test(), Members.layer), testTimeout)
}

describe.concurrent("a cluster on several hosts", () => {
  given(
    Namespaces.missing,
    "suspects no member of which one other loses the packets, and becomes two clusters in a partition, and one again",
    () =>
      Effect.gen(function* () {
        const network = yield* Namespaces.make(4)
        const [ha, hb, hc, hd] = network.hosts
        if (ha === undefined || hb === undefined || hc === undefined || hd === undefined) return assert.fail("no hosts")
        const { a, b, c, d } = yield* Members.four(network.hosts)
        const all = [a, b, c, d]

        // The packets from one of four members to another are lost.
        yield* network.cut(ha, hb)
        yield* Members.awaitEventAtAll([a], "Unreachable", "b")
        yield* Members.awaitEventAtAll([b], "Unreachable", "a")
        // This time is part of the guarantee. After the loss of a link a suspicion would begin within the timeout of a
        // dial (5 s) and end within its maximum (12 s), and the detection of a silent link adds 3 s.
        yield* Effect.sleep("25 seconds")
        checkStories([all], [])
        for (const [member, other] of [
          [a, b],
          [b, a],
        ] as const) {
          const peers = yield* Members.view(member)
          assert.strictEqual(peers.find(({ name }) => name === other.name)?.link, "indirect")
        }
        yield* network.mend(ha, hb)
        yield* Members.agree(all, "120 seconds")
        yield* Members.converse(all, "mended")
        checkStories([all], [])

        // No packet passes between two members and the two others.
        const across = [ha, hb].flatMap((left) =>
          [hc, hd].flatMap((right) => [[left, right] as const, [right, left] as const]),
        )
        const sides = [
          [a, b],
          [c, d],
        ]
        for (const [from, to] of across) yield* network.cut(from, to)
        yield* Effect.forEach(sides, (side) => Members.agree(side), { concurrency: "unbounded" })
        checkStories(sides, split)
        for (const [from, to] of across) yield* network.mend(from, to)
        yield* Members.agree(all, "120 seconds")
        yield* Members.converse(all, "healed")
        checkStories(sides, [...split, "Recovered"])
      }).pipe(Effect.scoped),
  )

  given(
    Namespaces.missingWeather,
    "forms and reports only a killed member as failed when every line loses 10 % and delays by 100 ms",
    () =>
      Effect.gen(function* () {
        const network = yield* Namespaces.make(4)
        const { a, b, c, d } = yield* Members.four(yield* Namespaces.worsen(network, 10, 100))
        const all = [a, b, c, d]
        // This time is part of the guarantee. It is several times the time to report a silent member as failed.
        yield* Effect.sleep("25 seconds")
        for (const member of all) {
          for (const { name } of all)
            assert.notInclude(Members.story(member, name), "Failed", `${member.name}: ${name}`)
        }
        yield* Members.agree(all)
        yield* d.kill
        yield* Members.awaitEventAtAll([a, b, c], "Failed", "d")
        yield* Members.agree([a, b, c])
        for (const member of [a, b, c]) {
          for (const { name } of all) {
            const failures = Members.story(member, name).filter((event) => event === "Failed")
            assert.strictEqual(failures.length, name === "d" ? 1 : 0, `${member.name}: ${name}`)
          }
        }
      }).pipe(Effect.scoped),
  )
})
