/**
 * Real processes on the loopback, with the defaults of a LAN: what the others see when one is killed or stands still.
 * How fast they see it is measured by benchmarks/detection.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Members from "./Members.ts"

const testTimeout = 240_000

/** Nobody has told anything of these but that they joined. */
const onlyJoined = (members: ReadonlyArray<Members.Member>, names: ReadonlyArray<string>): void => {
  for (const member of members) {
    for (const name of names) {
      if (name !== member.name)
        assert.deepStrictEqual(Members.story(member, name), ["Joined"], `${member.name}: ${name}`)
    }
  }
}

describe.concurrent("a cluster of processes", () => {
  it.live(
    "calls one that is killed suspected and then failed, each once and everywhere, and nobody else, and has it back after a restart",
    () =>
      Effect.gen(function* () {
        const { a, b, c, d } = yield* Members.four()
        const others = [a, b, c]
        yield* d.kill
        yield* Members.awaitEventAtAll(others, "Failed", "d")
        yield* Members.agree(others)
        for (const other of others) assert.deepStrictEqual(Members.story(other, "d"), ["Joined", "Suspected", "Failed"])

        const again = yield* Members.start("d", [a.address])
        const all = [...others, again]
        yield* Members.agree(all)
        yield* Members.converse(all, "d is back")
        for (const other of others) {
          const [last = "", ...more] = Members.story(other, "d").slice(3)
          assert.include(["Joined", "Replaced"], last)
          assert.deepStrictEqual(more, [])
        }
        onlyJoined(all, ["a", "b", "c"])
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )

  it.live(
    "calls one that stands still failed, and recovered once it goes on, each once and everywhere, while that one calls nobody failed",
    () =>
      Effect.gen(function* () {
        const { a, b, c, d } = yield* Members.four()
        const others = [a, b, c]
        yield* d.freeze
        yield* Members.awaitEventAtAll(others, "Failed", "d")
        yield* Members.agree(others)
        for (const other of others) assert.deepStrictEqual(Members.story(other, "d"), ["Joined", "Suspected", "Failed"])

        yield* d.thaw
        yield* Members.awaitEventAtAll(others, "Recovered", "d")
        yield* Members.agree([a, b, c, d])
        yield* Members.converse([a, b, c, d], "d goes on")
        // Whoever wavered about d would have done so by the time that all of them, d included, have noticed that c is dead.
        yield* c.kill
        yield* Members.awaitEventAtAll([a, b, d], "Failed", "c")
        yield* Members.agree([a, b, d])
        for (const other of others) {
          assert.deepStrictEqual(Members.story(other, "d"), ["Joined", "Suspected", "Failed", "Recovered"])
        }
        assert.deepStrictEqual(Members.story(d, "c"), ["Joined", "Suspected", "Failed"])
        onlyJoined([a, b, c, d], ["a", "b"])
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )
})
