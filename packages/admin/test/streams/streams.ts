/**
 * Opens event streams that read nothing, at a node with many events, and prints its memory and when it has cut them:
 *
 *     node streams.ts [--streams 64] [--seconds 60] [--rate 50] [--bytes 2048]
 *
 * Runs in a network namespace whose sockets have small buffers. With the usual ones, the kernel takes the events of minutes. The
 * young generation of the node has a fixed size: V8 doubles it by itself under any load, by 64 MiB at the last step.
 *
 * Fails if the resident memory of the node grew by 64 MiB, if a stream was open 40 seconds after the last progress, or if the
 * node lost its peer.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { spawnSync } from "node:child_process"
import * as Net from "node:net"
import * as path from "node:path"
import { parseArgs } from "node:util"
import * as Child from "../../../../examples/support/Child.ts"
import * as Namespaces from "../../../node-transport/test/real/Namespaces.ts"
import * as Support from "../support.ts"
import { Report, type Sample } from "./Protocol.ts"

const { values } = parseArgs({
  options: {
    streams: { type: "string", default: "64" },
    seconds: { type: "string", default: "60" },
    rate: { type: "string", default: "50" },
    bytes: { type: "string", default: "2048" },
    inside: { type: "boolean", default: false },
  },
})

class Exceeded extends Schema.TaggedError<Exceeded>()("Exceeded", { message: Schema.String }) {}

const mebibyte = 1_024 ** 2
const maxGrowth = 64 * mebibyte

/** Twice the time without progress after which the server cuts a connection, and a second for the buffers to fill. */
const cutWithin = Duration.seconds(41)

/** Size of the young generation, so that its growth does not count. */
const nodeFlags = ["--max-semi-space-size=4"]

const program = path.join(import.meta.dirname, "node.ts")
const within = "60 seconds"

/** Opens an event stream and reads nothing. */
const open = (url: string) =>
  Effect.acquireRelease(
    Effect.callback<Net.Socket, Error>((resume) => {
      const { hostname, port } = new URL(url)
      const socket = Net.connect({ host: hostname, port: Number(port) }, () => {
        socket.pause()
        socket.write("GET /v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n")
        resume(Effect.succeed(socket))
      })
      socket.on("error", (error) => resume(Effect.fail(error)))
    }),
    (socket) => Effect.sync(() => socket.destroy()),
  )

/** Returns the number of event streams that the node counts. */
const openStreams = (url: string) =>
  Effect.map(Support.request(url, "/metrics"), ({ text }) =>
    Number(/^coterie_admin_event_streams\{.*\} (\d+)$/m.exec(text)?.[1] ?? Number.NaN),
  )

/** Starts a node and returns where it serves, and a function that reads its next sample. */
const start = Effect.fnUntraced(function* (name: string, args: ReadonlyArray<string>, flags: ReadonlyArray<string>) {
  const child = yield* Child.spawnCommand(name, process.execPath, [...flags, program, name, ...args])
  const report = Child.reports(Schema.decodeUnknownOption(Schema.fromJsonString(Report)))
  const { address, url } = yield* child.expect("where it serves", report("Listening"), { within })
  const sample = Effect.suspend(() => child.expect("its memory", report("Sample"), { from: child.mark(), within }))
  return { address, url, sample }
})

const text = ({ heapUsed, lagMillis, rss }: Sample) =>
  `resident ${(rss / mebibyte).toFixed(1)} MiB, heap in use ${(heapUsed / mebibyte).toFixed(1)} MiB, lag ${lagMillis} ms`

const measure = Effect.gen(function* () {
  const a = yield* start("a", ["--rate", values.rate, "--bytes", values.bytes], nodeFlags)
  yield* start("b", ["--seed", a.address], [])
  // The code is compiled, and the log of events is full, before the memory is compared.
  const warmUp = 2_048 / Number(values.rate)
  let before = yield* a.sample
  for (let i = 0; i < warmUp; i++) before = yield* a.sample
  yield* Console.log(`before: ${text(before)}`)

  const count = Number(values.streams)
  yield* Effect.forEach(Array.from({ length: count }), () => open(a.url), { concurrency: "unbounded" })
  const opened = performance.now()
  let peak = before
  let lag = 0
  let lastOpen = opened
  for (let i = 0; i < Number(values.seconds); i++) {
    const sample = yield* a.sample
    if (sample.rss > peak.rss) peak = sample
    lag = Math.max(lag, sample.lagMillis)
    const streams = yield* openStreams(a.url)
    if (streams > 0) lastOpen = performance.now()
    if (i % 5 === 4) yield* Console.log(`after ${i + 1} s: ${text(sample)}, ${streams} streams`)
    if (sample.links !== 1) return yield* new Exceeded({ message: "the node lost its peer" })
  }
  const growth = peak.rss - before.rss
  const cutAfter = Duration.millis(Math.round(lastOpen - opened))
  yield* Console.log(
    `${count} streams: resident memory grew by ${(growth / mebibyte).toFixed(1)} MiB, the last stream was open for ` +
      `${Duration.format(cutAfter)}, greatest lag ${lag} ms (before: ${before.lagMillis} ms)`,
  )
  if (growth > maxGrowth) return yield* new Exceeded({ message: "the resident memory grew by more than 64 MiB" })
  if (Duration.isGreaterThan(cutAfter, cutWithin)) {
    return yield* new Exceeded({ message: "a stream was open for more than 40 seconds without progress" })
  }
})

/** Runs this script in a network of its own. */
const enterNetwork = Effect.gen(function* () {
  if (Namespaces.missing !== undefined) return yield* new Exceeded({ message: Namespaces.missing })
  const [command = "", ...args] = Namespaces.unshare
  const small = "ip link set lo up; sysctl -qw net.ipv4.tcp_rmem='4096 4096 4096' net.ipv4.tcp_wmem='4096 16384 16384'"
  const { status } = spawnSync(
    command,
    [...args, "sh", "-euc", `${small}; exec "$@"`, "sh", process.execPath, ...process.argv.slice(1), "--inside"],
    { stdio: "inherit" },
  )
  if (status !== 0) return yield* new Exceeded({ message: `the measurement ended with ${status}` })
})

NodeRuntime.runMain(values.inside ? measure.pipe(Effect.scoped, Effect.provide(Child.layer)) : enterNetwork)
