import type { Address } from "@coterie/core/Address"
import * as Transport from "@coterie/core/Transport"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"

type Service = Transport.Transport["Service"]

const closed = (message: string) => new Transport.TransportError({ reason: "closed", message })

/** A transport whose connections to some addresses a test can cut. A link is cut if both of its nodes cut it. */
export class CutTransport implements Service {
  private readonly transport: Service
  /** Completes when the connections to an address are cut. */
  private readonly cuts = new Map<Address, Deferred.Deferred<void>>()

  constructor(transport: Service) {
    this.transport = transport
  }

  get listen(): Service["listen"] {
    return this.transport.listen
  }

  get addMetrics(): Service["addMetrics"] {
    return this.transport.addMetrics
  }

  readonly connect: Service["connect"] = (address) =>
    Effect.suspend(() => {
      const cut = this.cutOf(address)
      return Deferred.isDoneUnsafe(cut)
        ? Effect.fail(closed("cut"))
        : Effect.map(this.transport.connect(address), (connection) => this.wrap(connection, cut))
    })

  /** Cuts the connections to an address, until `mend`. */
  cut(address: Address): Effect.Effect<unknown> {
    return Effect.suspend(() => Deferred.succeed(this.cutOf(address), undefined))
  }

  /** Lets new connections to all addresses succeed. */
  readonly mend: Effect.Effect<void> = Effect.sync(() => {
    for (const [address, cut] of this.cuts) if (Deferred.isDoneUnsafe(cut)) this.cuts.delete(address)
  })

  private cutOf(address: Address): Deferred.Deferred<void> {
    const cut = this.cuts.get(address) ?? Deferred.makeUnsafe()
    this.cuts.set(address, cut)
    return cut
  }

  private wrap(connection: Transport.Connection, cut: Deferred.Deferred<void>): Transport.Connection {
    // Without a reset, the other end would wait for the link timeout.
    const fail = Deferred.await(cut).pipe(
      Effect.andThen(connection.reset),
      Effect.andThen(() => Effect.fail(closed("cut"))),
    )
    return {
      ...connection,
      pull: Effect.raceFirst(connection.pull, fail),
      write: (chunks) =>
        Effect.suspend(() => (Deferred.isDoneUnsafe(cut) ? Effect.fail(closed("cut")) : connection.write(chunks))),
    }
  }
}
