/**
 * A node whose application says nothing, for clusters of hundreds: what it sees goes onto a board that all share, and that
 * answers at once how far they are.
 */
import * as Cluster from "@coterie/core/Cluster"
import type { ClusterEvent } from "@coterie/core/ClusterEvent"
import type * as Transport from "@coterie/core/Transport"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as Overrides from "../../src/cluster/Overrides.ts"
import * as FrameCount from "./frameCount.ts"

/** Something that a node was told of another. */
export interface Told {
  readonly by: string
  readonly tag: "Suspected" | "Failed" | "Recovered"
  readonly of: string
  readonly generation: number
  /** Microseconds of virtual time. */
  readonly at: number
}

export interface Board {
  /** A new life of a node; takes its events. */
  readonly observer: (name: string) => (event: ClusterEvent) => void
  /** A node is gone, and what it saw counts no more. */
  readonly gone: (name: string) => void
  /** How many pairs of an observer and a peer there are where the peer is alive and has a link. */
  readonly live: () => number
  /** Whether an observer has a peer in its view. */
  readonly lists: (by: string, of: string) => boolean
  /** How many verdicts there were. */
  readonly failed: () => number
  readonly told: Array<Told>
}

export const makeBoard = (now: () => number): Board => {
  /** Whom an observer sees alive and linked, and whom it lists. */
  const seen = new Map<string, { readonly live: Set<string>; readonly listed: Set<string> }>()
  const told: Array<Told> = []
  let live = 0
  let failed = 0
  const gone = (name: string): void => {
    live -= seen.get(name)?.live.size ?? 0
    seen.delete(name)
  }
  return {
    gone,
    live: () => live,
    failed: () => failed,
    lists: (by, of) => seen.get(by)?.listed.has(of) === true,
    told,
    observer: (name) => {
      gone(name)
      const mine = { live: new Set<string>(), listed: new Set<string>() }
      seen.set(name, mine)
      return (event) => {
        if (seen.get(name) !== mine || !("peer" in event)) return
        const { _tag, peer } = event
        if (_tag === "Suspected" || _tag === "Failed" || _tag === "Recovered") {
          told.push({ by: name, tag: _tag, of: peer.name, generation: peer.generation, at: now() })
        }
        if (_tag === "Failed") failed++
        live -= mine.live.size
        if (peer.status === "alive" && peer.link === "up" && _tag !== "Disconnected") mine.live.add(peer.name)
        else mine.live.delete(peer.name)
        live += mine.live.size
        if (_tag === "Failed" || _tag === "Left" || _tag === "Disconnected") mine.listed.delete(peer.name)
        else mine.listed.add(peer.name)
      }
    },
  }
}

export class QuietPeriods extends Context.Service<QuietPeriods, { readonly cluster: Cluster.Cluster["Service"] }>()(
  "test/Quiet",
) {}

export interface Options {
  readonly board: Board
  readonly counts: FrameCount.Counts
  readonly seeds: ReadonlyArray<string>
  readonly policies?: Layer.Layer<never> | undefined
  readonly parts?: Partial<Overrides.Overrides> | undefined
}

export const layer = (
  name: string,
  { board, counts, parts: planted = {}, policies = Layer.empty, seeds }: Options,
): Layer.Layer<QuietPeriods, Cluster.LayerError, Transport.Transport> =>
  Layer.effect(QuietPeriods)(
    Effect.gen(function* () {
      const cluster = yield* Cluster.Cluster
      const observer = board.observer(name)
      yield* Effect.forkScoped(Stream.runForEach(cluster.events, (event) => Effect.sync(() => observer(event))))
      return { cluster }
    }),
  ).pipe(
    Layer.provide(Cluster.layer({ cluster: "quiet", name, seeds })),
    Layer.provide([Overrides.layer(planted), policies, FrameCount.layer(counts)]),
  )
