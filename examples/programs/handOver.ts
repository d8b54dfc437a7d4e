import { Cluster } from "@coterie/core"
import { Effect } from "effect"

/** Offers a job to one peer after the other until the reader of a peer has taken it. Returns the name of that peer. */
export const handOver = Effect.fnUntraced(function* (job: string) {
  const cluster = yield* Cluster.Cluster
  for (const { name } of yield* cluster.peers) {
    const taken = yield* cluster.send(name, job, { confirm: true, timeout: "5 seconds" }).pipe(
      Effect.as(true),
      // `maybeDelivered: true` means that the peer may have taken the job, so no other peer may get it.
      Effect.catchTag("SendError", (error) => (error.maybeDelivered ? Effect.fail(error) : Effect.succeed(false))),
    )
    if (taken) return name
  }
  return undefined
})
