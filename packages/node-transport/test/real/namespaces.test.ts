/**
 * Real processes on real networks, each on a host of its own, with the defaults of a LAN: what they see of a cut link, of a
 * partition, and of a bad line. Where the machine allows no network namespaces, they are skipped and say why.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Members from "./Members.ts"
import * as Namespaces from "./Namespaces.ts"

const testTimeout = 240_000

/** Nobody has told anything of anybody but that it joined. */
const onlyJoined = (members: ReadonlyArray<Members.Member>): void => {
  for (const member of members) {
    for (const { name } of members) {
      if (name !== member.name)
        assert.deepStrictEqual(Members.story(member, name), ["Joined"], `${member.name}: ${name}`)
    }
  }
}

/** Four members, each on a host of its own. */
const setUp = Effect.gen(function* () {
  const network = yield* Namespaces.make(4)
  const [ha, hb, hc, hd] = network.hosts
  if (ha === undefined || hb === undefined || hc === undefined || hd === undefined) return yield* Effect.die("no hosts")
  const members = yield* Members.four(network.hosts)
  return { ...members, ha, hb, hc, hd, network }
})

/** A test that says why it is skipped, in its name, and in the output, for not every reporter shows names. */
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
    "suspects nobody when what one of four sends to another is lost, and links the two again afterwards",
    () =>
      Effect.gen(function* () {
        const { a, b, c, d, ha, hb, network } = yield* setUp
        yield* network.cut(ha, hb)
        yield* Members.awaitEventAtAll([a], "Unreachable", "b")
        yield* Members.awaitEventAtAll([b], "Unreachable", "a")
        // The time is the promise here. From the loss of the link a suspicion would take at most a dial that nobody
        // answers (5 s) to begin, and at most its longest (12 s) to end; and what a silent link adds (3 s).
        yield* Effect.sleep("25 seconds")
        onlyJoined([a, b, c, d])
        for (const [member, other] of [
          [a, b],
          [b, a],
        ] as const) {
          const peers = yield* Members.view(member)
          assert.strictEqual(peers.find(({ name }) => name === other.name)?.link, "indirect")
        }
        yield* network.mend(ha, hb)
        yield* Members.agree([a, b, c, d], "120 seconds")
        yield* Members.converse([a, b, c, d], "mended")
        onlyJoined([a, b, c, d])
      }).pipe(Effect.scoped),
  )

  given(Namespaces.missing, "is two clusters while it is partitioned, and one again, unaided, afterwards", () =>
    Effect.gen(function* () {
      const { a, b, c, d, ha, hb, hc, hd, network } = yield* setUp
      const across = [ha, hb].flatMap((left) =>
        [hc, hd].flatMap((right) => [[left, right] as const, [right, left] as const]),
      )
      for (const [from, to] of across) yield* network.cut(from, to)
      yield* Effect.all([Members.agree([a, b]), Members.agree([c, d])], { concurrency: "unbounded" })
      for (const [side, other] of [
        [
          [a, b],
          ["c", "d"],
        ],
        [
          [c, d],
          ["a", "b"],
        ],
      ] as const) {
        for (const member of side) {
          for (const name of other) {
            assert.deepStrictEqual(
              Members.story(member, name),
              ["Joined", "Suspected", "Failed"],
              `${member.name}: ${name}`,
            )
          }
        }
      }
      for (const [from, to] of across) yield* network.mend(from, to)
      yield* Members.agree([a, b, c, d], "120 seconds")
      yield* Members.converse([a, b, c, d], "healed")
      for (const [member, name] of [
        [a, "c"],
        [a, "d"],
        [b, "c"],
        [b, "d"],
        [c, "a"],
        [c, "b"],
        [d, "a"],
        [d, "b"],
      ] as const) {
        assert.deepStrictEqual(
          Members.story(member, name),
          ["Joined", "Suspected", "Failed", "Recovered"],
          `${member.name}: ${name}`,
        )
      }
      for (const [member, name] of [
        [a, "b"],
        [b, "a"],
        [c, "d"],
        [d, "c"],
      ] as const) {
        assert.deepStrictEqual(Members.story(member, name), ["Joined"], `${member.name}: ${name}`)
      }
    }).pipe(Effect.scoped),
  )

  given(
    Namespaces.missingWeather,
    "forms and calls nobody failed but the one that is killed where every line loses 10 % and is late by 100 ms",
    () =>
      Effect.gen(function* () {
        const network = yield* Namespaces.make(4)
        const { a, b, c, d } = yield* Members.four(yield* Namespaces.worsen(network, 10, 100))
        const all = [a, b, c, d]
        // The time is the promise here: several times of what it takes to call one that is silent failed.
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
