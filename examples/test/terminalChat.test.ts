import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = (name: string, ...more: ReadonlyArray<string>) => startWith(name, "", ...more)

/** Starts a chat with a secret. */
const startWith = (name: string, secret: string, ...more: ReadonlyArray<string>) =>
  Child.spawn(name, NodePath.join(import.meta.dirname, "../terminal-chat/chat.ts"), ["--name", name, ...more], {
    COTERIE_SECRET: secret,
  })

/** Returns the arguments of the command that the chat prints for others. */
const invitation = (child: Child.Child) =>
  Effect.map(
    child.expect("how to join it", (line) => /pnpm@12 chat --name NAME (.+)/.exec(line)?.[1], { within: "40 seconds" }),
    (text) => text.split(" "),
  )

const prints = (child: Child.Child, what: string) =>
  child.expect(what, (line) => line === what || undefined, { within: "40 seconds" })

const test = <E>(title: string, body: Effect.Effect<void, E, Effect.Services<ReturnType<typeof start>>>) =>
  it.live(title, () => body.pipe(Effect.scoped, Effect.provide(Child.layer)), 120_000)

describe.concurrent("the chat in a terminal", () => {
  test(
    "carries lines to all members and to one, ends if its name is taken, and reports members that leave or are killed",
    Effect.gen(function* () {
      const ann = yield* start("ann")
      const address = yield* invitation(ann)
      const bob = yield* start("bob", ...address)
      yield* prints(ann, "* bob is here")
      yield* prints(bob, "* ann is here")
      yield* ann.say("Good morning!")
      yield* prints(bob, "ann: Good morning!")
      yield* bob.say("/msg ann  and to you, too")
      yield* prints(ann, "bob (only to you): and to you, too")
      yield* bob.say("/msg eve hello")
      yield* prints(bob, '* cannot send to "eve": this node does not know a peer with that name')

      const namesake = yield* start("ann", ...address)
      assert.strictEqual(yield* namesake.ended, 1)

      // Members leave by command and at the end of the input, and one is killed.
      yield* bob.say("/leave")
      assert.strictEqual(yield* bob.ended, 0)
      yield* prints(ann, "* bob left")

      const eve = yield* start("eve", ...address)
      yield* prints(ann, "* eve is here")
      yield* eve.say("Bye.")
      yield* eve.hangUp
      yield* prints(ann, "eve: Bye.")
      yield* prints(ann, "* eve left")
      assert.strictEqual(yield* eve.ended, 0)

      const tom = yield* start("tom", ...address)
      yield* prints(ann, "* tom is here")
      yield* tom.signal("SIGKILL")
      yield* prints(ann, "* tom does not answer")
      yield* prints(ann, "* tom is gone: it stopped answering")
    }),
  )

  test(
    "admits only members with its secret",
    Effect.gen(function* () {
      const secret = "the secret of the room of a test"
      const ann = yield* startWith("ann", secret)
      const address = yield* invitation(ann)
      const eve = yield* startWith("eve", "another secret of another room of a test", ...address)
      yield* eve.expect(
        "why it cannot join",
        (line) => line.includes("does not accept the secret of this node") || undefined,
        { within: "40 seconds" },
      )
      yield* startWith("bob", secret, ...address)
      yield* prints(ann, "* bob is here")
      assert.deepStrictEqual(
        ann.since(0, (line) => (line.includes("eve") ? line : undefined)),
        [],
      )
    }),
  )
})
