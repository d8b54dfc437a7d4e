/**
 * Rolling upgrades (docs/compatibility.md): nodes of an earlier release and of the present one form one cluster over
 * TCP. Each fixture in this folder is an earlier release. `pnpm release:fixture` writes the fixture of the present
 * version.
 */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fixtures from "./Fixtures.ts"
import * as Members from "./Members.ts"

const testTimeout = 240_000

/** Text that is longer than the payload of one Data frame, so that it needs several. */
const longText = "long ".repeat(40_000)

/** Starts two members of `first` and two of `second`, which all join the first member. */
const mixed = Effect.fnUntraced(function* (first: string, second: string) {
  const a = yield* Members.start("a", first, [])
  const [b, c, d] = yield* Effect.all(
    [
      Members.start("b", second, [a.address]),
      Members.start("c", first, [a.address]),
      Members.start("d", second, [a.address]),
    ],
    { concurrency: "unbounded" },
  )
  yield* Members.untilMet([a, b, c, d])
  return { a, b, c, d }
})

/** Tests all features between two releases. Members of `first` start before the members of `second`. */
const exchange = Effect.fnUntraced(function* (first: string, second: string) {
  const { a, b, c, d } = yield* mixed(first, second)
  const all = [a, b, c, d]
  yield* Members.sendMessages(all, "hello")
  yield* Members.sendMessages([a, b], longText)
  yield* Members.publishOrders(all)
  yield* Members.makeRequests(all)
  yield* Members.changeMetadata(all, "changed")
  for (const member of all) assert.deepStrictEqual(Members.losses(member), [], member.name)

  // One member of each release stays and sees one member of each release leave or fail.
  yield* Members.leave(a, [b, c, d])
  yield* Members.kill(b, [c, d])
  for (const member of [c, d]) assert.deepStrictEqual(Members.losses(member), ["Left a", "Failed b"], member.name)
  yield* Members.sendMessages([c, d], "still here")
})

describe.each(Fixtures.versions)("nodes of release %s", (version) => {
  it.live(
    "join a cluster of the present version, and exchange messages, topics, requests, departures and failures with it",
    () =>
      Effect.gen(function* () {
        yield* exchange(Fixtures.present, yield* Fixtures.unpack(version))
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )

  it.live(
    "accept nodes of the present version, and exchange messages, topics, requests, departures and failures with them",
    () =>
      Effect.gen(function* () {
        yield* exchange(yield* Fixtures.unpack(version), Fixtures.present)
      }).pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )
})
