/**
 * Trial of an operator: five nodes of the deployment files on a network, of which two do not reach each other, one has a wrong
 * secret, and one has a wrong clock. The commands of docs/operations.md, section "Find a fault", find all three.
 */
import { assert, describe, it } from "@effect/vitest"
import { Effect, Schedule } from "effect"
import { execFileSync, spawn } from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Namespaces from "../../../packages/node-transport/test/real/Namespaces.ts"
import * as Child from "../../support/Child.ts"
import * as DeployFiles from "./DeployFiles.ts"
import * as Page from "./Page.ts"

const page = "docs/operations.md"
const title = "Find a fault"

/** Clock of a machine that is an hour ahead, as a module that a process loads first. */
const wrongClock = `data:text/javascript,${encodeURIComponent("const { now } = Date; Date.now = () => now() + 3_600_000")}`

const missing = ((): string | undefined => {
  if (Namespaces.missing !== undefined) return Namespaces.missing
  try {
    execFileSync("openssl", ["version"], { stdio: "ignore" })
    return undefined
  } catch {
    return "there is no openssl, which makes the secrets"
  }
})()

interface Ended {
  readonly code: number | null
  readonly out: string
}

/** Runs a script with `sh` at a place, in a folder. Its output is that of both streams. */
const run = (enter: ReadonlyArray<string>, cwd: string, script: string) =>
  Effect.callback<Ended>((resume) => {
    const [command = "", ...args] = [...enter, "sh", "-euc", script]
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, PATH: `${cwd}:${process.env["PATH"] ?? ""}`, NODE_OPTIONS: "" },
      stdio: ["ignore", "pipe", "pipe"],
    })
    let out = ""
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        out += text
      })
    }
    child.on("close", (code) => resume(Effect.succeed({ code, out })))
    return Effect.sync(() => void child.kill("SIGKILL"))
  })

/** Makes the folder of the operator: the command, and the files that docs/deploy.md says how to make. */
const operatorFolder = Effect.gen(function* () {
  const folder = yield* Effect.acquireRelease(
    Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-trial-"))),
    (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true })),
  )
  const bin = Path.join(DeployFiles.root, "packages/admin/src/cli/bin.ts")
  Fs.writeFileSync(Path.join(folder, "coterie"), `#!/bin/sh\nexec "${process.execPath}" "${bin}" "$@"\n`, {
    mode: 0o755,
  })
  const [files = ""] = Page.scripts("docs/deploy.md", "The program")
  assert.strictEqual((yield* run([], folder, files)).code, 0)
  assert.strictEqual((yield* run([], folder, files.replaceAll("coterie-secret", "other-secret"))).code, 0)
  return folder
})

/** Starts the program of the deployment files on a host. */
const start = Effect.fnUntraced(function* (
  name: string,
  { enter, host }: Namespaces.Host,
  variables: Child.Environment,
  nodeArguments: ReadonlyArray<string> = [],
) {
  const [command = "", ...args] = enter
  const program = Path.join(DeployFiles.folder, "main.ts")
  const child = yield* Child.spawnCommand(name, command, [...args, process.execPath, ...nodeArguments, program], {
    COTERIE_CLUSTER: "shop",
    COTERIE_NAME: name,
    COTERIE_HOST: host,
    COTERIE_ADMIN_HOST: host,
    ...variables,
  })
  yield* child.expect("that it serves", (line) => (line.includes("admin: listens at") ? line : undefined), {
    within: "60 seconds",
  })
})

/** Starts the nodes. Returns an effect that cuts two of them from each other. */
const nodes = Effect.fnUntraced(function* (network: Namespaces.Network, folder: string) {
  const [first, second, third] = network.hosts
  if (first === undefined || second === undefined || third === undefined) return yield* Effect.die("there are no hosts")
  yield* Effect.forEach(
    network.hosts,
    (host, i) =>
      start(
        `shop-${i + 1}`,
        host,
        {
          COTERIE_SEEDS: `${first.host},${second.host}`,
          COTERIE_SECRET_FILE: Path.join(folder, i === 3 ? "other-secret" : "coterie-secret"),
          COTERIE_ADMIN_TOKEN_FILE: Path.join(folder, "coterie-admin-token"),
        },
        i === 4 ? ["--import", wrongClock] : [],
      ),
    { concurrency: "unbounded", discard: true },
  )
  return Effect.andThen(network.cut(first, third), network.cut(third, first))
})

/** Exit codes of the commands that find a fault. */
const faultCode = /^coterie (cluster|reachability|health|probe 10\.0\.0\.4)\b/

describe("an operator with the pages alone", () => {
  if (missing !== undefined) console.warn(`not tested: an operator with the pages alone: ${missing}`)
  it.live.skipIf(missing !== undefined)(
    "finds the two nodes that do not reach each other, the node with the wrong secret, and the clock that is an hour off",
    () =>
      Effect.gen(function* () {
        const folder = yield* operatorFolder
        const network = yield* Namespaces.make(5)
        const cut = yield* nodes(network, folder)
        // The hosts of the page have other addresses.
        const here = (text: string) => text.replaceAll(/\b10\.0\.0\.(\d)\b/g, "10.77.$1.2")
        const calls = Page.calls(page, title)
        const exports = calls.filter(({ command }) => command.startsWith("export "))
        const settings = exports.map(({ command }) => here(command)).join("\n")
        assert.strictEqual(exports.length, 2)
        // The nodes that have the secret are a cluster.
        const [wait = ""] = Page.scripts(page, title)
        const waited = yield* run(network.router, folder, `${settings}\n${wait}`)
        assert.strictEqual(waited.code, 0, waited.out)
        yield* cut
        for (const { command, output } of calls.filter((call) => !exports.includes(call))) {
          const tried = Effect.flatMap(
            run(network.router, folder, `${settings}\n${here(command)}`),
            ({ code, out }) => {
              const lost = Page.missingLines(output.map(here), out)
              return lost.length === 0
                ? Effect.succeed({ code, out })
                : Effect.fail(new Error(`${command} does not show:\n${lost.join("\n")}\n\nIt shows:\n${out}`))
            },
          )
          // The nodes notice the cut in the meantime.
          const { code, out } = yield* Effect.retry(
            tried,
            Schedule.max([Schedule.spaced("500 millis"), Schedule.recurs(40)]),
          )
          assert.strictEqual(code, faultCode.test(command) ? 1 : 0, `${command}\n${out}`)
        }
      }).pipe(Effect.scoped, Effect.provide(Child.layer)),
    240_000,
  )
})
