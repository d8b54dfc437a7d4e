/**
 * Renewal of links. When the transport asks for another connection in the place of a link, this node dials the peer
 * again. The new connection has the greater rank, so it takes over without loss (docs/protocol.md, section
 * "Simultaneous connections").
 */
import * as Effect from "effect/Effect"
import * as Random from "effect/Random"
import type { Address } from "../Address.ts"
import type { LogBudget } from "../internal/LogBudget.ts"
import * as Handshake from "../link/Handshake.ts"
import type { Link } from "../link/Link.ts"
import type * as Reconnect from "../Reconnect.ts"
import type { AddressDialer } from "./AddressDialer.ts"
import type { LinkManager } from "./LinkManager.ts"
import type { MembershipLoop } from "./MembershipLoop.ts"
import * as RetrySchedule from "./RetrySchedule.ts"

/**
 * Time within which the first attempt of a renewal starts, in milliseconds. The side that dialed the link starts at a
 * random time of the first half, and the other side at a random time of the second half, so that usually one side
 * dials. The links of a node are renewed at different times, because a change of the secret concerns all of them. A
 * longer time leaves fewer attempts before a transport with the default bound of 30 seconds closes the link.
 */
export const renewalMillis = 10_000

export interface Options {
  readonly loop: Pick<MembershipLoop, "state">
  readonly links: Pick<LinkManager, "current">
  readonly addresses: Pick<AddressDialer, "awaitAny" | "dial" | "waitFor">
  readonly reconnect: Reconnect.Policy
  readonly log: Pick<LogBudget, "write">
}

export class LinkRenewer {
  private readonly options: Options

  constructor(options: Options) {
    this.options = options
  }

  /**
   * Dials the peer until another connection has taken the place of the link, or the link has ended. `dialed` is the
   * address under which this node dialed the link; `undefined` if the peer dialed. A failed attempt leaves the link in
   * use.
   */
  readonly renew = Effect.fnUntraced(function* (this: LinkRenewer, link: Link, dialed: Address | undefined) {
    const { addresses, reconnect } = this.options
    const half = renewalMillis / 2
    yield* Effect.sleep((yield* Random.next) * half + (dialed === undefined ? half : 0))
    const schedule = yield* RetrySchedule.make(reconnect)
    while (this.isUsed(link)) {
      yield* this.dialOnce(link, dialed)
      if (!this.isUsed(link) || !(yield* schedule.pause())) return
      yield* addresses.awaitAny(this.addressesOf(link, dialed))
    }
  })

  /** Dials each address of the peer that may be dialed now, until the link is replaced. */
  private readonly dialOnce = Effect.fnUntraced(function* (this: LinkRenewer, link: Link, dialed: Address | undefined) {
    const { addresses, log } = this.options
    const { generation, name } = link.peer
    for (const address of this.addressesOf(link, dialed)) {
      if (addresses.waitFor(address) > 0) continue
      const result = yield* Effect.result(addresses.dial(address, { expected: name, renewal: true }))
      if (!this.isUsed(link)) return
      if (result._tag === "Success") continue
      const reason = Handshake.describeDial(address, result.failure)
      yield* log.write({
        level: "Warn",
        kind: "renewal",
        subject: name,
        text: `the link to ${name} could not be renewed: ${reason}; trying again`,
        annotations: { peer: name, generation },
      })
    }
  })

  /** Returns whether messages to the peer use the link. */
  private isUsed(link: Link): boolean {
    const { links, loop } = this.options
    return loop.state().phase._tag === "Running" && links.current(link.peer.name) === link
  }

  /** Returns the addresses of the peer, first the address that led to the peer. */
  private addressesOf({ peer }: Link, dialed: Address | undefined): ReadonlyArray<Address> {
    const member = this.options.loop.state().members.get(peer.name)
    const known = [dialed, member?.address, ...(member?.record ?? peer).body.addresses]
    return [...new Set(known.filter((address) => address !== undefined))]
  }
}
