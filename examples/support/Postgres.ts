/**
 * PostgreSQL server for tests, in a temporary folder and on a free port of the loopback. It ends with the scope, and
 * also when this process is killed, because its guard notices the end of its input.
 */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { execFileSync } from "node:child_process"
import * as fs from "node:fs"
import * as net from "node:net"
import * as os from "node:os"
import * as path from "node:path"
import * as Child from "./Child.ts"

/** Error of a server that cannot be started. */
export class PostgresFailure extends Schema.TaggedError<PostgresFailure>()("PostgresFailure", {
  message: Schema.String,
}) {}

/** Database that accepts connections of this machine without a password. */
export interface Database {
  readonly host: string
  readonly port: number
  readonly username: string
  readonly database: string
}

/** PostgreSQL refuses to run as root. The package of Debian makes this user. */
const user = "postgres"
const isRoot = process.getuid?.() === 0

/** Folder with `initdb` and `postgres`: the newest one of Debian, or one of the path. */
const findPrograms = (): string | undefined => {
  const debian = "/usr/lib/postgresql"
  const versions = fs.existsSync(debian) ? fs.readdirSync(debian) : []
  const folders = versions.sort((a, b) => Number(b) - Number(a)).map((version) => path.join(debian, version, "bin"))
  return [...folders, ...(process.env["PATH"] ?? "").split(path.delimiter)].find((folder) =>
    ["initdb", "postgres"].every((program) => fs.existsSync(path.join(folder, program))),
  )
}

const programs = findPrograms()

/** Returns the command that runs another command as a user who may run the server. */
const asUser = (command: ReadonlyArray<string>): ReadonlyArray<string> =>
  isRoot ? ["setpriv", `--reuid=${user}`, `--regid=${user}`, "--clear-groups", ...command] : command

const missingUser = (): string | undefined => {
  if (!isRoot) return undefined
  try {
    const [command = "", ...args] = asUser(["true"])
    execFileSync(command, args, { stdio: "ignore" })
    return undefined
  } catch {
    return `PostgreSQL does not run as root, and this machine cannot run it as the user "${user}"`
  }
}

/** Reason why this machine has no PostgreSQL, or `undefined` if it has. */
export const missing: string | undefined =
  programs === undefined ? 'there is no PostgreSQL (the package "postgresql")' : missingUser()

/** Finds a port of the loopback that is free at this moment. */
export const freePort = Effect.callback<number>((resume) => {
  const server = net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    server.close(() => resume(Effect.succeed(typeof address === "object" && address !== null ? address.port : 0)))
  })
})

/** Folder of a database, which the server owns. */
const makeFolder = Effect.acquireRelease(
  Effect.try({
    try: () => {
      const folder = fs.mkdtempSync(path.join(os.tmpdir(), "coterie-postgres-"))
      if (isRoot) execFileSync("chown", [user, folder])
      const options = ["-D", path.join(folder, "data"), "-U", user, "--auth=trust", "--no-sync", "--encoding=UTF8"]
      const [command = "", ...args] = asUser([path.join(programs ?? "", "initdb"), ...options])
      execFileSync(command, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] })
      return folder
    },
    catch: (error) => new PostgresFailure({ message: `initdb failed: ${String(error)}` }),
  }),
  (folder) => Effect.sync(() => fs.rmSync(folder, { recursive: true, force: true })),
)

/** Stops the server when the input ends, and waits for it. `exec` of the server would not notice the end. */
const guard = '"$@" 2>&1 & pid=$!; read -r _; kill -INT $pid; wait $pid'

/** Starts a server and waits until it accepts connections. */
export const start = Effect.gen(function* () {
  if (missing !== undefined) return yield* new PostgresFailure({ message: missing })
  const folder = yield* makeFolder
  const port = yield* freePort
  const settings = {
    listen_addresses: "127.0.0.1",
    port: String(port),
    unix_socket_directories: folder,
    max_connections: "200",
    // The data needs to survive no crash of the machine.
    fsync: "off",
    synchronous_commit: "off",
    full_page_writes: "off",
  }
  const command = asUser([
    path.join(programs ?? "", "postgres"),
    "-D",
    path.join(folder, "data"),
    ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
  ])
  const child = yield* Child.spawnCommand("PostgreSQL", "sh", ["-c", guard, "sh", ...command])
  yield* child.expect("that it accepts connections", (line) => (line.includes("is ready to accept") ? line : undefined))
  yield* Effect.addFinalizer(() => Effect.andThen(child.hangUp, Effect.ignore(child.ended)))
  const database: Database = { host: "127.0.0.1", port, username: user, database: "postgres" }
  return database
})
