/** Sessions on real sockets of the loopback, with a clock of the test. */
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { type Opened, Sessions } from "../../../src/internal/sessions/Sessions.ts"
import * as Sockets from "../sockets.ts"

const setUp = (renewAfter = 3_600_000) =>
  Effect.gen(function* () {
    const withdrawn = new Set<string>()
    const time = { now: 1_000_000 }
    const sessions = yield* Effect.acquireRelease(
      Effect.sync(
        () =>
          new Sessions<string>({
            times: { renewAfter, withdrawWithin: 20 },
            withdrawn: (proof) => (withdrawn.has(proof) ? `${proof} was withdrawn` : undefined),
            wall: () => time.now,
          }),
      ),
      (sessions) => Effect.sync(() => sessions.close()),
    )
    const open = Effect.fnUntraced(function* (proof: string, times: Pick<Opened, "cut" | "renewAt"> = {}) {
      const { socket: raw } = yield* Sockets.pair
      raw.on("error", () => {})
      // Stands for the socket of TLS, which is another one.
      const { socket } = yield* Sockets.pair
      socket.on("error", () => {})
      const { renewal } = sessions.open(proof, {
        socket,
        raw,
        identity: { _tag: "Secret", key: proof },
        ...times,
      })
      const renewed = yield* Effect.forkChild(renewal, { startImmediately: true })
      return { socket, renewed, isRenewed: () => renewed.pollUnsafe() !== undefined }
    })
    return { open, sessions, time, withdrawn }
  })

describe("the sessions of a transport", () => {
  it.live("renew a connection whose proof is withdrawn, cut it after the bound with the reason, and leave others", () =>
    Effect.gen(function* () {
      const { open, sessions, withdrawn } = yield* setUp()
      const [a, b] = [yield* open("a"), yield* open("b")]
      withdrawn.add("a")
      sessions.check()
      yield* Fiber.join(a.renewed)
      assert.isFalse(a.socket.destroyed)
      yield* Sockets.until(() => a.socket.destroyed)
      assert.strictEqual(a.socket.errored?.message, "a was withdrawn")
      assert.isFalse(b.isRenewed() || b.socket.destroyed)
      yield* Sockets.until(() => [...sessions.proofs()].join() === "b")
    }),
  )

  it.live("withdraw a connection whose proof was withdrawn before it is registered", () =>
    Effect.gen(function* () {
      const { open, withdrawn } = yield* setUp()
      withdrawn.add("a")
      const { socket } = yield* open("a")
      yield* Sockets.until(() => socket.destroyed)
    }),
  )

  it.live("renew at the time of a connection once, go on with it, and cut it at its end", () =>
    Effect.gen(function* () {
      const { open, time } = yield* setUp()
      const a = yield* open("a", { renewAt: time.now + 5, cut: { at: time.now + 1_000, reason: "its end" } })
      const late = yield* open("b", { renewAt: time.now - 1 })
      time.now += 10
      yield* Fiber.join(a.renewed)
      assert.isFalse(a.socket.destroyed)
      time.now += 1_000
      // Another connection makes the sessions look at their clock again.
      yield* open("c", { renewAt: time.now + 1 })
      time.now += 10
      yield* Sockets.until(() => a.socket.destroyed)
      assert.strictEqual(a.socket.errored?.message, "its end")
      // A connection that is made in the last part of a life is not renewed over and over.
      assert.isFalse(late.isRenewed())
    }),
  )

  it.live("renew connections that fulfill a condition, and old ones", () =>
    Effect.gen(function* () {
      const { open, sessions } = yield* setUp()
      const [a, b] = [yield* open("a"), yield* open("b")]
      sessions.renewIf((proof) => proof === "a")
      yield* Fiber.join(a.renewed)
      assert.isFalse(b.isRenewed())
      const old = yield* setUp(5)
      yield* Fiber.join((yield* old.open("c")).renewed)
    }),
  )
})
