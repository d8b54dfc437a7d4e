/**
 * Real processes on the loopback with the defaults of a LAN: the events at the other members when a member is killed or
 * stopped. benchmarks/membership/processes.ts measures how soon they occur.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Members from "./Members.ts"

const testTimeout = 240_000

/** Checks that `Joined` is the only event that the members reported about the named members. */
const onlyJoined = (members: ReadonlyArray<Members.Member>, names: ReadonlyArray<string>): void => {
  for (const member of members) {
    for (const name of names) {
      if (name !== member.name)
        assert.deepStrictEqual(Members.story(member, name), ["Joined"], `${member.name}: ${name}`)
    }
  }
}

const unreachable = (peer: string) =>
  Members.report("Event", (each) => each.event === "Unreachable" && each.peer === peer)

describe.concurrent("a cluster of processes", () => {
  it.live(
    "lets a member end before the others miss a member that stands still, which then hears of it",
    () =>
      Effect.gen(function* () {
        // The ending member waits for half of this time, and the others miss a member after all of it.
        const args = ["--link-timeout", "5000"]
        const a = yield* Members.start("a", [], undefined, args)
        const [b, c] = yield* Effect.all(
          [Members.start("b", [a.address], undefined, args), Members.start("c", [a.address], undefined, args)],
          { concurrency: "unbounded" },
        )
        yield* Members.agree([a, b, c])

        const from = c.mark()
        yield* b.freeze
        yield* a.signal("SIGTERM")
        assert.deepStrictEqual(c.since(from, unreachable("b")), [])
        yield* c.expect("that it misses b", unreachable("b"), { from, within: "60 seconds" })
        yield* b.thaw
        yield* Members.awaitEventAtAll([b, c], "Left", "a")
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )

  it.live(
    "reports a member that is killed, or stands still, once at each other member, and accepts it again",
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

        // Its second life stands still, and continues.
        const marks = Members.mark(others)
        const since = (other: Members.Member) => Members.story(other, "d", marks.get(other))
        yield* again.freeze
        yield* Members.awaitEventAtAll(others, "Failed", "d", marks)
        yield* Members.agree(others)
        for (const other of others) assert.deepStrictEqual(since(other), ["Suspected", "Failed"])

        yield* again.thaw
        yield* Members.awaitEventAtAll(others, "Recovered", "d", marks)
        yield* Members.agree(all)
        yield* Members.converse(all, "d continues")
        // A wrong event about d would have been reported by the time that all members, including d, report c as failed.
        yield* c.kill
        yield* Members.awaitEventAtAll([a, b, again], "Failed", "c")
        yield* Members.agree([a, b, again])
        for (const other of others) assert.deepStrictEqual(since(other), ["Suspected", "Failed", "Recovered"])
        assert.deepStrictEqual(Members.story(again, "c"), ["Joined", "Suspected", "Failed"])
        onlyJoined([a, b, c, again], ["a", "b"])
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )
})
