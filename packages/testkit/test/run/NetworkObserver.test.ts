import * as Address from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Simulation from "../../src/Simulation.ts"
import { run, talkers } from "./world.ts"

/** Server that sends received texts back in capitals. */
const server = Layer.effectDiscard(
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const listener = yield* transport.listen
    yield* Effect.forkScoped(
      listener.run((connection) =>
        connection.pull.pipe(
          Effect.flatMap((batch) =>
            connection.write([
              new TextEncoder().encode(
                batch
                  .map((bytes) => new TextDecoder().decode(bytes))
                  .join("")
                  .toUpperCase(),
              ),
            ]),
          ),
          Effect.forever,
          Effect.ignore,
        ),
      ),
    )
  }),
)

const client = (texts: ReadonlyArray<string>) =>
  Effect.gen(function* () {
    const transport = yield* Transport.Transport
    const address = yield* Effect.fromResult(Address.parse("server:24868"))
    const connection = yield* transport.connect(address)
    let answer = ""
    for (const text of texts) yield* connection.write([new TextEncoder().encode(text)])
    while (answer.length < texts.join("").length) {
      for (const bytes of yield* connection.pull) answer += new TextDecoder().decode(bytes)
    }
    return answer
  })

const exchange =
  (clients: number, word = "message"): Simulation.Scenario["body"] =>
  (sim) =>
    Effect.gen(function* () {
      yield* sim.nodes(["server"], () => server)
      const texts = Array.from({ length: 20 }, (_, i) => `${word} ${i}; `)
      const { c } = yield* sim.nodes(["c"], () => Layer.effect(Transport.Transport)(Transport.Transport))
      const answers = yield* Effect.all(
        Array.from({ length: clients }, () => c.run(Effect.orDie(client(texts)))),
        { concurrency: "unbounded" },
      )
      for (const answer of answers) assert.strictEqual(answer, texts.join("").toUpperCase())
    })

const faults = { network: { loss: 0.2, split: 0.5, delay: { uniform: ["1 millis", "100 millis"] } } } as const

describe("NetworkObserver", () => {
  it.live(
    "passes every byte with its side to the decoder of its connection, in order, on a network with splits and losses",
    () =>
      Effect.gen(function* () {
        const connections: Array<{ dialer: string; acceptor: string }> = []
        const describe: NonNullable<Simulation.Options["describe"]> = () => {
          const connection = { dialer: "", acceptor: "" }
          connections.push(connection)
          return (bytes, side) => {
            connection[side] += new TextDecoder().decode(bytes)
            return []
          }
        }
        yield* run(exchange(3), { faults, describe }, { trace: true })
        const dialer = Array.from({ length: 20 }, (_, i) => `message ${i}; `).join("")
        const expected = { dialer, acceptor: dialer.toUpperCase() }
        assert.deepStrictEqual(connections, [expected, expected, expected])
      }),
  )

  it.live("marks only messages that the decoder marks as background", () =>
    Effect.gen(function* () {
      const { trace } = yield* run(
        exchange(1),
        {
          describe: () => (_, side) => [
            { kind: side, text: "", background: side === "dialer" },
            { kind: side, text: "", background: undefined },
          ],
        },
        { trace: true },
      )
      const messages = (trace?.events ?? []).flatMap((event) => (event._tag === "Sent" ? [event.messages ?? []] : []))
      assert.deepStrictEqual(messages[0], [
        { kind: "dialer", text: "", background: true },
        { kind: "dialer", text: "" },
      ])
      assert.deepStrictEqual(messages.at(-1), [
        { kind: "acceptor", text: "" },
        { kind: "acceptor", text: "" },
      ])
    }),
  )

  it.live("reports sends with their decoded messages and their outcomes", () =>
    Effect.gen(function* () {
      const { trace } = yield* run(
        exchange(1),
        {
          faults,
          describe: () => (bytes) => {
            const text = new TextDecoder().decode(bytes)
            return text.includes("m") ? [{ kind: "message", text }] : []
          },
        },
        { trace: true },
      )
      const events = trace?.events ?? []
      const sent = events.filter((event) => event._tag === "Sent")
      const arrived = new Set(events.flatMap((event) => (event._tag === "Arrived" ? [event.id] : [])))
      assert.isAbove(sent.length, 20)
      assert.isTrue(events.some(({ _tag }) => _tag === "Lost"))
      for (const { from, id, messages, size } of sent) {
        assert.isTrue(arrived.has(id))
        if (messages !== undefined) {
          assert.strictEqual(from, "c")
          assert.strictEqual(messages[0]?.text.length, size)
        }
      }
      assert.isTrue(sent.some(({ messages }) => messages === undefined))
    }),
  )

  it.live("reports dials and the ends of connections", () =>
    Effect.gen(function* () {
      const { trace } = yield* run(
        (sim) =>
          Effect.gen(function* () {
            const { a } = yield* talkers(sim)
            yield* Effect.sleep("1050 millis")
            yield* a.crash
            yield* Effect.sleep("50 millis")
          }),
        {},
        { trace: true },
      )
      const told = (trace?.events ?? []).flatMap((event) =>
        event._tag === "Connection" && event.at < 1_100_000 && event.at > 0 && event.state !== "accepted"
          ? [`${event.from}-${event.to} ${event.state}${event.by === undefined ? "" : ` by ${event.by}`}`]
          : [],
      )
      for (const text of ["a-b reset by a", "a-c reset by a", "b-a reset by a", "c-a reset by a"])
        assert.include(told, text)
      const dialed = (trace?.events ?? []).flatMap((event) =>
        event._tag === "Connection" && event.state === "dialed" ? [`${event.from}-${event.to}`] : [],
      )
      for (const pair of ["a-b", "a-c", "b-a", "b-c", "c-a", "c-b"]) assert.include(dialed, pair)
    }),
  )

  it.live("reports a decoder that throws, and the run is the same as without the decoder", () =>
    Effect.gen(function* () {
      const broken: NonNullable<Simulation.Options["describe"]> = () => () => {
        throw new Error("no such frame")
      }
      const plain = yield* run(exchange(1), { faults })
      const { trace, traceHash } = yield* run(exchange(1), { faults, describe: broken }, { trace: true })
      assert.strictEqual(traceHash, plain.traceHash)
      const texts = (trace?.events ?? []).flatMap((event) =>
        event._tag === "Sent" ? (event.messages ?? []).map(({ text }) => text) : [],
      )
      assert.include(texts[0] ?? "", "no such frame")
    }),
  )

  it.live("keeps the last events of a run, and the number of omitted events", () =>
    Effect.gen(function* () {
      const all = (yield* run(exchange(1), {}, { trace: true })).trace
      const some = (yield* run(exchange(1), {}, { trace: 10 })).trace
      const none = (yield* run(exchange(1), {}, { trace: 0 })).trace
      assert.strictEqual(all?.skipped, 0)
      assert.deepStrictEqual(some?.events, all?.events.slice(-10))
      assert.strictEqual(some?.skipped, (all?.events.length ?? 0) - 10)
      assert.deepStrictEqual(none?.events, [])
      assert.strictEqual(none?.skipped, all?.events.length)
    }),
  )

  it.live("has another hash for other bytes, times or outcomes", () =>
    Effect.gen(function* () {
      const hashes = new Set<string>()
      for (const seed of [1, 2, 3]) hashes.add((yield* run(exchange(1), { faults }, { seed })).traceHash)
      hashes.add((yield* run(exchange(2), { faults })).traceHash)
      hashes.add((yield* run(exchange(1, "massage"), { faults })).traceHash)
      assert.strictEqual(hashes.size, 5)
      assert.isTrue(hashes.has((yield* run(exchange(1), { faults })).traceHash))
    }),
  )
})
