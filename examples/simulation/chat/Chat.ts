/** A chat room on the cluster: every member says lines to all others, and keeps the lines that it hears. */
// #region chat
import { Cluster, Topic } from "@coterie/core"
import { Context, Effect, Layer, Schema, Stream } from "effect"

export const Lines = Topic.make("lines", Schema.Struct({ number: Schema.Number, text: Schema.String }))

export interface Line {
  readonly from: string
  readonly number: number
}

export class Chat extends Context.Service<
  Chat,
  {
    readonly say: (line: typeof Lines.schema.Type) => Effect.Effect<void>
    /** Lines that this member has heard since its start. */
    readonly heard: () => ReadonlyArray<Line>
    /** Names of the other members. */
    readonly members: () => ReadonlyArray<string>
  }
>()("examples/simulation/Chat") {}

export const layer = Layer.effect(Chat)(
  Effect.gen(function* () {
    const cluster = yield* Cluster.Cluster
    const heard: Array<Line> = []
    yield* Lines.subscribe.pipe(
      Stream.runForEach(({ from, value }) => Effect.sync(() => heard.push({ from: from.name, number: value.number }))),
      Effect.forkScoped,
    )
    return {
      say: (line) => Effect.ignore(Effect.provideService(Lines.publish(line), Cluster.Cluster, cluster)),
      heard: () => heard,
      members: () => [...cluster.viewUnsafe().peers.keys()],
    }
  }),
)
// #endregion
