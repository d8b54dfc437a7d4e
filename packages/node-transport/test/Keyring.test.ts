import * as Keyring from "@coterie/node-transport/Keyring"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Util from "node:util"

const secrets = [
  "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA=",
  "00112233445566778899aabbccddeeff",
  "a third secret of the ring, long enough",
]

const [one, two, three] = secrets.map((text) => Redacted.make(text)) as [
  Redacted.Redacted<string>,
  Redacted.Redacted<string>,
  Redacted.Redacted<string>,
]

const idOf = (secret: Redacted.Redacted<string>) => Result.getOrThrow(Keyring.idOf(secret))

const build = <E>(layer: Layer.Layer<Keyring.Keyring, E>) =>
  Effect.map(Layer.build(layer), Context.get(Keyring.Keyring))

const idsOf = (ring: Keyring.Ring) => ring.map(({ id }) => id)

/** Provides these variables as the configuration. */
const withVariables = (env: Record<string, string>) =>
  Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env }))

const file = (text: string) =>
  Effect.gen(function* () {
    const folder = yield* Effect.acquireRelease(
      Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-keyring-"))),
      (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
    )
    const path = Path.join(folder, "secrets")
    const write = (text: string | Uint8Array) => Effect.promise(() => Fs.writeFile(path, text))
    yield* write(text)
    return { path, write, remove: Effect.promise(() => Fs.rm(path)) }
  })

/** A logger that keeps its lines, in the form with the most details. */
const logs = () => {
  const lines: Array<string> = []
  const layer = Logger.layer([
    Logger.make((options) => lines.push(Util.inspect(options, { depth: 20 }))),
    Logger.map(Logger.formatLogFmt, (line) => void lines.push(line)),
  ])
  return { layer, lines }
}

describe("a keyring", () => {
  it.effect("has the keys of its secrets, the first to dial with", () =>
    Effect.gen(function* () {
      const { changes, ring } = yield* build(Keyring.layer([one, two]))
      assert.deepStrictEqual(idsOf(yield* ring), [idOf(one), idOf(two)])
      assert.deepStrictEqual((yield* Stream.runCollect(Stream.take(changes, 1))).map(idsOf), [[idOf(one), idOf(two)]])
      assert.deepStrictEqual(idsOf(yield* (yield* build(Keyring.layer(three))).ring), [idOf(three)])
    }),
  )

  it.effect("that cannot be used fails the layer, with a message that says what to do", () =>
    Effect.gen(function* () {
      const short = yield* Effect.flip(build(Keyring.layer([one, Redacted.make("a short text")])))
      assert.include(short, { _tag: "KeyringError", reason: "short" })
      assert.strictEqual(
        short.message,
        'a secret needs at least 32 characters, and this one has 12: make one with "openssl rand -base64 32"',
      )
    }),
  )

  it.effect("tells its changes, and keeps its ring if a change fails", () =>
    Effect.gen(function* () {
      const keyring = yield* Keyring.make(one)
      const seen = yield* Queue.unbounded<ReadonlyArray<string>>()
      yield* Effect.forkScoped(Stream.runForEach(keyring.changes, (ring) => Queue.offer(seen, idsOf(ring))))
      assert.deepStrictEqual(yield* Queue.take(seen), [idOf(one)])
      assert.strictEqual(yield* keyring.add(two), idOf(two))
      assert.deepStrictEqual(yield* Queue.take(seen), [idOf(one), idOf(two)])
      yield* keyring.use(idOf(two))
      assert.deepStrictEqual(yield* Queue.take(seen), [idOf(two), idOf(one)])
      assert.strictEqual((yield* Effect.flip(keyring.remove(idOf(two)))).reason, "inUse")
      assert.strictEqual((yield* Effect.flip(keyring.set([three, Redacted.make("short")]))).reason, "short")
      assert.deepStrictEqual(idsOf(yield* keyring.ring), [idOf(two), idOf(one)])
      // No change.
      yield* keyring.add(one)
      yield* keyring.set([two, one])
      yield* keyring.remove(idOf(one))
      assert.deepStrictEqual(yield* Queue.take(seen), [idOf(two)])
      yield* keyring.set([three])
      assert.deepStrictEqual(yield* Queue.take(seen), [idOf(three)])
    }),
  )

  it.effect("tells a slow reader its newest ring", () =>
    Effect.gen(function* () {
      const keyring = yield* Keyring.make(one)
      const seen = yield* Queue.bounded<ReadonlyArray<string>>(1)
      yield* Effect.forkScoped(
        Stream.runForEach(keyring.changes, (ring) => Queue.offer(seen, idsOf(ring))),
        {
          startImmediately: true,
        },
      )
      for (let i = 0; i < 100; i++) yield* keyring.set([Redacted.make(`secret ${i}, which is long enough, too`)])
      yield* keyring.set([three])
      const next: Effect.Effect<number> = Effect.flatMap(Queue.take(seen), ([id]) =>
        id === idOf(three) ? Effect.succeed(1) : Effect.map(next, (count) => count + 1),
      )
      assert.isBelow(yield* next, 10)
    }),
  )
})

describe("a keyring of a file", () => {
  it.live("follows the file, keeps what worked while the file is wrong, and warns once", () =>
    Effect.gen(function* () {
      const { path, remove, write } = yield* file(`# new\n${secrets[1]}\r\n${secrets[0]}\n`)
      const { layer, lines } = logs()
      const permits = yield* Queue.unbounded<void>()
      const idle = yield* Queue.unbounded<void>()
      const permit = Effect.andThen(Queue.offer(idle, undefined), Queue.take(permits))
      const schedule = Schedule.modifyDelay(Schedule.forever, () => Effect.as(permit, 0))
      const keyring = yield* Effect.provide(build(Keyring.layerFile({ path, schedule })), layer)
      yield* Queue.take(idle)
      /** Lets the keyring read the file, and waits for the end of that. */
      const read = Effect.andThen(Queue.offer(permits, undefined), Queue.take(idle))
      assert.deepStrictEqual(idsOf(yield* keyring.ring), [idOf(two), idOf(one)])
      const warnings = () => lines.filter((line) => line.startsWith("timestamp=") && line.includes("keyring")).length
      for (const [i, wrong] of ["", "short", new Uint8Array([255, 255]), "x".repeat(70_000), undefined].entries()) {
        yield* wrong === undefined ? remove : write(wrong)
        yield* read
        yield* read
        assert.strictEqual(warnings(), i + 1)
        assert.deepStrictEqual(idsOf(yield* keyring.ring), [idOf(two), idOf(one)])
      }
      const changed = yield* Effect.forkScoped(
        Stream.runHead(Stream.filter(keyring.changes, (ring) => ring.length === 1)),
        { startImmediately: true },
      )
      yield* write(secrets[2] ?? "")
      yield* read
      yield* Fiber.join(changed)
      assert.deepStrictEqual(idsOf(yield* keyring.ring), [idOf(three)])
      assert.strictEqual(warnings(), 6)
      for (const secret of secrets) assert.notInclude(lines.join("\n"), secret)
    }),
  )

  it.effect("reads the file every 10 seconds", () =>
    Effect.gen(function* () {
      const { path, write } = yield* file(secrets[0] ?? "")
      const keyring = yield* build(Keyring.layerFile({ path }))
      yield* write(secrets[1] ?? "")
      const changed = yield* Effect.forkScoped(
        Stream.runHead(Stream.filter(keyring.changes, ([{ id }]) => id === idOf(two))),
        { startImmediately: true },
      )
      yield* Effect.yieldNow
      yield* TestClock.adjust("10 seconds")
      yield* Fiber.join(changed)
    }),
  )

  it.live("that cannot be read fails the layer", () =>
    Effect.gen(function* () {
      const { path, write } = yield* file("")
      const failure = (path: string) => Effect.flip(build(Keyring.layerFile({ path })))
      assert.strictEqual((yield* failure(path)).reason, "empty")
      const missing = yield* failure(`${path}-missing`)
      assert.strictEqual(missing.reason, "unreadable")
      assert.strictEqual(missing.message, 'the file of secrets that the option "path" names: it does not exist')
      yield* write(`${secrets[0]}\nshort\n`)
      assert.include(yield* failure(path), { reason: "short" })
      assert.strictEqual((yield* failure(Os.tmpdir())).reason, "unreadable")
      assert.strictEqual((yield* failure("/dev/zero")).reason, "unreadable")
    }),
  )
})

describe("a keyring of the environment", () => {
  const ids = Effect.scoped(
    Effect.map(
      Effect.flatMap(build(Keyring.layerFromEnv()), ({ ring }) => ring),
      idsOf,
    ),
  )

  it.live("takes COTERIE_SECRET, the first of several to dial with", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* ids, [idOf(two), idOf(one)])
    }).pipe(withVariables({ COTERIE_SECRET: `${secrets[1]} , ${secrets[0]},`, COTERIE_SECRET_FILE: "" })),
  )

  it.live("takes COTERIE_SECRET_FILE", () =>
    Effect.gen(function* () {
      const { path } = yield* file(secrets[2] ?? "")
      assert.deepStrictEqual(yield* withVariables({ COTERIE_SECRET_FILE: path })(ids), [idOf(three)])
    }),
  )

  it.live("fails if both are set, or none, and says so", () =>
    Effect.gen(function* () {
      const failure = (env: Record<string, string>) => Effect.flip(withVariables(env)(ids))
      const both = yield* failure({ COTERIE_SECRET: secrets[0] ?? "", COTERIE_SECRET_FILE: "/secrets" })
      assert.strictEqual(both._tag, "ConfigError")
      assert.include(both.message, "COTERIE_SECRET and COTERIE_SECRET_FILE are both set")
      for (const env of [{}, { COTERIE_SECRET: "", COTERIE_SECRET_FILE: "" }]) {
        const none = yield* failure(env)
        assert.strictEqual(none._tag, "ConfigError")
        assert.include(none.message, "there is no secret: set COTERIE_SECRET")
      }
      assert.include(yield* failure({ COTERIE_SECRET: "changeme" }), { _tag: "KeyringError", reason: "short" })
      assert.include(yield* failure({ COTERIE_SECRET: " ," }), { _tag: "KeyringError", reason: "empty" })
    }),
  )
})

describe("a keyring of the configuration", () => {
  const idsIn = (secrets: Parameters<typeof Keyring.layerConfig>[0]) =>
    Effect.scoped(
      Effect.map(
        Effect.flatMap(build(Keyring.layerConfig(secrets)), ({ ring }) => ring),
        idsOf,
      ),
    )

  it.live("takes one secret, or a list of which the first is dialed with", () =>
    Effect.gen(function* () {
      assert.deepStrictEqual(yield* idsIn(Config.Redacted("ONE")), [idOf(one)])
      const list = Config.Array(Schema.Redacted(Schema.String), "LIST")
      assert.deepStrictEqual(yield* idsIn(list), [idOf(two), idOf(one)])
    }).pipe(
      withVariables({
        ONE: secrets[0] ?? "",
        LIST: `${secrets[1]},${secrets[0]}`,
        COTERIE_SECRET: secrets[2] ?? "",
      }),
    ),
  )

  it.live("fails if the variable is missing, or a secret cannot be used", () =>
    Effect.gen(function* () {
      const missing = yield* Effect.flip(idsIn(Config.Redacted("MISSING")))
      assert.strictEqual(missing._tag, "ConfigError")
      assert.include(missing.message, "MISSING")
      assert.include(yield* Effect.flip(idsIn(Config.Redacted("SHORT"))), { _tag: "KeyringError", reason: "short" })
      assert.include(yield* Effect.flip(idsIn(Config.succeed([]))), { _tag: "KeyringError", reason: "empty" })
    }).pipe(withVariables({ SHORT: "changeme", COTERIE_SECRET: secrets[2] ?? "" })),
  )
})

describe("a secret", () => {
  it.effect("and its key are in no text that a keyring makes", () =>
    Effect.gen(function* () {
      const keyring = yield* Keyring.make([one, two])
      const ring = yield* keyring.ring
      const service = yield* build(Keyring.layer([one, two]))
      const short = "a secret of 31 characters alone"
      const weak = "ababababababababababababababababab"
      const errors = yield* Effect.all([
        Effect.exit(keyring.add(Redacted.make(short))),
        Effect.exit(keyring.set([Redacted.make(weak)])),
        Effect.exit(keyring.use(Redacted.value(one))),
        Effect.exit(keyring.remove(Redacted.value(two))),
        Effect.exit(withVariables({ COTERIE_SECRET: `${secrets[0]},${short}` })(build(Keyring.layerFromEnv()))),
        Effect.exit(
          withVariables({ COTERIE_SECRET: secrets[0] ?? "", COTERIE_SECRET_FILE: "x" })(build(Keyring.layerFromEnv())),
        ),
      ])
      const texts = [keyring, ring, service, yield* Effect.context(), errors].flatMap((value) => [
        Util.inspect(value, { depth: 50, showHidden: true, getters: true }),
        JSON.stringify(value) ?? "",
        String(value),
      ])
      for (const exit of errors) {
        if (exit._tag !== "Failure") return assert.fail("expected a failure")
        texts.push(Cause.pretty(exit.cause))
      }
      const hidden = [...secrets, short, weak].flatMap((text) => [
        text,
        Buffer.from(text).toString("hex"),
        Buffer.from(text).toString("base64"),
      ])
      for (const { psk } of ring) {
        const bytes = Redacted.value(psk)
        hidden.push(
          Buffer.from(bytes).toString("hex"),
          Buffer.from(bytes).toString("base64"),
          bytes.join(","),
          [...bytes.subarray(0, 4)].join(", "),
        )
      }
      for (const text of texts) for (const each of hidden) assert.notInclude(text, each)
    }),
  )
})
