/** Certificates in files that are replaced while a node runs. */
import * as Certificates from "@coterie/node-transport/Certificates"
import { assert, describe, it, vi } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Queue from "effect/Queue"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import Fs from "node:fs/promises"
import { syncBuiltinESMExports } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { Authority, type Issued } from "./Authority.ts"
import { issue } from "./certificateNodes.ts"

const authority = Authority.root()

const temporary = Effect.acquireRelease(
  Effect.promise(() => Fs.mkdtemp(Path.join(Os.tmpdir(), "coterie-certificates-"))),
  (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
)

const inside = (folder: string) => ({
  certificate: Path.join(folder, "tls.crt"),
  key: Path.join(folder, "tls.key"),
  authorities: Path.join(folder, "ca.crt"),
})

const write = (path: string, text: string) => Effect.promise(() => Fs.writeFile(path, text))

const writeAll = Effect.fnUntraced(function* (
  folder: string,
  { certificate, key }: Issued,
  authorities = authority.certificate,
) {
  const paths = inside(folder)
  yield* write(paths.certificate, certificate)
  yield* write(paths.key, key)
  yield* write(paths.authorities, authorities)
  return paths
})

/** A folder as Kubernetes mounts a secret: each file is a link through `..data`, which is replaced by a rename. */
const mounted = Effect.fnUntraced(function* (first: Issued) {
  const folder = yield* temporary
  let revision = 0
  /** Replaces the secret, as the kubelet does. It removes the folder of the revision before the last one. */
  const swap = Effect.fnUntraced(function* (issued: Issued, authorities?: string) {
    const old = `..rev${revision - 1}`
    const next = `..rev${++revision}`
    yield* Effect.promise(() => Fs.mkdir(Path.join(folder, next)))
    yield* writeAll(Path.join(folder, next), issued, authorities)
    yield* Effect.promise(async () => {
      await Fs.symlink(next, Path.join(folder, "..new"))
      await Fs.rename(Path.join(folder, "..new"), Path.join(folder, "..data"))
      await Fs.rm(Path.join(folder, old), { recursive: true, force: true })
    })
  })
  yield* swap(first)
  for (const name of ["tls.crt", "tls.key", "ca.crt"]) {
    yield* Effect.promise(() => Fs.symlink(Path.join("..data", name), Path.join(folder, name)))
  }
  return { paths: inside(folder), swap }
})

const logs = () => {
  const lines: Array<string> = []
  const logger = Logger.make(({ logLevel, message }) => void lines.push(`${logLevel}: ${String(message)}`))
  return { layer: Logger.layer([logger]), lines }
}

const build = <E>(layer: Layer.Layer<Certificates.Certificates, E>) =>
  Effect.map(Layer.build(layer), Context.get(Certificates.Certificates))

/** Follows files. `poll` lets the service read them, and waits for the end of that. */
const follow = Effect.fnUntraced(function* (paths: Certificates.Paths) {
  const { layer, lines } = logs()
  const permits = yield* Queue.unbounded<void>()
  const idle = yield* Queue.unbounded<void>()
  const permit = Effect.andThen(Queue.offer(idle, undefined), Queue.take(permits))
  const schedule = Schedule.modifyDelay(Schedule.forever, () => Effect.as(permit, 0))
  const clock = yield* Clock.Clock
  let reads = 0
  // Each read of the clock is a second later, because messages have whole seconds.
  const now = () => clock.currentTimeMillisUnsafe() + 1_000 * reads++
  const later: Clock.Clock = {
    ...clock,
    sleep: (duration) => clock.sleep(duration),
    currentTimeMillis: Effect.sync(now),
    currentTimeMillisUnsafe: now,
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    monotonicTimeNanosUnsafe: () => clock.monotonicTimeNanosUnsafe(),
  }
  const service = yield* Effect.provide(build(Certificates.layerFiles({ ...paths, schedule })), layer).pipe(
    Effect.provideService(Clock.Clock, later),
  )
  yield* Queue.take(idle)
  const poll = Effect.andThen(Queue.offer(permits, undefined), Queue.take(idle))
  return { current: Effect.map(service.material, ({ certificate }) => certificate), lines, poll, service }
})

describe("certificates in files", () => {
  it.live("follow the swap of symbolic links by which Kubernetes replaces a secret", () =>
    Effect.gen(function* () {
      const [first, second] = [issue(authority), issue(authority)]
      const { paths, swap } = yield* mounted(first)
      const { current, lines, poll, service } = yield* follow(paths)
      assert.strictEqual(yield* current, first.certificate)
      yield* poll
      yield* swap(second)
      yield* poll
      assert.strictEqual(yield* current, second.certificate)
      assert.strictEqual(
        (yield* Stream.runCollect(Stream.take(service.changes, 1)))[0]?.certificate,
        second.certificate,
      )
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.live("are never a mixture of two revisions, also if the swap comes between two of them", () =>
    Effect.gen(function* () {
      const [first, second] = [issue(authority), issue(authority)]
      const { paths, swap } = yield* mounted(first)
      const { current, poll, service } = yield* follow(paths)
      const { realpath } = Fs
      const resolved: Array<string> = []
      // A mixture of both could be used: only this comment shows it.
      const authorities = `# second\n${authority.certificate}`
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          vi.spyOn(Fs, "realpath").mockImplementation(async (path) => {
            // After the places of the certificate and of the key.
            if (resolved.push(String(path)) === 3) await Effect.runPromise(swap(second, authorities))
            return realpath(path)
          })
          syncBuiltinESMExports()
        }),
        () =>
          Effect.sync(() => {
            vi.restoreAllMocks()
            syncBuiltinESMExports()
          }),
      )
      yield* poll
      assert.deepStrictEqual(resolved.slice(0, 3), [paths.certificate, paths.key, paths.authorities])
      assert.strictEqual(yield* current, second.certificate)
      assert.strictEqual((yield* service.material).authorities, authorities)
    }),
  )

  it.live("replaced in two halves, in either order, change when both are there, without a word", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const [first, second, third] = [issue(authority), issue(authority), issue(authority)]
      const paths = yield* writeAll(folder, first)
      const { current, lines, poll } = yield* follow(paths)
      yield* write(paths.key, second.key)
      yield* poll
      yield* poll
      assert.strictEqual(yield* current, first.certificate)
      yield* write(paths.certificate, second.certificate)
      yield* poll
      assert.strictEqual(yield* current, second.certificate)
      yield* write(paths.certificate, third.certificate)
      yield* poll
      yield* write(paths.key, third.key)
      yield* poll
      assert.strictEqual(yield* current, third.certificate)
      assert.deepStrictEqual(lines, [])
    }),
  )

  it.live("that are broken for a minute leave the certificates as they were, with one warning and the end of it", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const first = issue(authority)
      const paths = yield* writeAll(folder, first)
      const { current, lines, poll, service } = yield* follow(paths)
      let warnings = 0
      for (const [broken, text] of [
        [write(paths.certificate, first.certificate.slice(0, 100)), "has a certificate without its end"],
        [write(paths.key, issue(authority).key), "the key does not belong to the certificate"],
        [
          Effect.promise(() => Fs.rm(paths.authorities)),
          'the file of the authorities that the option "authorities" names: it does not exist',
        ],
        [write(paths.certificate, "x".repeat(2 * 1024 * 1024)), "it has more than 1048576 bytes"],
        [Effect.asVoid(writeAll(folder, issue(Authority.root("other")))), "does not end at a self-signed authority"],
        [Effect.asVoid(writeAll(folder, issue(authority, "node", { to: -1_000 }))), "is valid to"],
      ] as const) {
        lines.length = 0
        yield* broken
        for (let i = 0; i < 2; i++) yield* poll
        assert.deepStrictEqual(lines, [])
        for (let i = 0; i < 4; i++) yield* poll
        assert.strictEqual(lines.length, 1)
        assert.match(lines[0] ?? "", /^Warn: certificates: .* the certificates that were read before stay in use$/)
        assert.include(lines[0], text)
        assert.strictEqual(yield* current, first.certificate)
        assert.deepStrictEqual(yield* Stream.runHead(service.rejected ?? Stream.empty), Option.some(++warnings))
        yield* writeAll(folder, first)
        yield* poll
        assert.match(lines[1] ?? "", /^Info: certificates: .* works again/)
      }
    }),
  )

  it.live("that cannot be used at the start fail the layer, and name the file", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const paths = yield* writeAll(folder, issue(authority))
      const missing = yield* Effect.flip(build(Certificates.layerFiles({ ...paths, key: Path.join(folder, "none") })))
      assert.strictEqual(missing.reason, "unreadable")
      assert.strictEqual(missing.message, 'the key that the option "key" names: it does not exist')
      const directory = yield* Effect.flip(build(Certificates.layerFiles({ ...paths, authorities: folder })))
      assert.include(directory, {
        reason: "unreadable",
        message: `the file of the authorities ${folder}: it is not a regular file`,
      })
      const revoked = yield* Effect.flip(build(Certificates.layerFiles({ ...paths, revoked: paths.certificate })))
      assert.strictEqual(revoked.reason, "invalid")
    }),
  )

  it.live("have their paths in a configuration of the program, or in variables", () =>
    Effect.gen(function* () {
      const folder = yield* temporary
      const issued = issue(authority)
      const paths = yield* writeAll(folder, issued)
      const list = Path.join(folder, "crl.pem")
      yield* write(list, authority.revoke([]))
      const variables = {
        COTERIE_TLS_CERT_FILE: paths.certificate,
        COTERIE_TLS_KEY_FILE: paths.key,
        COTERIE_TLS_CA_FILE: paths.authorities,
      }
      const from = <E>(layer: Layer.Layer<Certificates.Certificates, E>, env: Record<string, string>) =>
        Effect.flatMap(build(layer), ({ material }) => material).pipe(
          Effect.provideService(ConfigProvider.ConfigProvider, ConfigProvider.fromEnv({ env })),
        )
      const { certificate, revoked } = yield* from(Certificates.layerFromEnv(), {
        ...variables,
        COTERIE_TLS_CRL_FILE: list,
      })
      assert.strictEqual(certificate, issued.certificate)
      assert.isDefined(revoked)
      assert.isUndefined((yield* from(Certificates.layerFromEnv(), { ...variables, COTERIE_TLS_CRL_FILE: "" })).revoked)
      const error = yield* Effect.flip(from(Certificates.layerFromEnv(), { ...variables, COTERIE_TLS_KEY_FILE: "" }))
      assert.strictEqual(error._tag, "ConfigError")
      assert.include(error.message, "COTERIE_TLS_KEY_FILE is not set: certificates need all three files")
      const program = Certificates.layerConfig({
        certificate: Config.String("CERT"),
        key: Config.String("KEY"),
        authorities: Config.succeed(paths.authorities),
      })
      assert.strictEqual(
        (yield* from(program, { CERT: paths.certificate, KEY: paths.key })).certificate,
        issued.certificate,
      )
      assert.strictEqual((yield* Effect.flip(from(program, { CERT: paths.certificate })))._tag, "ConfigError")
    }),
  )
})
