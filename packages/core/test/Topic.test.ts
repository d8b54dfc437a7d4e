import type { Cluster } from "@coterie/core/Cluster"
import type { EncodeError, OptionsError, SendError } from "@coterie/core/ClusterError"
import type { BroadcastReport, PublishOptions } from "@coterie/core/Lane"
import * as Topic from "@coterie/core/Topic"
import * as TopicSerialization from "@coterie/core/TopicSerialization"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import type * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

const Text = Topic.make("text", Schema.String)

describe("a topic", () => {
  it("throws an OptionsError that describes the problem of a constant name", () => {
    for (const [name, problem] of [
      ["", "must not be empty"],
      ["x".repeat(129), "at most 128 bytes"],
      ["line\nbreak", "control characters"],
    ] as const) {
      const expected = { _tag: "OptionsError", option: "name" }
      const made = Topic.makeResult(name, Schema.String)
      assert.deepInclude(Result.isFailure(made) ? made.failure : {}, expected)
      try {
        Topic.make(name, Schema.String)
        assert.fail("made")
      } catch (error) {
        assert.deepInclude(error, expected)
        assert.include(String(error), JSON.stringify(name))
        assert.include(String(error), problem)
      }
    }
  })

  it("throws an OptionsError for a serialization whose format cannot be announced", () => {
    const serialization: TopicSerialization.Service = { ...TopicSerialization.json, format: "" }
    const made = Topic.makeResult("text", Schema.String, { serialization })
    assert.deepInclude(Result.isFailure(made) ? made.failure : {}, { _tag: "OptionsError", option: "serialization" })
  })

  it("makes one codec for each serialization", () => {
    const other: TopicSerialization.Service = { ...TopicSerialization.json, format: "other" }
    assert.strictEqual(Text.codec(other), Text.codec(other))
    assert.notStrictEqual(Text.codec(other), Text.codec(TopicSerialization.json))
  })

  it("has no Cluster and no OptionsError in the types of a bound topic", () => {
    type Publish = (value: string, options?: PublishOptions) => Effect.Effect<BroadcastReport, EncodeError | SendError>
    const open = () => Topic.open(Text)
    type Opened = Effect.Success<ReturnType<typeof open>>
    expectTypeOf<ReturnType<typeof open>>().toEqualTypeOf<
      Effect.Effect<Topic.OpenTopic<string>, OptionsError, Cluster | Scope.Scope>
    >()
    expectTypeOf<Opened["publish"]>().toEqualTypeOf<Publish>()
    expectTypeOf<Opened["messages"]>().toEqualTypeOf<Stream.Stream<Topic.Published<string>>>()
    const publisher = () => Topic.publisher(Text)
    expectTypeOf<ReturnType<typeof publisher>>().toEqualTypeOf<Effect.Effect<Topic.Publisher<string>, never, Cluster>>()
    const gaps = () => Topic.open(Text, { gaps: true })
    expectTypeOf<Effect.Success<ReturnType<typeof gaps>>["messages"]>().toEqualTypeOf<
      Stream.Stream<Topic.Published<string> | Topic.Gap>
    >()
    const subscribed = () => Text.subscribe({ strategy: "sliding" })
    expectTypeOf<ReturnType<typeof subscribed>>().toEqualTypeOf<
      Stream.Stream<Topic.Published<string>, OptionsError, Cluster>
    >()
  })
})
