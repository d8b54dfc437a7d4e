/** Chat room on the cluster. Every member publishes lines to all others and keeps the lines that it receives. */
// #region chat
import { Cluster, Topic } from "@coterie/core"
import { Context, Effect, Layer, Schema, Stream } from "effect"

const Line = Schema.Struct({ number: Schema.Number, text: Schema.String })

export const Lines = Topic.make("lines", Line)

export interface Heard {
  readonly from: string
  readonly number: number
}

export class Chat extends Context.Service<
  Chat,
  {
    readonly say: (line: typeof Line.Type) => Effect.Effect<void>
    /** Returns the lines that this member has received since its start. */
    readonly heard: () => ReadonlyArray<Heard>
    /** Returns the names of the other members. */
    readonly members: () => ReadonlyArray<string>
  }
>()("examples/simulation/Chat") {}

export const layer = Layer.effect(Chat)(
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const heard: Array<Heard> = []
    const lines = yield* Topic.open(Lines)
    yield* lines.messages.pipe(
      Stream.runForEach(({ from, value }) => Effect.sync(() => heard.push({ from: from.name, number: value.number }))),
      Effect.forkScoped,
    )
    return {
      say: (line) => Effect.ignore(lines.publish(line)),
      heard: () => heard,
      members: () => [...cluster.viewUnsafe().peers.keys()],
    }
  }),
)
// #endregion
