/** Memory of payloads that an application, or a topic, gives back. */
import * as Message from "@coterie/core/Message"
import * as Topic from "@coterie/core/Topic"
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import * as Cluster from "@coterie/core/Cluster"
import { assert } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import * as World from "./world.ts"

const scenario = World.simulated

const size = 300_000

const bytes = () => new Uint8Array(size).fill(7)

/** Returns the first message of a stream. */
const firstOf = <A extends { readonly _tag: string }>(stream: Stream.Stream<A>) =>
  Effect.map(Stream.runHead(Stream.filter(stream, ({ _tag }) => _tag === "Message")), (item) => {
    if (item._tag === "None") return assert.fail("no message arrived")
    return item.value as A & Message.Message
  })

scenario("a released message of a peer has an empty payload, and the payload of its sender stays", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const payload = bytes()
    yield* a.cluster.send("b", payload)
    const message = yield* firstOf(b.cluster.inbox)
    assert.deepStrictEqual(message.payload, payload)
    const { buffer } = message.payload
    Message.release(message)
    assert.strictEqual(message.payload.length, 0)
    assert.strictEqual(buffer.byteLength, 0)
    assert.deepStrictEqual(payload, bytes())
  }),
)

scenario("a released message from this node keeps its payload, which is that of the sender", (world) =>
  Effect.gen(function* () {
    const { a } = yield* World.pair(world)
    const payload = bytes()
    yield* a.cluster.send("a", payload)
    const message = yield* firstOf(a.cluster.inbox)
    Message.release(message)
    assert.strictEqual(message.payload, payload)
    assert.deepStrictEqual(payload, bytes())
  }),
)

scenario("a message that one of several readers released is complete for the others", (world) =>
  Effect.gen(function* () {
    const { a, b } = yield* World.pair(world)
    const lane = yield* b.cluster.lane("orders")
    const one = yield* lane.open()
    const two = yield* lane.open()
    yield* Effect.sleep("100 millis")
    yield* (yield* a.cluster.lane("orders")).send("b", bytes())
    Message.release(yield* firstOf(one))
    assert.deepStrictEqual((yield* firstOf(two)).payload, bytes())
  }),
)

for (const copiesBytes of [true, undefined]) {
  const outcome = copiesBytes === true ? "frees" : "keeps"
  scenario(`a topic ${outcome} the bytes of a value with copiesBytes: ${copiesBytes}`, (world) =>
    Effect.gen(function* () {
      const { a, b } = yield* World.pair(world)
      const decoded: Array<Uint8Array> = []
      const { codec } = TopicSerialization.json
      const serialization: TopicSerialization.Service = {
        format: "test",
        copiesBytes,
        codec: (schema) => {
          const inner = codec(schema)
          return {
            encode: inner.encode,
            decode: (bytes) => {
              decoded.push(bytes)
              return inner.decode(bytes)
            },
          }
        },
      }
      const Texts = Topic.make("texts", Schema.String, { serialization })
      const { messages } = yield* Effect.provideService(Topic.open(Texts), Cluster.Cluster, b.cluster)
      yield* Effect.sleep("100 millis")
      const text = "x".repeat(size)
      yield* Effect.provideService(Texts.publish(text), Cluster.Cluster, a.cluster)
      const [value] = yield* Stream.runCollect(Stream.take(messages, 1))
      assert.strictEqual(value?.value, text)
      assert.deepStrictEqual(
        decoded.map(({ length }) => length > 0),
        [copiesBytes !== true],
      )
    }),
  )
}
