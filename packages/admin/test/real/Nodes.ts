/** Nodes with an admin service as child processes, each on a host of a network of its own. */
import type * as Namespaces from "../../../node-transport/test/real/Namespaces.ts"
import * as Signals from "../../../node-transport/test/real/Signals.ts"
import * as Child from "../../../../examples/support/Child.ts"
import * as Effect from "effect/Effect"
import * as fs from "node:fs"
import * as os from "node:os"
import * as path from "node:path"

export const program = path.join(import.meta.dirname, "node.ts")

export interface Started {
  readonly child: Child.Child
  /** Address at which other nodes join it. */
  readonly address: string
}

export interface Node extends Started, Signals.Signals {
  readonly name: string
  readonly host: Namespaces.Host
  /** URL of the admin service, a Unix socket: the test reaches it from outside of the network. */
  readonly url: string
}

/** Makes a temporary folder. */
export const folder = Effect.acquireRelease(
  Effect.sync(() => fs.mkdtempSync(path.join(os.tmpdir(), "coterie-"))),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true })),
)

/** Bound of a start on a busy machine. It ends a test that would hang otherwise. */
const within = "60 seconds"

/** Starts a program on a host and waits until it is a peer. Environment variables are its options. */
export const spawn = Effect.fnUntraced(function* (
  program: string,
  host: Namespaces.Host,
  variables: Child.Environment & { readonly COTERIE_NAME: string },
) {
  const name = variables.COTERIE_NAME
  const [command = "", ...args] = host.enter
  const child = yield* Child.spawnCommand(name, command, [...args, process.execPath, program], {
    COTERIE_CLUSTER: "real",
    COTERIE_HOST: host.host,
    ...variables,
  })
  const address = yield* child.expect("where it is a peer", (line) => /, at ([\d.:]+);/.exec(line)?.[1], { within })
  const started: Started = { child, address }
  return started
})

/** Starts a node with an admin service at a Unix socket of the folder. */
export const start = Effect.fnUntraced(function* (
  name: string,
  host: Namespaces.Host,
  options: { readonly folder: string; readonly seeds: ReadonlyArray<string> },
) {
  const socket = path.join(options.folder, `${name}.sock`)
  const started = yield* spawn(program, host, {
    COTERIE_NAME: name,
    COTERIE_INSECURE: "true",
    COTERIE_SEEDS: options.seeds.join(),
    COTERIE_ADMIN_SOCKET: socket,
  })
  const signals = yield* Signals.make(started.child)
  const node: Node = { ...started, ...signals, name, host, url: `unix:${socket}` }
  return node
})
