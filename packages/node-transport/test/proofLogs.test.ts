/** Log lines about secrets and certificates that change: they have the labels of each node that uses them. */
import * as Cluster from "@coterie/core/Cluster"
import type * as Transport from "@coterie/core/Transport"
import * as Certificates from "@coterie/node-transport/Certificates"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as NodeTransport from "@coterie/node-transport/NodeTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as References from "effect/References"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as Path from "node:path"
import { Authority } from "./Authority.ts"
import { issue, trust } from "./certificateNodes.ts"

const temporary = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-proof-"))),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
)

const write = (path: string, text: string) => Effect.promise(() => Fs.writeFile(path, text))

/** A schedule that reads when the test says so. */
const onDemand = Effect.gen(function* () {
  const permits = yield* Queue.unbounded<void>()
  const schedule = Schedule.modifyDelay(Schedule.forever, () => Effect.as(Queue.take(permits), 0))
  return { schedule, read: Queue.offer(permits, undefined) }
})

const Line = Schema.fromJsonString(
  Schema.Struct({ message: Schema.String, annotations: Schema.Record(Schema.String, Schema.Json) }),
)

/** Loggers of both formats. `labelsOf` waits for lines with a text, and returns their labels. */
const logs = Effect.gen(function* () {
  const json = yield* Queue.unbounded<string>()
  const logfmt: Array<string> = []
  const layer = Layer.mergeAll(
    Logger.layer([
      Logger.map(Logger.formatLogFmt, (line) => void logfmt.push(line)),
      Logger.map(Logger.formatJson, (line) => void Queue.offerUnsafe(json, line)),
    ]),
    Layer.succeed(References.MinimumLogLevel, "Info"),
  )
  const next = (text: string): Effect.Effect<ReadonlyArray<unknown>> =>
    Effect.flatMap(Queue.take(json), (line) => {
      const { annotations, message } = Schema.decodeUnknownSync(Line)(line)
      return message.includes(text) ? Effect.succeed([annotations["cluster"], annotations["node"]]) : next(text)
    })
  /** Waits for as many lines as there are nodes, and returns the labels of all of them. */
  const labelsOf = (text: string) =>
    Effect.gen(function* () {
      const labels = [yield* next(text), yield* next(text)].sort()
      for (const line of logfmt.filter((each) => each.includes(text))) assert.match(line, / cluster=shop node=[ab]$/)
      return labels
    })
  return { layer, labelsOf }
})

/** Runs the nodes a and b with the same secrets or certificates. */
const nodes = <R, E>(
  transport: Layer.Layer<Transport.Transport, Certificates.CertificatesError, R>,
  proof: Layer.Layer<R, E>,
  logger: Layer.Layer<never>,
) => {
  const node = (name: string) => Layer.fresh(Cluster.layer({ cluster: "shop", name }).pipe(Layer.provide(transport)))
  return Layer.build(Layer.mergeAll(node("a"), node("b")).pipe(Layer.provide(proof), Layer.provide(logger)))
}

const both = [
  ["shop", "a"],
  ["shop", "b"],
]

describe("the log lines about a proof that changes have the labels of each node", () => {
  it.live("for secrets", () =>
    Effect.gen(function* () {
      const path = Path.join(yield* temporary, "secrets")
      const secrets = ["a first secret, which is long enough", "a second secret, which is long enough"]
      yield* write(path, secrets[0] ?? "")
      const { read, schedule } = yield* onDemand
      const { labelsOf, layer } = yield* logs
      yield* nodes(NodeTransport.layerSecret({ port: 0 }), Keyring.layerFile({ path, schedule }), layer)
      assert.deepStrictEqual(yield* labelsOf("transport: TLS 1.3; keyring: this node accepts "), both)
      yield* write(path, secrets.join("\n"))
      yield* read
      assert.deepStrictEqual(yield* labelsOf("keyring: this node accepts "), both)
      yield* write(path, "short")
      yield* read
      assert.deepStrictEqual(yield* labelsOf("the secrets that were read before stay in use"), both)
      yield* write(path, secrets.join("\n"))
      yield* read
      assert.deepStrictEqual(yield* labelsOf(" works again"), both)
    }).pipe(Effect.scoped),
  )

  it.live("for certificates", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const authority = Authority.root()
      const paths = {
        certificate: Path.join(folder, "tls.crt"),
        key: Path.join(folder, "tls.key"),
        authorities: Path.join(folder, "ca.crt"),
      }
      const replace = Effect.fnUntraced(function* ({ certificate, key }: ReturnType<typeof issue>) {
        yield* write(paths.certificate, certificate)
        yield* write(paths.key, key)
        yield* write(paths.authorities, authority.certificate)
      })
      const hour = 3_600_000
      yield* replace(issue(authority, "node", { from: -9 * hour, to: hour }))
      const { read, schedule } = yield* onDemand
      const { labelsOf, layer } = yield* logs
      const transport = NodeTransport.layerTls({ host: "127.0.0.1", port: 0, trust })
      yield* nodes(transport, Certificates.layerFiles({ ...paths, schedule }), layer)
      assert.deepStrictEqual(yield* labelsOf("transport: TLS 1.3; certificates: this node has "), both)
      yield* replace(issue(authority))
      yield* read
      assert.deepStrictEqual(yield* labelsOf("certificates: replaced; this node has "), both)
      yield* replace(authority.issue({ names: ["DNS:other.example"] }))
      yield* read
      assert.deepStrictEqual(yield* labelsOf("the certificates before stay in use"), both)
      yield* write(paths.key, "no key")
      for (let i = 0; i < 3; i++) yield* read
      assert.deepStrictEqual(yield* labelsOf("the certificates that were read before stay in use"), both)
      yield* replace(issue(authority))
      yield* read
      assert.deepStrictEqual(yield* labelsOf(" works again"), both)
    }).pipe(Effect.scoped),
  )
})
