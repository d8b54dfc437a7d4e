/** Runs the programs of docs/recipes as processes, as the pages describe. */
import * as Rendezvous from "@coterie/core/Rendezvous"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"
import * as Child from "../../support/Child.ts"

/** Time for a line on a busy machine. */
const within = "60 seconds"

const start = Effect.fnUntraced(function* (
  name: string,
  file: string,
  args: ReadonlyArray<string> = [],
  env: Child.Environment = {},
) {
  const child = yield* Child.spawn(name, path.join(import.meta.dirname, "../../", file), args, {
    COTERIE_NAME: name,
    COTERIE_PORT: "0",
    ...env,
  })
  const find = (pattern: RegExp, from?: number) =>
    child.expect(String(pattern), (line) => pattern.exec(line)?.slice(1), { within, from })
  const [address = ""] = yield* find(/this node is .* at (\S+);/)
  return { ...child, find, address }
})

/** Starts `a`, and `b` with `a` as its seed. */
const pair = Effect.fnUntraced(function* (
  file: string,
  args: { readonly a?: ReadonlyArray<string>; readonly b?: ReadonlyArray<string> },
  env: Child.Environment = {},
) {
  const a = yield* start("a", file, args.a, env)
  const b = yield* start("b", file, args.b, { ...env, COTERIE_SEEDS: a.address })
  return { a, b }
})

const test = <E>(title: string, body: Effect.Effect<void, E, Effect.Services<ReturnType<typeof start>>>) =>
  it.live(title, () => body.pipe(Effect.scoped, Effect.provide(Child.layer)), 120_000)

describe.concurrent("the programs of the recipes", () => {
  test(
    "presence shows the users of both processes, and forgets the users of a killed process",
    Effect.gen(function* () {
      const { a, b } = yield* pair("recipes/presence.ts", { a: ["ann"], b: ["bob"] })
      yield* a.find(/online: ann at a, bob at b/)
      yield* b.find(/online: ann at a, bob at b/)
      const mark = a.mark()
      yield* b.signal("SIGKILL")
      yield* a.find(/online: ann at a$/, mark)
      yield* a.signal("SIGTERM")
      yield* a.find(/this node has left the cluster/)
    }),
  )

  test(
    "the cache shows the name that another process wrote",
    Effect.gen(function* () {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-recipe-"))
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(folder, { recursive: true })))
      const store = { STORE: path.join(folder, "store") }
      const a = yield* start("a", "recipes/cacheInvalidation.ts", [], store)
      yield* a.find(/ann is called ann$/)
      const b = yield* start("b", "recipes/cacheInvalidation.ts", ["Ann Lee"], { ...store, COTERIE_SEEDS: a.address })
      yield* a.find(/ann is called Ann Lee$/)
      const mark = a.mark()
      yield* b.signal("SIGKILL")
      yield* a.find(/read ann from the store/, mark)
    }),
  )

  test(
    "one process runs the job, and the other process runs it when that one is killed",
    Effect.gen(function* () {
      const processes = yield* pair("recipes/jobOwner.ts", {})
      const candidates = [Rendezvous.candidate("a"), Rendezvous.candidate("b")] as const
      const isA = Rendezvous.owner(candidates, "singleton/job").name === "a"
      const [owner, other] = isA ? [processes.a, processes.b] : [processes.b, processes.a]
      yield* owner.find(/this node runs the job/)
      const mark = other.mark()
      yield* owner.signal("SIGKILL")
      yield* other.find(/this node runs the job/, mark)
    }),
  )

  test(
    "the checkout is the one that another process switched to, also after that process is killed",
    Effect.gen(function* () {
      const { a, b } = yield* pair("recipes/featureFlag.ts", { b: ["new"] })
      yield* a.find(/b switched to the new checkout/)
      const killed = a.mark()
      yield* b.signal("SIGKILL")
      yield* a.find(/b failed/, killed)
      yield* a.find(/customers get the new checkout/, a.mark())
      const again = yield* start("b", "recipes/featureFlag.ts", [], { COTERIE_SEEDS: a.address })
      yield* again.find(/customers get the new checkout/)
    }),
  )

  test(
    "a process reserves a piece at another process, and counts without a killed process",
    Effect.gen(function* () {
      const { a, b } = yield* pair("recipes/requests.ts", { b: ["a"] })
      yield* b.find(/ a \{.*value: 3/)
      yield* b.find(/pieces: 5/)
      const mark = b.mark()
      yield* a.signal("SIGKILL")
      yield* b.find(/pieces: 3/, mark)
    }),
  )

  test(
    "a text posted to one process is written to a socket of the other process",
    Effect.gen(function* () {
      const { a, b } = yield* pair("recipes/socketServer.ts", { a: ["0"], b: ["0"] })
      const [portOfA] = yield* a.find(/Listening on http:.*:(\d+)/)
      const [portOfB] = yield* b.find(/Listening on http:.*:(\d+)/)
      const socket = yield* Effect.acquireRelease(
        Effect.sync(() => new WebSocket(`ws://localhost:${portOfA}/connect?user=ann`)),
        (socket) => Effect.sync(() => socket.close()),
      )
      const received = new Promise((resolve) => {
        socket.addEventListener("message", ({ data }) => resolve(data))
      })
      const post = (user: string) =>
        Effect.promise(async () => {
          const response = await fetch(`http://localhost:${portOfB}/send/${user}`, { method: "POST", body: "hello" })
          return { status: response.status, text: await response.text() }
        })
      // b learns of the socket after it is open.
      yield* Effect.repeat(post("ann"), {
        until: ({ status }) => status === 204,
        schedule: Schedule.spaced("50 millis"),
      }).pipe(Effect.timeout(within))
      assert.strictEqual(yield* Effect.promise(() => received), "hello")
      const { status, text } = yield* post("bob")
      assert.strictEqual(status, 409)
      assert.deepStrictEqual(JSON.parse(text), { _tag: "NotDelivered", maybeDelivered: false })
      // The process stops although the socket is open. `signal` waits up to 10 seconds.
      yield* a.signal("SIGTERM")
    }),
  )

  test(
    "a container names a wrong variable, and joins the others if all variables are right",
    Effect.gen(function* () {
      const { a, b } = yield* pair("service.ts", {}, { COTERIE_CLUSTER: "shop" })
      yield* a.find(/b joined/)
      yield* b.find(/a joined/)
      const wrong = yield* Child.spawn("wrong", path.join(import.meta.dirname, "../../service.ts"), [], {
        COTERIE_CLUSTER: "shop",
        COTERIE_PORT: "70000",
      })
      yield* wrong.expect("the variable", (line) => /COTERIE_PORT/.exec(line)?.[0], { within })
      assert.strictEqual(yield* wrong.ended, 1)
    }),
  )
})
