import { Topic } from "@coterie/core"
import { PeerPubSub } from "@coterie/reactivity"
import { Context, Effect, Layer, Schema, Stream } from "effect"

/** All instances make the topic with this name and a compatible schema. */
const Topics = Topic.make("notices", Schema.Struct({ user: Schema.String, text: Schema.String }))

/** Notices to users, whichever instance holds the socket of a user. */
export class Notices extends Context.Service<Notices>()("app/Notices", {
  make: Effect.gen(function* () {
    // A socket that is slow loses the oldest notices. The other sockets and the publishers do not wait for it.
    const notices = yield* PeerPubSub.make(Topics, { strategy: "sliding", capacity: 100 })
    return {
      /** Sends a notice to the sockets of all instances. */
      notify: (user: string, text: string) => notices.publish({ user, text }),
      /** Notices of one user, for one socket of this instance. `undefined` where notices may be missing. */
      of: (user: string) =>
        notices.streamWithGaps.pipe(
          Stream.filter((item) => item._tag === "Gap" || item.value.user === user),
          Stream.map((item) => (item._tag === "Gap" ? undefined : item.value.text)),
        ),
    }
  }),
}) {
  static readonly layer = Layer.effect(Notices, Notices.make)
}
