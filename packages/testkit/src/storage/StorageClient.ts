/**
 * Client of a storage in one process. Each operation travels to the storage, takes effect there at one instant, and its
 * result travels back. Faults delay an operation, lose it on either way, or let it fail.
 */
import * as Effect from "effect/Effect"
import type * as Random from "effect/Random"
import type { Life } from "../kernel/Life.ts"
import type { RunnerDatabase } from "./RunnerDatabase.ts"
import type { StorageFaults } from "./StorageFaults.ts"
import type { StorageSession } from "./StorageSession.ts"

/** Error of an operation that failed, before it becomes the error of the service. */
export class StorageError extends Error {
  override readonly name = "StorageError"
}

/** Time after which a lost request is sent again, in milliseconds. It doubles each time, as with TCP. */
const retransmission = 200

interface Options {
  readonly node: string
  readonly life: Life | undefined
  readonly database: RunnerDatabase
  /** `true` if locks belong to sessions, so that a failed operation on locks ends the session. */
  readonly hasSessions: boolean
  readonly faults: StorageFaults
  readonly random: (typeof Random.Random)["Service"]
  /** Time between a call and its result, in milliseconds. */
  readonly latency: number
  /** Time after which an operation fails, in milliseconds. */
  readonly timeout: number
}

export class StorageClient {
  private readonly options: Options
  private session: StorageSession | undefined
  /** Sessions that were given up while the storage was out of reach. The storage ends them once it learns of it. */
  private readonly abandoned = new Set<StorageSession>()

  constructor(options: Options) {
    this.options = options
  }

  get node(): string {
    return this.options.node
  }

  /** Runs an operation, which takes effect at one instant. */
  call<A, E>(operation: Effect.Effect<A, E>): Effect.Effect<A, E | StorageError> {
    const { faults, node, random, timeout } = this.options
    const asked: Effect.Effect<never, StorageError> = Effect.suspend(() =>
      Effect.fail(new StorageError(`the storage failed an operation of ${node}, as the test asked`)),
    )
    return Effect.suspend(() => {
      const { failing } = faults.of(node)
      const fails = failing > 0 && random.nextDoubleUnsafe() < failing
      const isLost = fails && random.nextDoubleUnsafe() < 0.5
      const carriedOut: Effect.Effect<A, E | StorageError> = fails && !isLost ? asked : operation
      return this.travel().pipe(
        Effect.andThen(carriedOut),
        Effect.tap(Effect.andThen(this.travel(), isLost ? asked : Effect.void)),
        Effect.timeoutOrElse({
          duration: timeout,
          orElse: () => Effect.fail(new StorageError(`the storage did not answer ${node} within ${timeout} ms`)),
        }),
      )
    })
  }

  /** Passes the way between the process and the storage in one direction. */
  private travel(): Effect.Effect<void> {
    const { faults, latency, node } = this.options
    const arrive = (wait: number): Effect.Effect<void> =>
      Effect.suspend(() =>
        faults.of(node).cut ? Effect.andThen(Effect.sleep(wait), arrive(2 * wait)) : Effect.sync(() => this.heard()),
      )
    return Effect.suspend(() =>
      Effect.andThen(Effect.sleep((latency + faults.of(node).slowBy) / 2), arrive(retransmission)),
    )
  }

  /** The storage learns of the sessions that were given up. */
  private heard(): void {
    for (const session of this.abandoned) this.options.database.disconnect(session)
    this.abandoned.clear()
  }

  /** Runs an operation on the session of the runner. If it fails or is interrupted, the next one has a new session. */
  withSession<A>(
    address: string,
    operation: (session: StorageSession) => A | undefined,
  ): Effect.Effect<A, StorageError> {
    return Effect.suspend(() => {
      const session = this.sessionOf(address)
      return this.call(
        Effect.suspend(() => {
          const result = operation(session)
          return result === undefined
            ? Effect.fail(new StorageError(`the storage has ended the session of ${this.options.node}`))
            : Effect.succeed(result)
        }),
      ).pipe(
        Effect.onError(() =>
          Effect.sync(() => {
            if (this.options.hasSessions) this.giveUp(session)
          }),
        ),
      )
    })
  }

  private sessionOf(address: string): StorageSession {
    const { database, life, node } = this.options
    if (this.session === undefined || this.session.address !== address) {
      if (this.session !== undefined) this.giveUp(this.session)
      this.session = database.connect(node, address, life)
    }
    return this.session
  }

  private giveUp(session: StorageSession): void {
    if (this.session === session) this.session = undefined
    if (!session.ended) this.abandoned.add(session)
    const { faults, node } = this.options
    if (!faults.of(node).cut) this.heard()
  }

  /** Ends the session when the process stops. */
  close(): void {
    if (this.session !== undefined) this.giveUp(this.session)
  }
}
