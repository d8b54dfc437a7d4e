/** Everything that a node with secrets shows, searched for its secrets and keys. */
import * as Certificates from "@coterie/node-transport/Certificates"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Metric from "effect/Metric"
import * as Redacted from "effect/Redacted"
import * as References from "effect/References"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Util from "node:util"
import { linked, type Node, start, until } from "./secretCluster.ts"
import { nodeOf, otherSecret, secret } from "./secretOutcomes.ts"

/** All texts that anything was shown as. */
class Shown {
  private readonly texts = new Map<string, Array<string>>()

  /** Keeps a value in each form in which a program, a logger or a debugger shows values. */
  readonly add = (kind: string, value: unknown): void => {
    const texts = [
      Util.inspect(value, { depth: 12, showHidden: true, getters: true, maxArrayLength: null }),
      String(value),
    ]
    if (Exit.isExit(value) && Exit.isFailure(value)) texts.push(Cause.pretty(value.cause))
    texts.push(json(value))
    this.texts.set(kind, [...(this.texts.get(kind) ?? []), ...texts])
  }

  get kinds(): ReadonlyArray<string> {
    return [...this.texts.keys()]
  }

  of(kind: string): string {
    return (this.texts.get(kind) ?? []).join("\n")
  }
}

/** Returns the JSON of a value. A part that was there before, or has no JSON, is left out. */
const json = (value: unknown): string => {
  const seen = new Set<unknown>()
  try {
    return (
      JSON.stringify(value, (_, part: unknown) => {
        if (typeof part === "bigint") return String(part)
        if (typeof part === "object" && part !== null) {
          if (seen.has(part)) return undefined
          seen.add(part)
        }
        return part
      }) ?? ""
    )
  } catch {
    return ""
  }
}

/** Forms in which a text or its bytes could be shown. */
const formsOf = (bytes: Buffer): ReadonlyArray<string> => [
  bytes.toString("hex"),
  bytes.toString("hex").toUpperCase(),
  bytes.toString("base64").replaceAll("=", ""),
  bytes.toString("base64url"),
  bytes.toString("latin1"),
  // A typed array of the inspection, of JSON, and of a list, and a `Buffer` of the inspection.
  [...bytes.subarray(0, 10)].join(", "),
  [...bytes.subarray(0, 10)].join(","),
  bytes.toString("hex", 0, 10).replace(/..(?=.)/g, "$& "),
]

const secrets = [secret, otherSecret]

const hidden = Effect.gen(function* () {
  const forms: Array<string> = []
  for (const each of secrets) {
    const [{ psk }] = yield* (yield* Keyring.make(each)).ring
    forms.push(...formsOf(Buffer.from(Redacted.value(psk))), ...formsOf(Buffer.from(Redacted.value(each))))
  }
  return forms
})

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true })),
)

const text = Redacted.value(secret)

/** Mistakes with secrets, each of which is an error. */
const mistakes = Effect.fnUntraced(function* (add: (kind: string, value: unknown) => void) {
  const path = Path.join(yield* folder, "secrets")
  const keyring = yield* Keyring.make(secret)
  const short = Redacted.make(text.slice(0, 31))
  const file = (content: string | Buffer) =>
    Effect.suspend(() => {
      Fs.writeFileSync(path, content)
      return Layer.build(Keyring.layerFile({ path }))
    })
  const environment = (
    variables: Record<string, string>,
    layer: Layer.Layer<never, unknown> = Keyring.layerFromEnv(),
  ) => Effect.provide(Layer.build(layer), ConfigProvider.layer(ConfigProvider.fromEnv({ env: variables })))
  const attempts: ReadonlyArray<Effect.Effect<unknown, unknown, never>> = [
    Keyring.make(short),
    Keyring.make(Redacted.make(`${text.slice(0, 4)}`.repeat(20))),
    Keyring.make(Array.from({ length: 9 }, (_, i) => Redacted.make(`${text}${i}`)) as [Redacted.Redacted<string>]),
    Effect.fromResult(Keyring.idOf(short)),
    // The secret in place of its id.
    keyring.remove(text),
    keyring.use(text),
    keyring.remove(Result.getOrThrow(Keyring.idOf(secret))),
    keyring.add(short),
    keyring.set([secret, short]),
    Effect.scoped(file(`${text.slice(0, 31)}\n`)),
    Effect.scoped(file(Buffer.concat([Buffer.from(`${text}\n`), Buffer.from([0xff, 0xfe])]))),
    Effect.scoped(file(Array.from({ length: 9 }, (_, i) => `${text}${i}`).join("\n"))),
    Effect.scoped(environment({ COTERIE_SECRET: text, COTERIE_SECRET_FILE: path })),
    Effect.scoped(environment({ COTERIE_SECRET: text.slice(0, 31) })),
    Effect.scoped(environment({ COTERIE_SECRET: text, COTERIE_INSECURE: "true" }, NodeTransport.layerFromEnv())),
    Effect.scoped(environment({ COTERIE_SECRET: text, COTERIE_PORT: "x" }, NodeTransport.layerFromEnv())),
    // The secret in place of the path of its file.
    Effect.scoped(environment({ COTERIE_SECRET_FILE: text })),
    Effect.scoped(environment({ COTERIE_SECRET_FILE: text }, NodeTransport.layerFromEnv())),
    Effect.scoped(environment({ COTERIE_SECRET_FILE: `${text}\n` }, NodeTransport.layerFromEnv())),
    Effect.scoped(environment({ COTERIE_SECRET_FILE: `${text}\0` }, NodeTransport.layerFromEnv())),
    Effect.scoped(Layer.build(Keyring.layerFile({ path: text }))),
    Effect.scoped(Layer.build(NodeTransport.layerConfig({ secretFile: Config.succeed(text) }))),
    ...["CERT", "KEY", "CA", "CRL"].map((file) => {
      const files = { COTERIE_TLS_CERT_FILE: path, COTERIE_TLS_KEY_FILE: path, COTERIE_TLS_CA_FILE: path }
      const variables = { ...files, COTERIE_TLS_TRUST: "a", [`COTERIE_TLS_${file}_FILE`]: text }
      return Effect.scoped(environment(variables, NodeTransport.layerFromEnv()))
    }),
    Effect.scoped(
      Layer.build(
        Certificates.layerFiles({ certificate: path, key: `${text}${"\nx".repeat(5_000)}`, authorities: path }),
      ),
    ),
  ]
  for (const [i, attempt] of attempts.entries()) {
    const exit = yield* Effect.exit(attempt)
    assert.isTrue(Exit.isFailure(exit), `mistake ${i}`)
    add("errors", exit)
    yield* Effect.logError("a mistake", Exit.isFailure(exit) ? exit.cause : "")
  }
})

/** A cluster that changes its secret, with a peer that is cut. */
const cluster = Effect.fnUntraced(function* (add: (kind: string, value: unknown) => void) {
  const transport = { withdrawWithin: 100 }
  const a = yield* start({ name: "a", secrets: [otherSecret, secret], transport, tracing: true })
  const b = yield* start({ name: "b", secrets: [otherSecret], transport, seeds: [a.address], tracing: true })
  const late = yield* start({ name: "late", secrets: [secret], transport, seeds: [a.address], tracing: true })
  const watch = ({ cluster }: Node) =>
    Effect.forkScoped(Stream.runForEach(cluster.events, (event) => Effect.sync(() => add("events", event))))
  yield* watch(a)
  yield* watch(late)
  yield* linked([a, b])
  yield* linked([a, late])
  yield* Effect.withSpan(a.cluster.send("b", "a message"), "an application")
  add("messages", yield* b.cluster.receive)
  yield* a.keyring.set([otherSecret])
  yield* until(() => late.events.includes("Unreachable a"))
  const stranger = yield* start({ name: "stranger", secrets: [secret], seeds: [a.address] })
  yield* watch(stranger)
  yield* until(() => stranger.events.includes("SeedUnavailable unauthenticated"))
  for (const { cluster, keyring } of [a, b, late, stranger]) {
    add("services", cluster)
    add("services", keyring)
    add("services", yield* cluster.view)
    add("services", yield* cluster.status)
    add("services", yield* keyring.ring)
    for (const key of yield* keyring.ring) {
      add("services", key)
      add("services", key.psk)
    }
  }
  const node = yield* nodeOf(a.keyring)
  const listener = yield* node.listen
  const connection = yield* node.connect(listener.addresses[0])
  for (const value of [node, listener, connection]) add("services", value)
  add("errors", yield* Effect.exit((yield* nodeOf()).connect(a.address)))
})

describe("a node with secrets", () => {
  it.live(
    "shows no secret and no key in its log, errors, spans, metrics, events, services and layers",
    () =>
      Effect.gen(function* () {
        const shown = new Shown()
        const { add } = shown
        const spans: Array<Tracer.Span> = []
        const tracer = Tracer.make({
          span: (options) => {
            const span = new Tracer.NativeSpan(options)
            spans.push(span)
            return span
          },
        })
        yield* Effect.gen(function* () {
          yield* cluster(add)
          yield* mistakes(add)
          add("metrics", yield* Metric.snapshot)
          add("metrics", yield* Metric.dump)
          add("services", yield* Effect.context())
          for (const layer of [
            Keyring.layer(secret),
            Keyring.layer([secret, otherSecret]),
            Keyring.layerFromEnv(),
            NodeTransport.layerSecret().pipe(Layer.provide(Keyring.layer(secret))),
          ]) {
            add("layers", layer)
          }
          add("layers", yield* Layer.build(Keyring.layer(secret)))
        }).pipe(
          Effect.scoped,
          Effect.provideService(Tracer.Tracer, tracer),
          Effect.provideService(References.MinimumLogLevel, "Trace"),
          Effect.provide(
            Logger.layer([
              Logger.make((options) => add("log", options)),
              Logger.map(Logger.formatJson, (line) => add("log", line)),
              Logger.map(Logger.formatLogFmt, (line) => add("log", line)),
              Logger.map(Logger.formatSimple, (line) => add("log", line)),
            ]),
          ),
        )
        for (const span of spans) add("spans", span)
        const kinds = ["errors", "events", "layers", "log", "messages", "metrics", "services", "spans"]
        assert.sameMembers([...shown.kinds], kinds)
        // The id of the key is there, so what has keys was searched.
        const id = Result.getOrThrow(Keyring.idOf(secret))
        for (const kind of ["errors", "events", "log", "services"]) assert.include(shown.of(kind), id, kind)
        assert.include(shown.of("metrics"), "coterie_link")
        assert.include(shown.of("spans"), "an application")
        for (const form of yield* hidden) {
          for (const kind of kinds) assert.notInclude(shown.of(kind), form, kind)
        }
      }),
    60_000,
  )
})
