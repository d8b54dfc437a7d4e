import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodeFs from "node:fs"
import * as NodeOs from "node:os"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

/** A folder that goes with the test. */
const folder = Effect.acquireRelease(
  Effect.sync(() => NodeFs.mkdtempSync(NodePath.join(NodeOs.tmpdir(), "coterie-cache-"))),
  (path) => Effect.sync(() => NodeFs.rmSync(path, { recursive: true })),
)

const start = (name: string, store: string, ...addresses: ReadonlyArray<string>) =>
  Child.spawn(name, NodePath.join(import.meta.dirname, "../cache/cache.ts"), [name, "0", store, ...addresses])

const prints = (child: Child.Child, what: string, from?: number) =>
  child.expect(what, (line) => line === what || undefined, { from, within: "20 seconds" })

/** Types a line and waits for the answer. */
const ask = (child: Child.Child, line: string, answer: string) =>
  Effect.suspend(() => {
    const mark = child.mark()
    return Effect.andThen(child.say(line), prints(child, answer, mark))
  })

/** `ann` and `bob`, who have told each other to forget what they held before they met. */
const pair = Effect.gen(function* () {
  const store = yield* folder
  const ann = yield* start("ann", store)
  const address = yield* ann.expect("where it is", (line) => / is at (\S+)$/.exec(line)?.[1], { within: "20 seconds" })
  const bob = yield* start("bob", store, address)
  yield* prints(ann, "* forgot everything: bob may have written unheard")
  yield* prints(bob, "* forgot everything: ann may have written unheard")
  return { ann, bob }
})

const test = <E>(title: string, body: Effect.Effect<void, E, Effect.Services<typeof pair>>) =>
  it.live(title, () => body.pipe(Effect.scoped, Effect.provide(Child.layer)), 60_000)

describe("the cache", () => {
  test(
    "is read from until somebody else writes",
    Effect.gen(function* () {
      const { ann, bob } = yield* pair
      yield* ask(bob, "get colour", "colour = nothing (store)")
      yield* ask(ann, "put colour dark red", "* wrote colour")
      yield* prints(bob, "* forgot colour: ann wrote it")
      yield* ask(bob, "get colour", "colour = dark red (store)")
      yield* ask(bob, "get colour", "colour = dark red (cache)")
      yield* ask(ann, "get colour", "colour = dark red (store)")
      yield* ask(bob, "put colour blue", "* wrote colour")
      yield* prints(ann, "* forgot colour: bob wrote it")
      yield* ask(ann, "get colour", "colour = blue (store)")
    }),
  )

  test(
    "is not trusted after a link was lost, for what was written meanwhile",
    Effect.gen(function* () {
      const { ann, bob } = yield* pair
      yield* ask(ann, "put colour red", "* wrote colour")
      yield* prints(bob, "* forgot colour: ann wrote it")
      yield* ask(bob, "get colour", "colour = red (store)")

      // Who stands still says nothing, and the link to it is given up.
      process.kill(ann.pid, "SIGSTOP")
      yield* prints(bob, "* forgot everything: the session with ann is over")
      yield* ask(bob, "get colour", "colour = red (store)")
      yield* ask(bob, "get colour", "colour = red (cache)")

      const [before, since] = [ann.mark(), bob.mark()]
      yield* ann.say("put colour green")
      process.kill(ann.pid, "SIGCONT")
      yield* prints(ann, "* wrote colour", before)
      yield* prints(bob, "* forgot everything: ann may have written unheard", since)
      // What comes on the new link comes in order.
      yield* ann.say("put shape round")
      yield* prints(bob, "* forgot shape: ann wrote it", since)
      yield* ask(bob, "get colour", "colour = green (store)")
    }),
  )
})
