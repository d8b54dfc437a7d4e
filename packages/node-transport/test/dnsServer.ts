/**
 * DNS server for tests. It answers over UDP on the loopback with the records that a test sets, which must fit into
 * one packet.
 */
import * as Effect from "effect/Effect"
import * as Queue from "effect/Queue"
import type * as Scope from "effect/Scope"
import * as Dgram from "node:dgram"
import type { SrvRecord } from "../src/NodeDiscovery.ts"

export type Type = "A" | "AAAA" | "SRV"

/** Records, or the behavior of a server that fails or does not answer. */
export type Answer = ReadonlyArray<string | SrvRecord> | "fails" | "is silent"

/** Sender of a query with the query. */
export interface Asker {
  readonly port: number
  readonly query: Buffer
}

export interface DnsServer {
  /** `IP:PORT`. */
  readonly address: string
  /** Sets the answer for a name. A name without an answer of any type does not exist. */
  readonly answer: (type: Type, name: string, answer: Answer) => void
  /** Returns the number of queries so far. */
  readonly questions: () => number
  /** Waits for the next query. */
  readonly nextAsker: Effect.Effect<Asker>
  /** Waits until the sender has closed its port. From then on the server answers no other sender. */
  readonly untilGone: (asker: Asker) => Effect.Effect<void>
  /** Stops the server before the scope closes. */
  readonly stop: Effect.Effect<void>
}

const types: ReadonlyMap<number, Type> = new Map([
  [1, "A"],
  [28, "AAAA"],
  [33, "SRV"],
])

export const make: Effect.Effect<DnsServer, never, Scope.Scope> = Effect.gen(function* () {
  const zone = new Map<string, Map<Type, Answer>>()
  const askers = yield* Queue.sliding<Asker>(16)
  let open = true
  let questions = 0
  const close = (socket: Dgram.Socket) => {
    if (open) socket.close()
    open = false
  }
  const socket = yield* Effect.acquireRelease(
    Effect.callback<Dgram.Socket>((resume) => {
      const bound = Dgram.createSocket("udp4")
      bound.bind(0, "127.0.0.1", () => resume(Effect.succeed(bound)))
    }),
    (socket) => Effect.sync(() => close(socket)),
  )
  socket.on("message", (query, { port }) => {
    questions++
    Queue.offerUnsafe(askers, { port, query })
    const reply = respond(query, zone)
    if (reply !== undefined) socket.send(reply, port, "127.0.0.1")
  })
  return {
    address: `127.0.0.1:${socket.address().port}`,
    answer: (type, name, answer) => {
      const answers = zone.get(name) ?? new Map<Type, Answer>()
      zone.set(name, answers.set(type, answer))
    },
    questions: () => questions,
    nextAsker: Queue.take(askers),
    // A packet to a closed port causes an error, which only a connected socket reports. An open port gets an answer to
    // a query that it did not send, and ignores it.
    untilGone: ({ port, query }) => {
      const reply = respond(query, new Map())
      reply?.writeUInt16BE((query.readUInt16BE(0) + 1) % 0x1_0000, 0)
      return Effect.raceFirst(
        Effect.callback<void>((resume) => {
          socket.once("error", () => resume(Effect.void))
          socket.connect(port, "127.0.0.1")
        }),
        Effect.forever(
          Effect.andThen(
            Effect.sleep("5 millis"),
            Effect.sync(() => socket.send(reply ?? "", () => {})),
          ),
        ),
      )
    },
    stop: Effect.sync(() => close(socket)),
  }
})

const headerBytes = 12

/** Returns the reply to a query (RFC 1035, section 4), or `undefined` if the server is silent. */
const respond = (query: Buffer, zone: ReadonlyMap<string, ReadonlyMap<Type, Answer>>): Buffer | undefined => {
  const labels: Array<string> = []
  let at = headerBytes
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length))
    at += 1 + length
  }
  const questionEnd = at + 5
  const answers = zone.get(labels.join(".").toLowerCase())
  const type = types.get(query.readUInt16BE(at + 1))
  const answer = (type === undefined ? undefined : answers?.get(type)) ?? []
  if (answer === "is silent") return undefined
  const code = answers === undefined ? 3 : answer === "fails" ? 2 : 0
  const records = answer === "fails" ? [] : answer.map((record) => encode(query.readUInt16BE(at + 1), record))
  const header = Buffer.alloc(headerBytes)
  header.writeUInt16BE(query.readUInt16BE(0), 0)
  header.writeUInt16BE(0x8580 | code, 2) // a response with authority, recursion desired and available
  header.writeUInt16BE(1, 4)
  header.writeUInt16BE(records.length, 6)
  return Buffer.concat([header, query.subarray(headerBytes, questionEnd), ...records])
}

const encode = (type: number, record: string | SrvRecord): Buffer => {
  const data = typeof record !== "string" ? srv(record) : record.includes(":") ? ip6(record) : ip4(record)
  const head = Buffer.alloc(12)
  head.writeUInt16BE(0xc000 | headerBytes, 0) // the name of the question
  head.writeUInt16BE(type, 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(data.length, 10)
  return Buffer.concat([head, data])
}

const ip4 = (address: string) => Buffer.from(address.split(".").map(Number))

const ip6 = (address: string): Buffer => {
  const groups = (part = "") => (part === "" ? [] : part.split(":").map((group) => Number.parseInt(group, 16)))
  const [start, end] = address.split("::").map(groups)
  const data = Buffer.alloc(16)
  for (const [i, group] of (start ?? []).entries()) data.writeUInt16BE(group, 2 * i)
  for (const [i, group] of (end ?? []).toReversed().entries()) data.writeUInt16BE(group, 14 - 2 * i)
  return data
}

const srv = ({ port, priority, target, weight }: SrvRecord): Buffer => {
  const head = Buffer.alloc(6)
  for (const [i, value] of [priority, weight, port].entries()) head.writeUInt16BE(value, 2 * i)
  const labels = target.split(".").filter((label) => label !== "")
  return Buffer.concat([
    head,
    ...labels.map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, "latin1")])),
    Buffer.from([0]),
  ])
}
