import type { Address } from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Array from "effect/Array"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

const closed = (message: string) => new Transport.TransportError({ reason: "closed", message })

/** A transport whose connections a test can cut, and that a test can kill. */
export class FragileTransport {
  /** Addresses that were dialed so far. */
  readonly dialed: Array<string> = []
  private readonly transport: Transport.Transport["Service"]
  private readonly killed = Deferred.makeUnsafe<void>()
  /** Completes when the currently open connections are cut. */
  private severed = Deferred.makeUnsafe<void>()

  /** Addresses that the listener advertises instead of those of the transport. */
  private readonly advertise: ReadonlyArray<Address>

  constructor(transport: Transport.Transport["Service"], advertise: ReadonlyArray<Address> = []) {
    this.transport = transport
    this.advertise = advertise
  }

  get listen(): Transport.Transport["Service"]["listen"] {
    return Effect.map(this.transport.listen, (listener) => ({
      addresses: Array.isReadonlyArrayNonEmpty(this.advertise) ? this.advertise : listener.addresses,
      run: (handler) =>
        Effect.raceFirst(
          listener.run((connection) => handler(this.wrap(connection))),
          Effect.andThen(Deferred.await(this.killed), Effect.never),
        ),
    }))
  }

  readonly connect = (address: Address): ReturnType<Transport.Transport["Service"]["connect"]> =>
    Effect.suspend(() => {
      if (Deferred.isDoneUnsafe(this.killed)) return Effect.fail(closed("killed"))
      this.dialed.push(address)
      return Effect.map(this.transport.connect(address), (connection) => this.wrap(connection))
    })

  get addMetrics(): Transport.Transport["Service"]["addMetrics"] {
    return this.transport.addMetrics
  }

  /** Cuts all open connections. New connections are possible. */
  get sever(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const before = this.severed
      this.severed = Deferred.makeUnsafe()
      return Effect.asVoid(Deferred.succeed(before, undefined))
    })
  }

  /** Cuts all connections, and neither accepts nor dials any more. */
  get kill(): Effect.Effect<void> {
    return Effect.andThen(Deferred.succeed(this.killed, undefined), this.sever)
  }

  /** Wraps a connection, which fails once it is cut and sends nothing after that. */
  private wrap(connection: Transport.Connection): Transport.Connection {
    const { severed } = this
    const cut = Effect.andThen(Deferred.await(severed), () => Effect.fail(closed("cut")))
    return {
      ...connection,
      pull: Effect.raceFirst(connection.pull, cut),
      write: (chunks) =>
        Effect.suspend(() => (Deferred.isDoneUnsafe(severed) ? Effect.fail(closed("cut")) : connection.write(chunks))),
    }
  }
}
