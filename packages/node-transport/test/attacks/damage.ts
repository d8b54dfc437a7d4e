/**
 * Damaged handshakes of a node with a secret. As a program, sends many of them and prints what came of them:
 *
 *     node damage.ts [FLIGHTS] [DIALS]
 */
import * as Address from "@coterie/core/Address"
import type * as Transport from "@coterie/core/Transport"
import * as Keyring from "@coterie/node-transport/Keyring"
import * as Effect from "effect/Effect"
import * as Logger from "effect/Logger"
import * as Net from "node:net"
import { accepting } from "../accepting.ts"
import { openSockets } from "../rawServer.ts"
import { nodeOf, secret } from "../secretOutcomes.ts"
import * as Middle from "./Middle.ts"

/** Number of connections that are damaged at the same time. */
const concurrency = 8

/** Deadline of the node for a handshake. A flight with the length of another record keeps its connection open until then. */
const handshakeTimeout = "500 millis"

/** Records of the handshake in each direction: with the changes of cipher, and without the session tickets. */
const handshakeRecords = { up: 3, down: 4 } as const

type Records = Readonly<Record<Middle.Passing["direction"], ReadonlyArray<Buffer>>>

/** Changes the bits of one byte. */
const flip = (bytes: Buffer, at: number, bits: number): Buffer =>
  Buffer.from(bytes.map((byte, i) => (i === at ? byte ^ bits : byte)))

/** Records a connection with one message. */
const record = Effect.fnUntraced(function* (target: Address.Address) {
  const records = { up: new Array<Buffer>(), down: new Array<Buffer>() }
  const { address, middle } = yield* Middle.make
  middle.lead(target)
  middle.use((passing) => {
    records[passing.direction].push(passing.bytes)
    return Middle.pass(passing)
  })
  const connection = yield* (yield* nodeOf()).connect(address)
  yield* connection.write([Buffer.from("hello")])
  yield* connection.pull
  return records
}, Effect.scoped)

/**
 * Returns a damaged flight for each number: the prefixes of all that a client sent, and then, for ever other bits, the first message
 * with a changed byte, and all with a changed byte.
 */
export const flightOf = ({ up }: Records): ((number: number) => Buffer) => {
  const all = Buffer.concat(up)
  const first = up[0]?.length ?? 0
  return (number) => {
    if (number < all.length) return all.subarray(0, number)
    const change = number - all.length
    const at = change % (first + all.length)
    const bits = 1 + (Math.floor(change / (first + all.length)) % 255)
    return at < first ? flip(all.subarray(0, first), at, bits) : flip(all, at - first, bits)
  }
}

/** Sends a flight and the end of TCP, and waits until the node has closed. Returns the type of the first record of the answer. */
const send = (address: Address.Address, flight: Buffer) =>
  Effect.callback<number | undefined>((resume) => {
    let answer: number | undefined = undefined
    const socket = Net.connect({ host: "127.0.0.1", port: Address.port(address), noDelay: true }, () =>
      socket.end(flight),
    )
    socket.on("error", () => {})
    socket.once("data", (bytes) => (answer = bytes[0]))
    socket.resume()
    socket.on("close", () => resume(Effect.succeed(answer)))
    return Effect.sync(() => socket.destroy())
  })

type Change = readonly [at: number, bits: number]

/** Changes one byte of the handshake of each connection, in one direction. */
class Flipper {
  private readonly direction: Middle.Passing["direction"]
  private readonly starts: ReadonlyArray<number>
  private readonly changes: Array<Change> = []

  constructor(direction: Middle.Passing["direction"], records: ReadonlyArray<Buffer>) {
    this.direction = direction
    this.starts = records.map((_, i) => records.slice(0, i).reduce((sum, { length }) => sum + length, 0))
  }

  /** Chooses the byte of the next connection, by its number in all records. */
  choose(change: Change): void {
    this.changes.push(change)
  }

  readonly decide: Middle.Decide = (passing) => {
    const { bytes } = passing
    const start = this.starts[passing.index]
    // A dialer is done before its last record has passed, so changes belong to a connection.
    const change = this.changes[passing.connection]
    if (passing.direction !== this.direction || start === undefined || change === undefined) return Middle.pass(passing)
    const at = change[0] - start
    return { bytes: [at >= 0 && at < bytes.length ? flip(bytes, at, change[1]) : bytes] }
  }
}

/** Numbers of bytes of a handshake that mean nothing: the version in the header of the first record, which is in clear text. */
const meaningless: ReadonlySet<number> = new Set([1, 2])

/**
 * Connects, and waits for bytes. Returns the reason of the failure, or `lost` if it came after the connection: a dialer has proved the
 * acceptor before the acceptor reads the last record of the handshake.
 */
const outcomeOf = (connect: ReturnType<Transport.Transport["Service"]["connect"]>) =>
  Effect.gen(function* () {
    const connected = yield* Effect.result(connect)
    if (connected._tag === "Failure") return connected.failure.reason
    const pulled = yield* Effect.result(connected.success.pull)
    return pulled._tag === "Failure" ? "lost" : "connected"
  }).pipe(Effect.scoped)

/** Waits until this process has no more sockets than that. Returns the number of sockets that are left after some seconds. */
const leftOpen = (before: number) =>
  Effect.gen(function* () {
    for (let wait = 0; wait < 500; wait++) {
      const now = yield* openSockets
      if (now <= before) return 0
      yield* Effect.sleep("20 millis")
    }
    return (yield* openSockets) - before
  })

export interface Damage {
  /** Numbers of the flights to send; see {@link flightOf}. */
  readonly flights: (possible: number) => Iterable<number>
  /** Bytes of the handshake to change in dials, and their bits, for each direction. */
  readonly changes: (length: number) => Iterable<Change>
  readonly report?: (line: string) => void
}

/** Sends damaged flights to a node, and damages its handshakes with another node. Returns what should not have happened. */
export const damage = Effect.fnUntraced(function* ({ changes, flights, report = () => {} }: Damage) {
  const keys = yield* Keyring.make(secret)
  const { address, count } = yield* accepting(keys, { handshakeTimeout })
  const records = yield* record(address)
  yield* count
  const problems: Array<string> = []
  const before = yield* openSockets
  const expect = Effect.fnUntraced(function* (what: string) {
    const admitted = yield* count
    if (admitted !== 0) problems.push(`${admitted} connections were handed out for ${what}`)
    const open = yield* leftOpen(before)
    if (open !== 0) problems.push(`${open} sockets stayed open after ${what}`)
  })
  const flight = flightOf(records)
  const answers = new Map<number | undefined, number>()
  let sent = 0
  yield* Effect.forEach(
    flights(Buffer.concat(records.up).length),
    (number) =>
      Effect.map(send(address, flight(number)), (answer) => {
        answers.set(answer, (answers.get(answer) ?? 0) + 1)
        if (++sent % 10_000 === 0) report(`${sent} flights`)
      }),
    { concurrency, discard: true },
  )
  yield* expect("flights")
  report(`${sent} flights; types of the first records of the answers: ${JSON.stringify([...answers])}`)
  for (const direction of ["up", "down"] as const) {
    const handshake = records[direction].slice(0, handshakeRecords[direction])
    const flipper = new Flipper(direction, handshake)
    let dials = 0
    yield* Effect.scoped(
      Effect.gen(function* () {
        const node = yield* nodeOf(keys)
        const attacker = yield* Middle.make
        attacker.middle.lead(address)
        attacker.middle.use(flipper.decide)
        for (const [at, bits] of changes(Buffer.concat(handshake).length)) {
          if (meaningless.has(at)) continue
          flipper.choose([at, bits])
          const reason = yield* outcomeOf(node.connect(attacker.address))
          if (reason !== "unauthenticated" && reason !== "lost") {
            problems.push(`${direction}, byte ${at}, bits ${bits}: ${reason}`)
          }
          if (++dials % 1_000 === 0) report(`${dials} dials, ${direction}`)
        }
      }),
    )
    yield* expect(`dials, ${direction}`)
    report(`${dials} dials with a changed byte, ${direction}`)
  }
  return problems
}, Effect.scoped)

const range = (count: number): ReadonlyArray<number> => Array.from({ length: count }, (_, i) => i)

const program = (flights: number, dials: number) =>
  Effect.gen(function* () {
    const start = performance.now()
    const problems = yield* damage({
      flights: () => range(flights),
      // 61 and 7 are prime, so that each byte is changed in each bit.
      changes: (length) => range(dials).map((i) => [(i * 61) % length, 1 << ((Math.floor(i / length) + i * 7) % 8)]),
      report: (line) => console.log(`${((performance.now() - start) / 1000).toFixed(0)} s: ${line}`),
    })
    for (const problem of problems) console.log(problem)
    console.log(`${problems.length} problems`)
    if (problems.length > 0) process.exitCode = 1
  })

if (process.argv[1] === import.meta.filename) {
  const [flights = 100_000, dials = 5_000] = process.argv.slice(2).map(Number)
  await Effect.runPromise(Effect.provide(program(flights, dials), Logger.layer([])))
}
