/**
 * Processes whose seeds are names, in a network whose DNS server is silent. They end with their cluster, even during a
 * lookup. If the machine allows no network and mount namespaces, the tests are skipped and say why.
 */
import { describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import { execFileSync } from "node:child_process"
import * as Fs from "node:fs/promises"
import * as Os from "node:os"
import * as NodePath from "node:path"
import * as Child from "../../../../examples/support/Child.ts"
import * as Members from "./Members.ts"
import * as Namespaces from "./Namespaces.ts"

const testTimeout = 120_000

const isRoot = process.getuid?.() === 0
const unshare = ["unshare", ...(isRoot ? [] : ["--user", "--map-root-user"]), "--net", "--mount"]
const enter = (pid: number): ReadonlyArray<string> => [
  "nsenter",
  `--target=${pid}`,
  ...(isRoot ? [] : ["--user", "--preserve-credentials"]),
  "--net",
  "--mount",
]

/** Returns a script that gives the namespace its own resolv.conf. */
const prepare = (resolvConf: string) => `ip link set lo up && mount --bind ${resolvConf} /etc/resolv.conf`

const missing = ((): string | undefined => {
  if (Namespaces.missing !== undefined) return Namespaces.missing
  try {
    execFileSync("unshare", [...unshare.slice(1), "sh", "-euc", prepare("/dev/null")], {
      stdio: "pipe",
      timeout: 20_000,
    })
    return undefined
  } catch (error) {
    return `this machine allows no resolv.conf of one's own: ${String(error).replace(/\s*\n\s*/g, "; ")}`
  }
})()

/** Makes a place with a silent DNS server, and returns it with the process of the server. */
const silentPlace = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.promise(() => Fs.mkdtemp(NodePath.join(Os.tmpdir(), "coterie-"))),
    (path) => Effect.promise(() => Fs.rm(path, { recursive: true })),
  )
  const resolvConf = NodePath.join(folder, "resolv.conf")
  yield* Effect.promise(() => Fs.writeFile(resolvConf, "nameserver 127.0.0.53\n"))
  const [command = "", ...args] = unshare
  const server = yield* Child.spawnCommand("the server of DNS", command, [
    ...args,
    "sh",
    "-euc",
    `${prepare(resolvConf)} && exec "$0" "$1"`,
    process.execPath,
    NodePath.join(import.meta.dirname, "silentDns.ts"),
  ])
  yield* server.expect("that it hears", (line) => (line === "ready" ? line : undefined), { within: "60 seconds" })
  return { server, place: { host: "127.0.0.1", enter: enter(server.pid) } }
})

/** More names than Node has threads for the lookups of the system. */
const names = Array.from({ length: 8 }, (_, i) => `peers${i}.example`)

/** Starts a member that looks up all names. A lookup that nobody cancels would keep the process for ten minutes. */
const lookingUp = Effect.gen(function* () {
  const { place, server } = yield* silentPlace
  const member = yield* Members.start("a", names, place, ["--lookup-timeout", "600000"])
  for (const name of names) {
    yield* server.expect(`a question for ${name}`, (line) => (line === `asked for ${name}` ? line : undefined), {
      within: "60 seconds",
    })
  }
  return member
})

const given = (title: string, test: Effect.Effect<void, unknown, ChildProcessSpawner | Scope.Scope>) => {
  if (missing !== undefined) console.warn(`not tested: ${title}: ${missing}`)
  it.live.skipIf(missing !== undefined)(
    missing === undefined ? title : `${title} (skipped: ${missing})`,
    () => test.pipe(Effect.scoped, Effect.provide(Members.layer)),
    testTimeout,
  )
}

describe.concurrent("a process whose seeds are being looked up", () => {
  given(
    "ends by itself once its cluster has ended",
    Effect.gen(function* () {
      const member = yield* lookingUp
      yield* member.hangUp
      yield* member.ended
    }),
  )

  given(
    "ends on SIGTERM",
    Effect.gen(function* () {
      const member = yield* lookingUp
      yield* member.signal("SIGTERM")
    }),
  )
})
