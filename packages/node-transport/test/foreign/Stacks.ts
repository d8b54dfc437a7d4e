/**
 * Other implementations of TLS as peers: programs that dial a node with a secret, and programs that a node dials. Each program sends or
 * echoes a line of text.
 */
import * as Address from "@coterie/core/Address"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn, spawnSync } from "node:child_process"
import * as Fs from "node:fs"
import * as Net from "node:net"
import * as Os from "node:os"
import * as Path from "node:path"

/** Key that a program offers or accepts. */
export interface Offer {
  /** Identity on the wire. */
  readonly identity: string
  readonly psk: Uint8Array
}

/** A program with its arguments. */
export type Command = readonly [program: string, ...args: ReadonlyArray<string>]

/** An implementation of TLS. */
export interface Stack {
  readonly name: string
  /** Reason for which it cannot be used on this machine. */
  readonly missing: string | undefined
  /** Dials the port, sends the lines of its input, and prints what it receives. */
  readonly dial: (port: number, offer: Offer) => Command
  /** Listens, and prints its port. It answers a line by `answer`. */
  readonly listen: (offer: Offer) => Effect.Effect<Command, never, Scope.Scope>
  readonly answer: string
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex")

/** Returns the arguments of `openssl s_client`. It reads its input until the peer has closed. */
export const sClient = (port: number, { identity, psk }: Offer, ...args: ReadonlyArray<string>): Command => [
  "openssl",
  "s_client",
  ...["-connect", `127.0.0.1:${port}`, "-psk_identity", identity, "-psk", hex(psk), "-ign_eof", ...args],
]

const openssl: Stack = {
  name: "OpenSSL",
  missing: spawnSync("openssl", ["version"]).status === 0 ? undefined : "openssl is not installed",
  dial: (port, offer) => sClient(port, offer, "-tls1_3"),
  listen: ({ identity, psk }) =>
    Effect.succeed([
      "openssl",
      "s_server",
      ...["-accept", "127.0.0.1:0", "-tls1_3", "-nocert", "-psk_identity", identity, "-psk", hex(psk), "-rev"],
    ]),
  answer: "olleh",
}

/**
 * Modes of the key exchange of a pre-shared key, as `gnutls-cli` names them: with an ephemeral exchange (psk_dhe_ke), and without
 * (psk_ke).
 */
export type GnutlsModes = "+ECDHE-PSK" | "+PSK" | "+PSK:+ECDHE-PSK"

const priority = (modes: GnutlsModes): string => `NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:${modes}`

/** Returns the arguments of `gnutls-cli`. */
export const gnutlsClient = (port: number, { identity, psk }: Offer, modes: GnutlsModes): Command => [
  "gnutls-cli",
  ...["--pskusername", identity, "--pskkey", hex(psk), "--priority", priority(modes), "-p", String(port), "127.0.0.1"],
]

/** Returns a port that was free a moment ago, for a program that cannot choose one. */
const freePort = Effect.callback<number>((resume) => {
  const server = Net.createServer()
  server.listen(0, "127.0.0.1", () => {
    const bound = server.address()
    server.close(() => resume(Effect.succeed(bound === null || typeof bound === "string" ? 0 : bound.port)))
  })
})

const folder = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "coterie-"))),
  (path) => Effect.sync(() => Fs.rmSync(path, { recursive: true })),
)

const gnutls: Stack = {
  name: "GnuTLS",
  missing:
    spawnSync("gnutls-cli", ["--version"]).status === 0 && spawnSync("gnutls-serv", ["--version"]).status === 0
      ? undefined
      : "gnutls-bin is not installed",
  dial: (port, offer) => gnutlsClient(port, offer, "+ECDHE-PSK"),
  listen: ({ identity, psk }) =>
    Effect.gen(function* () {
      const file = Path.join(yield* folder, "keys")
      // An identity with a colon is written in hexadecimal digits.
      Fs.writeFileSync(file, `#${hex(Buffer.from(identity))}:${hex(psk)}\n`)
      const port = yield* freePort
      const args = ["--port", String(port), "--echo", "--pskpasswd", file, "--priority", priority("+ECDHE-PSK")]
      return ["gnutls-serv", ...args] as const
    }),
  answer: "hello",
}

const peer = new URL("peer.py", import.meta.url).pathname
const hasKeys = "import ssl, sys; sys.exit(0 if hasattr(ssl.SSLContext, 'set_psk_client_callback') else 1)"
const python = ["python3", "python3.13", "python3.14"].find(
  (program) => spawnSync(program, ["-c", hasKeys]).status === 0,
)

const pythons: Stack = {
  name: "Python",
  // Debian 12 has Python 3.11.
  missing: python === undefined ? "there is no Python 3.13 or later, whose ssl has pre-shared keys" : undefined,
  dial: (port, { identity, psk }) => [python ?? "python3", peer, "dial", identity, hex(psk), String(port)],
  listen: ({ identity, psk }) => Effect.succeed([python ?? "python3", peer, "listen", identity, hex(psk)]),
  answer: "hello",
}

export const stacks: ReadonlyArray<Stack> = [openssl, gnutls, pythons]

const start = ([program, ...args]: Command) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] })
      // A program that has ended does not read its input.
      child.stdin.on("error", () => {})
      return child
    }),
    (child) => Effect.sync(() => child.kill()),
  )

/** Collects what a program prints. */
const outputOf = (child: ChildProcess, onText: (all: string) => void = () => {}): (() => string) => {
  let text = ""
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8").on("data", (more: string) => {
      text += more
      onText(text)
    })
  }
  return () => text
}

/** Runs a program with these lines as its input, which stays open. Returns all that it printed, when it has ended. */
export const run = (command: Command, ...lines: ReadonlyArray<string>): Effect.Effect<string> =>
  Effect.scoped(
    Effect.flatMap(start(command), (child) =>
      Effect.callback<string>((resume) => {
        const output = outputOf(child)
        for (const line of lines) child.stdin.write(`${line}\n`)
        child.once("error", (cause) => resume(Effect.die(cause)))
        child.once("close", () => resume(Effect.succeed(output())))
      }),
    ),
  )

/** Number of ports that are tried. Another process can take a free port before the program does. */
const attempts = 5

/** Starts a program that listens. Returns its address. */
export const listen = (stack: Stack, offer: Offer, attempt = 1): Effect.Effect<Address.Address, never, Scope.Scope> =>
  Effect.gen(function* () {
    const child = yield* start(yield* stack.listen(offer))
    const port = yield* Effect.callback<number | undefined>((resume) => {
      outputOf(child, (all) => {
        const found = /(?:ACCEPT 127\.0\.0\.1:|port )(\d+)(?:\.\.\.done)?\n/.exec(all)
        if (found !== null) resume(Effect.succeed(Number(found[1])))
      })
      child.once("error", (cause) => resume(Effect.die(cause)))
      child.once("close", () => resume(Effect.succeed(undefined)))
    })
    if (port !== undefined) return yield* Effect.orDie(Effect.fromResult(Address.make("127.0.0.1", port)))
    return attempt < attempts
      ? yield* listen(stack, offer, attempt + 1)
      : yield* Effect.die(`the server of ${stack.name} ended before it listened`)
  })
