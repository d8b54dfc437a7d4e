/** Sockets of the users on this instance. */
import { Context, Deferred, Effect, Layer } from "effect"
import type { Scope } from "effect"
import type { StateError } from "@coterie/state"
import { Users } from "../recipes/presence.ts"
import type { Parcel } from "./Model.ts"

/** Maximum number of messages that wait for confirmations of one client. */
const maxUnconfirmed = 64

/** Time for a client to confirm a message. */
const confirmTimeout = "5 seconds"

/** Function that writes a message to a client. The client confirms the number. */
export type Write = (number: number, parcel: Parcel) => Effect.Effect<void, unknown>

/** Outcome of a message on one instance. */
export type Outcome = "delivered" | "notHere" | "notConfirmed" | "busy"

/** Socket of a user. */
class Connection {
  private readonly write: Write
  private readonly unconfirmed = new Map<number, Deferred.Deferred<Outcome>>()
  private last = 0

  constructor(write: Write) {
    this.write = write
  }

  deliver(parcel: Parcel): Effect.Effect<Outcome> {
    return Effect.suspend(() => {
      if (this.unconfirmed.size >= maxUnconfirmed) return Effect.succeed("busy")
      const number = ++this.last
      const outcome = Deferred.makeUnsafe<Outcome>()
      this.unconfirmed.set(number, outcome)
      return this.write(number, parcel).pipe(
        Effect.andThen(Deferred.await(outcome)),
        Effect.timeout(confirmTimeout),
        Effect.orElseSucceed((): Outcome => "notConfirmed"),
        Effect.ensuring(Effect.sync(() => this.unconfirmed.delete(number))),
      )
    })
  }

  confirm(number: number): void {
    this.end(this.unconfirmed.get(number), "delivered")
  }

  close(): void {
    for (const outcome of this.unconfirmed.values()) this.end(outcome, "notConfirmed")
  }

  private end(outcome: Deferred.Deferred<Outcome> | undefined, value: Outcome): void {
    if (outcome !== undefined) Deferred.doneUnsafe(outcome, Effect.succeed(value))
  }
}

export class Connections extends Context.Service<
  Connections,
  {
    /**
     * Adds a socket of a user until the scope closes. Returns the function with which its client confirms a message.
     */
    readonly add: (
      user: string,
      write: Write,
    ) => Effect.Effect<(number: number) => void, StateError.StateError, Scope.Scope>
    /** Writes a message to every socket of its receiver and waits until one client has confirmed it. */
    readonly deliver: (parcel: Parcel) => Effect.Effect<Outcome>
    readonly users: () => ReadonlyArray<string>
    /** Returns the number of messages that clients have confirmed. */
    readonly delivered: () => number
  }
>()("examples/chat/Connections") {}

class ConnectionTable {
  readonly byUser = new Map<string, Set<Connection>>()
  delivered = 0

  add(user: string, connection: Connection): void {
    this.byUser.set(user, (this.byUser.get(user) ?? new Set()).add(connection))
  }

  remove(user: string, connection: Connection): void {
    connection.close()
    const rest = this.byUser.get(user)
    rest?.delete(connection)
    if (rest?.size === 0) this.byUser.delete(user)
  }

  deliver(parcel: Parcel): Effect.Effect<Outcome> {
    const connections = [...(this.byUser.get(parcel.to) ?? [])]
    return Effect.map(
      Effect.forEach(connections, (connection) => connection.deliver(parcel), { concurrency: "unbounded" }),
      (outcomes) => {
        const outcome = best(outcomes)
        if (outcome === "delivered") this.delivered++
        return outcome
      },
    )
  }
}

/** Returns the best outcome of a message that was written to several sockets or instances. */
export const best = (outcomes: ReadonlyArray<Outcome>): Outcome =>
  (["delivered", "notConfirmed", "busy"] as const).find((each) => outcomes.includes(each)) ?? "notHere"

export const layer = Layer.effect(Connections)(
  Effect.gen(function* () {
    const table = new ConnectionTable()
    const users = yield* Users
    return {
      add: Effect.fnUntraced(function* (user, write) {
        const connection = new Connection(write)
        yield* Effect.acquireRelease(
          Effect.sync(() => table.add(user, connection)),
          () => Effect.sync(() => table.remove(user, connection)),
        )
        yield* users.track(user, null)
        return (number) => connection.confirm(number)
      }),
      deliver: (parcel) => Effect.suspend(() => table.deliver(parcel)),
      users: () => [...table.byUser.keys()],
      delivered: () => table.delivered,
    }
  }),
)
