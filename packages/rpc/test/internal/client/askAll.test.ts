import type { PeerId } from "@coterie/core/Peer"
import * as VirtualTime from "@coterie/testkit/VirtualTime"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Stream from "effect/Stream"
import { askAll, type Options } from "../../../src/internal/client/askAll.ts"

const peers: ReadonlyArray<PeerId> = ["b", "c", "d"].map((name) => ({ name, generation: 1 }))

const options = { peers, isAbsent: () => false, concurrency: "unbounded", timeout: "10 seconds" } as const

/** Makes an effect that answers for each peer after the given seconds. Records the peers begun and interrupted. */
const answering = (seconds: Readonly<Record<string, number>>) => {
  const begun: Array<string> = []
  const interrupted: Array<string> = []
  const ask: Options<string, never, never>["ask"] = ({ name }) =>
    Effect.sync(() => begun.push(name)).pipe(
      Effect.andThen(Effect.sleep(`${seconds[name] ?? 0} seconds`)),
      Effect.as(`answer of ${name}`),
      Effect.onInterrupt(() => Effect.sync(() => interrupted.push(name))),
    )
  return { ask, begun, interrupted }
}

const describeExit = <E extends { readonly _tag: string }>(exit: Exit.Exit<string, E>): string =>
  Exit.match(exit, {
    onSuccess: (value) => value,
    onFailure: () => {
      const error = Exit.findErrorOption(exit)
      return error._tag === "Some" ? error.value._tag : "defect"
    },
  })

const outcomes = <E extends { readonly _tag: string }, E2>(
  stream: Stream.Stream<{ readonly peer: PeerId; readonly exit: Exit.Exit<string, E> }, E2>,
) => Effect.map(Stream.runCollect(stream), (all) => all.map(({ exit, peer }) => `${peer.name}: ${describeExit(exit)}`))

describe("a request to several peers", () => {
  it.effect("emits the answers in the order of their arrival", () =>
    Effect.gen(function* () {
      const { ask } = answering({ b: 3, c: 1, d: 2 })
      assert.deepStrictEqual(yield* outcomes(askAll({ ...options, ask })), [
        "c: answer of c",
        "d: answer of d",
        "b: answer of b",
      ])
    }).pipe(VirtualTime.flow),
  )

  it.effect("fails for one peer with an error or a defect, and does not fail for the others", () =>
    Effect.gen(function* () {
      const ask = ({ name }: PeerId): Effect.Effect<string, { readonly _tag: "Odd" }> =>
        name === "b" ? Effect.fail({ _tag: "Odd" }) : name === "c" ? Effect.die("a bug") : Effect.succeed("well")
      const all = yield* outcomes(askAll({ ...options, ask }))
      assert.deepStrictEqual([...all].sort(), ["b: Odd", "c: defect", "d: well"])
    }),
  )

  it.effect("has no outcome for a peer that is absent", () =>
    Effect.gen(function* () {
      const ask = ({ name }: PeerId) => (name === "c" ? Effect.fail({ _tag: "Absent" }) : Effect.succeed("well"))
      const all = yield* outcomes(askAll({ ...options, ask, isAbsent: ({ _tag }) => _tag === "Absent" }))
      assert.deepStrictEqual([...all].sort(), ["b: well", "d: well"])
    }),
  )

  it.effect("is interrupted at the timeout for peers that have not answered, and does not begin for the others", () =>
    Effect.gen(function* () {
      const { ask, begun, interrupted } = answering({ b: 1, c: 60, d: 1 })
      const all = yield* outcomes(askAll({ ...options, ask, concurrency: 1 }))
      assert.deepStrictEqual(all, ["b: answer of b", "c: TimeoutError", "d: TimeoutError"])
      assert.deepStrictEqual(begun, ["b", "c"])
      assert.deepStrictEqual(interrupted, ["c"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("runs for as many peers at one time as the concurrency allows", () =>
    Effect.gen(function* () {
      const { ask, begun } = answering({ b: 3, c: 3, d: 3 })
      yield* Effect.forkChild(outcomes(askAll({ ...options, ask, concurrency: 2 })))
      yield* Effect.sleep("1 second")
      assert.deepStrictEqual(begun, ["b", "c"])
      yield* Effect.sleep("3 seconds")
      assert.deepStrictEqual(begun, ["b", "c", "d"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("is interrupted when the reader of the outcomes stops", () =>
    Effect.gen(function* () {
      const { ask, interrupted } = answering({ b: 3, c: 1, d: 3 })
      assert.deepStrictEqual(yield* outcomes(Stream.take(askAll({ ...options, ask }), 1)), ["c: answer of c"])
      assert.deepStrictEqual([...interrupted].sort(), ["b", "d"])
    }).pipe(VirtualTime.flow),
  )

  it.effect("ends at once if there is no peer", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* outcomes(askAll({ ...options, ask: () => Effect.never, peers: [] })), [])
    }),
  )
})
