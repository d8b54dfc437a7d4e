import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Net from "node:net"
import * as NodePath from "node:path"
import * as Child from "../support/Child.ts"

const start = (name: string, port: number, env: Child.Environment = {}) =>
  Child.spawn("node", NodePath.join(import.meta.dirname, "../quickstart.ts"), [name, `${port}`], {
    COTERIE_SECRET: "",
    COTERIE_HOST: "",
    ...env,
  })

/** Listens on a free port of the loopback and returns the port. */
const occupied = Effect.map(
  Effect.acquireRelease(
    Effect.callback<Net.Server>((resume) => {
      const server = Net.createServer()
      server.listen({ host: "127.0.0.1", port: 0 }, () => resume(Effect.succeed(server)))
    }),
    (server) => Effect.sync(() => server.close()),
  ),
  (server) => {
    const address = server.address()
    return typeof address === "object" && address !== null ? address.port : 0
  },
)

/** Processes start slowly on a busy machine. */
const testTimeout = 120_000

describe.concurrent("a program that cannot start its node", () => {
  it.live(
    "prints in one line that the port is in use",
    () =>
      Effect.gen(function* () {
        const port = yield* occupied
        const child = yield* start("ann", port)
        yield* child.expect("a line", (line) => line, { within: "40 seconds" })
        assert.strictEqual(yield* child.ended, 1)
        const lines = child.since(0, (line) => line)
        assert.strictEqual(lines.length, 1, lines.join("\n"))
        assert.include(lines[0], `port ${port} on 127.0.0.1 is in use`)
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )

  for (const [title, env, text] of [
    ["that the secret is too short", { COTERIE_SECRET: "changeme" }, 'make one with "openssl rand -base64 32"'],
    ["that every interface needs a secret", { COTERIE_HOST: "0.0.0.0" }, "give the cluster a secret (COTERIE_SECRET"],
  ] as const) {
    it.live(
      `prints in one line ${title}`,
      () =>
        Effect.gen(function* () {
          const child = yield* start("ann", 0, env)
          yield* child.expect("a line", (line) => line, { within: "40 seconds" })
          assert.strictEqual(yield* child.ended, 1)
          const lines = child.since(0, (line) => line)
          assert.strictEqual(lines.length, 1, lines.join("\n"))
          assert.include(lines[0], text)
        }).pipe(Effect.scoped, Effect.provide(Child.layer)),
      testTimeout,
    )
  }

  it.live(
    "prints in one line which option cannot be used",
    () =>
      Effect.gen(function* () {
        const child = yield* start("", 0)
        yield* child.expect("a line", (line) => line, { within: "40 seconds" })
        assert.strictEqual(yield* child.ended, 1)
        const lines = child.since(0, (line) => line)
        assert.strictEqual(lines.length, 1, lines.join("\n"))
        assert.include(lines[0], 'option "name"')
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    testTimeout,
  )
})
