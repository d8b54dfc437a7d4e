/**
 * The nodes that serve a service: the readers of its lane of requests, which every peer announces on its link. The list
 * is kept, so that a request does not collect the lanes of all links.
 */
import type { Lane, ReadingPeer } from "@coterie/core/Lane"
import * as Rendezvous from "@coterie/core/Rendezvous"
import { isReadonlyArrayNonEmpty } from "effect/Array"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import type { Candidate } from "./pickPeer.ts"

export interface Options {
  /** Lane of requests of the service. */
  readonly lane: Pick<Lane, "readerChanges" | "readers">
  /** Name of this node. */
  readonly self: string
}

export class ServingPeers {
  private readonly options: Options
  private readonly changed = Latch.makeUnsafe(false)
  private all: ReadonlyArray<Candidate> = []
  private others: ReadonlyArray<Candidate> = []
  private hasEnded = false

  constructor(options: Options) {
    this.options = options
  }

  /** Follows the changes of the readers until this node leaves or the fiber is interrupted. Then no request waits. */
  get follow(): Effect.Effect<void> {
    const { readerChanges } = this.options.lane
    return Stream.runForEach(readerChanges, (readers) => this.update(readers)).pipe(
      Effect.ensuring(
        Effect.suspend(() => {
          this.hasEnded = true
          return this.changed.release
        }),
      ),
    )
  }

  /** Takes a list of readers. */
  update(readers: ReadonlyArray<ReadingPeer>): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.all = readers.map(({ generation, name }) => ({ ...Rendezvous.candidate(name), generation }))
      this.others = this.all.filter(({ name }) => name !== this.options.self)
      return Effect.asVoid(this.changed.release)
    })
  }

  /** Returns the nodes that serve, with or without this node. The array is the same until they change. */
  current(includesSelf: boolean): ReadonlyArray<Candidate> {
    return includesSelf ? this.all : this.others
  }

  /** Waits until a node serves, and returns all that do. Returns an empty list if this node leaves first. */
  await(includesSelf: boolean): Effect.Effect<ReadonlyArray<Candidate>> {
    return Effect.suspend(() => {
      const candidates = this.current(includesSelf)
      return this.hasEnded || isReadonlyArrayNonEmpty(candidates)
        ? Effect.succeed(candidates)
        : Effect.andThen(this.changed.await, this.await(includesSelf))
    })
  }
}

/** Makes the list with the readers of this moment, and follows their changes in the scope. */
export const make = (options: Options): Effect.Effect<ServingPeers, never, Scope.Scope> =>
  Effect.gen(function* () {
    const serving = new ServingPeers(options)
    yield* serving.update(yield* options.lane.readers)
    yield* Effect.forkScoped(serving.follow)
    return serving
  })
